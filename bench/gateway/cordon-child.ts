/**
 * The gateway under measurement, in a process of its own: real policies, a real trust graph, a journal on disk. Arguments: port of the
 * app, folder for the journal, how many people are signed in.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ipSetOf, parseCidr, tuneMemory } from '#base';
import { answerProxies, hardenServer, SERVER_OPTIONS } from '#gateway';
import { makeEstate, POLICIES, policiesOf } from './estate.ts';

/** What the parent may make happen. */
export type CutOrder = 'revoke-one' | 'deny-all' | 'cut-all' | 'allow-all';

/** Asks for the size of the process. */
export type SizeOrder = 'size';

tuneMemory();
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
const asked = createServer({ ...SERVER_OPTIONS }, answerProxies({ gateway: estate.gateway, trusted: loopback() }));
hardenServer(asked);

process.on('message', (order: CutOrder | SizeOrder) => {
  if (order === 'size') {
    globalThis.gc?.();
    process.send?.({ bytes: process.memoryUsage.rss() });
    return;
  }
  // Monotonic, and the same for every process of a machine.
  const at = Number(process.hrtime.bigint()) / 1e6;
  ORDERS[order]();
  process.send?.({ at });
});
process.on('disconnect', () => process.exit());
const [port, askPort] = await Promise.all([listening(server), listening(asked)]);
process.send?.({ port, lines: estate.lines[0], people: estate.lines, askPort, askedLines: estate.askedLines[0] });

async function listening(one: Server): Promise<number> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', 2048, resolve));
  return (one.address() as AddressInfo).port;
}

function loopback(): ReturnType<typeof ipSetOf> {
  const cidr = parseCidr('127.0.0.0/8');
  if (!cidr.ok) throw new Error(cidr.error);
  return ipSetOf([cidr.value]);
}
