/**
 * The least that forwards what comes over HTTP/2: Node's server in front of an undici dispatcher, without a check of anything. What the
 * gateway adds is measured against it. Arguments: port of the app, files of certificate and key.
 */
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';

const [appPort = '', cert = '', key = ''] = process.argv.slice(2);
const origin = `http://127.0.0.1:${appPort}`;
const agent = new Agent({ pipelining: 1 });
const server = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) });
server.on('stream', (stream, head) => {
  agent.dispatch(
    { origin, path: head[':path'] ?? '/', method: 'GET', headers: { host: head[':authority'] }, body: null },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, status, headers) => {
        stream.respond({ ...headers, ':status': status });
      },
      onResponseData: (controller, chunk) => {
        if (!stream.write(chunk)) {
          controller.pause();
          stream.once('drain', () => {
            controller.resume();
          });
        }
      },
      onResponseEnd: () => {
        stream.end();
      },
      onResponseError: () => {
        stream.destroy();
      },
    },
  );
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port, lines: ['host: reports.localhost'] });
});
