/**
 * The gateway under measurement as clients over HTTP/2 find it: over TLS, with real policies, a real trust graph and a journal on disk.
 * Arguments: port of the app, folder for the journal, files of certificate and key.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tuneMemory } from '#base';
import { hear, SERVER_OPTIONS } from '#gateway';
import { makeEstate } from './estate.ts';

tuneMemory();
const [appPort = '', folder = '', cert = '', key = ''] = process.argv.slice(2);
const { gateway, lines } = await makeEstate({ appPort, folder, count: 1 });
const server = createServer({
  ...SERVER_OPTIONS,
  cert: readFileSync(cert),
  key: readFileSync(key),
  ALPNProtocols: ['h2'],
});
hear(server, { request: gateway.handle, upgrade: gateway.upgrade, stream: gateway.stream });
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port, lines: lines[0] });
});
