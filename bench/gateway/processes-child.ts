/**
 * A whole Cordon in front of one app, with as many workers as asked for. Arguments: port of the app, folder for its data, number of
 * workers (1: the gateway is in this process).
 */
import { join } from 'node:path';
import { hashToken, newToken, systemClock } from '#base';
import { startCordon, textSource } from '#server';
import { person } from './estate.ts';

const [appPort = '', folder = '', count = '1'] = process.argv.slice(2);
const HOST = 'reports.localhost';
const TEXT = `listen: { http: "127.0.0.1:0", tls: "off" }
probe: { every: off }
gateway:
  workers: ${count}
  limits:
    requests_per_second_per_connection: off
    requests_per_second_per_address: off
    requests_per_second_per_account: off
    requests_per_second_per_app: off
apps:
  reports: { upstream: "http://127.0.0.1:${appPort}", tier: T3, device: any }
`;
const silent = (): void => {};
const cordon = await startCordon({
  version: '0',
  clock: systemClock,
  source: textSource(
    { text: TEXT, policies: { 'a.cedar': '@id("all") permit (principal, action == Action::"access", resource);' } },
    join(folder, `data-${count}`),
  ),
  consoleDirectory: join(import.meta.dirname, '../../console/dist'),
  uid: 0,
  log: { info: silent, warn: silent, error: silent },
});
const token = newToken();
await cordon.services.store.transact('system', async (tx) => {
  const now = systemClock.now();
  for (const { kind, body } of person(0, now)) await tx.put(kind, body);
  await tx.put('appSession', {
    id: 'app_0',
    tokenHash: hashToken(token),
    sessionId: 'ses_0',
    host: HOST,
    createdAt: now,
  });
});
await cordon.front.connections(); // and every worker has heard of it
for (const end of ['disconnect', 'SIGTERM'] as const) {
  process.on(end, () => {
    void cordon.stop().then(() => process.exit());
  });
}
process.send?.({
  port: cordon.ports.http,
  lines: [`host: ${HOST}`, `cookie: __Host-cordon_app=${token}`],
  main: process.pid,
  workers: cordon.front.workers,
});
