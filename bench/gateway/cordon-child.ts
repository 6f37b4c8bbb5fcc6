/**
 * The gateway under measurement, in a process of its own: real policies, a real trust graph, a journal on disk. Arguments: port of the
 * app, folder for the journal, how many people are signed in.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepObjectsYoung } from '#base';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import { makeEstate, POLICIES, policiesOf } from './estate.ts';

/** What the parent may make happen. */
export type CutOrder = 'revoke-one' | 'deny-all' | 'cut-all' | 'allow-all';

keepObjectsYoung();
const [appPort = '', folder = '', count = '1'] = process.argv.slice(2);
const estate = await makeEstate({ appPort, folder, count: Number(count) });
const prepared = { open: policiesOf(POLICIES.open, 2), closed: policiesOf(POLICIES.closed, 3) };

const ORDERS: Readonly<Record<CutOrder, () => void>> = {
  'revoke-one': () => {
    estate.change('session', 'ses_0');
  },
  'deny-all': () => {
    estate.policies = prepared.closed;
    estate.change('policyActivation', 'active', { id: 'active' });
  },
  'allow-all': () => {
    estate.policies = prepared.open;
    estate.change('policyActivation', 'active', { id: 'active' });
  },
  // The least that a cut can be: nobody is asked anything.
  'cut-all': () => {
    estate.gateway.cut({}, { code: 'connection-ended' });
  },
};

const server = createServer({ ...SERVER_OPTIONS }, (request, response) => {
  estate.gateway.handle(request, response);
});
server.on('upgrade', (request, socket, head) => {
  estate.gateway.upgrade(request, socket, head);
});
hardenServer(server);
process.on('message', (order: CutOrder) => {
  // Monotonic, and the same for every process of a machine.
  const at = Number(process.hrtime.bigint()) / 1e6;
  ORDERS[order]();
  process.send?.({ at });
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', 2048, () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ port, lines: estate.lines[0], people: estate.lines });
});
