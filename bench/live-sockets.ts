/**
 * Claims: what 10,000 idle WebSockets cost, and how soon they are cut: all of them after one policy change, and those of one person after
 * a session was revoked. Memory is measured beside the least that carries WebSockets.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { allowedFiles, type Children, CORES, makeChildren, needCores, tell } from './gateway/children.ts';
import type { CutOrder, SizeOrder } from './gateway/cordon-child.ts';
import type { CutSeen, SocketOrder } from './gateway/sockets-child.ts';
import { type BenchOptions, type Measurement, measurement, quantile, Skip } from './harness.ts';

const PER_PERSON = 10;
/** Each WebSocket is two connections for the gateway, and two for client and app. */
const FILES_PER_SOCKET = 2;
const OTHER_FILES = 200;
/** Time for what the openings left behind, before memory is looked at. */
const SETTLE_MS = 1500;

/** Measures kilobytes for each WebSocket and milliseconds until they are cut. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  const wanted = quick ? 1_000 : 10_000;
  const files = allowedFiles(wanted * FILES_PER_SOCKET + OTHER_FILES);
  // As many as the machine allows, by whole people.
  const sockets = Math.min(wanted, Math.floor((files - OTHER_FILES) / FILES_PER_SOCKET / PER_PERSON) * PER_PERSON);
  if (sockets < 1_000) throw new Skip(`only ${files} files may be open, which is too few`);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-sockets-'));
  const children = makeChildren();
  try {
    progress(`${sockets} through the gateway`);
    const ours = await throughGateway(children, { folder, sockets, files, progress });
    progress(`${sockets} through the least`);
    const bare = await throughLeast(children, { sockets, files, people: ours.people });
    return measurements(ours, bare, sockets);
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Through {
  readonly people: readonly (readonly string[])[];
  readonly bytesEach: number;
  /** Milliseconds from the change until the client read the close frame. */
  readonly one: readonly number[];
  readonly all: readonly number[];
  /** The same when nobody is asked anything. */
  readonly bare: readonly number[];
}

async function throughGateway(
  children: Children,
  input: { folder: string; sockets: number; files: number; progress: BenchOptions['progress'] },
): Promise<Through> {
  const { folder, sockets, files, progress } = input;
  const { child: clients, ready: app } = await children.startWith<{ port: number }>(
    { core: CORES.others, files },
    'sockets-child.ts',
  );
  const { child: gateway, ready } = await children.startWith<{ port: number; people: readonly (readonly string[])[] }>(
    { core: CORES.measured, files, nodeArgs: ['--expose-gc'] },
    'cordon-child.ts',
    String(app.port),
    folder,
    String(sockets / PER_PERSON),
  );
  const { people } = ready;
  const size = async (): Promise<number> => (await tell<{ bytes: number }>(gateway, 'size' satisfies SizeOrder)).bytes;
  const cut = async (order: CutOrder, count: number): Promise<number[]> => {
    const { at } = await tell<{ at: number }>(gateway, order);
    const seen = await tell<readonly CutSeen[]>(clients, { count } satisfies SocketOrder);
    if (seen.length !== count) throw new Error(`${seen.length} of ${count} WebSockets were cut`);
    return seen.map((one) => one.at - at).toSorted((a, b) => a - b);
  };
  const open = async (whose: Through['people']): Promise<void> => {
    await tell(clients, { port: ready.port, people: whose, perPerson: PER_PERSON } satisfies SocketOrder);
  };
  const before = await warmSize(size, async () => {
    await open(people.slice(0, 10));
    await cut('cut-all', 10 * PER_PERSON);
  });
  await open(people);
  await wait(SETTLE_MS);
  const bytesEach = ((await size()) - before) / sockets;
  progress('cut all, one person, and all after a change');
  const bare = await cut('cut-all', sockets);
  await open(people);
  const one = await cut('revoke-one', PER_PERSON);
  const all = await cut('deny-all', sockets - PER_PERSON);
  gateway.kill();
  clients.kill();
  return { people, bytesEach, one, all, bare };
}

async function throughLeast(
  children: Children,
  { sockets, files, people }: { sockets: number; files: number; people: Through['people'] },
): Promise<number> {
  const { child: clients, ready: app } = await children.startWith<{ port: number }>(
    { core: CORES.others, files },
    'sockets-child.ts',
  );
  const { child: proxy, ready } = await children.startWith<{ port: number }>(
    { core: CORES.measured, files, nodeArgs: ['--expose-gc'] },
    'bare-proxy-child.ts',
    String(app.port),
  );
  const size = async (): Promise<number> => (await tell<{ bytes: number }>(proxy, 'size')).bytes;
  const before = await size();
  await tell(clients, { port: ready.port, people, perPerson: PER_PERSON } satisfies SocketOrder);
  await wait(SETTLE_MS);
  return ((await size()) - before) / sockets;
}

/** Size of the process once what every first connection needs is there. */
async function warmSize(size: () => Promise<number>, warm: () => Promise<void>): Promise<number> {
  await warm();
  await wait(SETTLE_MS / 3);
  return await size();
}

function measurements({ bytesEach, one, all, bare }: Through, bareEach: number, sockets: number): Measurement[] {
  const shown = (values: readonly number[]): string =>
    `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms, last ${quantile(values, 1).toFixed(1)} ms`;
  const [first, bareFirst] = [all.slice(0, 1000), bare.slice(0, 1000)];
  const name = 'closing without deciding';
  const cutOf = (
    claim: string,
    value: number,
    rest: { goal: number; target: number; note: string; baseline: number; name: string },
  ) =>
    measurement({
      claim,
      value,
      unit: 'ms',
      baseline: rest.baseline,
      baselineName: rest.name,
      target: rest.target,
      better: 'less',
      goal: { of: 'value', at: rest.goal },
      note: rest.note,
    });
  return [
    measurement({
      claim: 'live-sockets-memory',
      value: bytesEach / 1000,
      unit: 'kB',
      baseline: bareEach / 1000,
      baselineName: 'bare WebSocket proxy',
      target: 6,
      better: 'less',
      goal: { of: 'value', at: 40 },
      note: `of each of ${sockets} idle WebSockets, resident memory after a collection`,
    }),
    cutOf('live-sockets-cut-all', quantile(all, 1), {
      goal: 1000,
      note: `the last of ${all.length} after one policy change; ${shown(all)}`,
      target: 4,
      baseline: quantile(bare, 1),
      name,
    }),
    cutOf('live-sockets-cut-first', quantile(first, 0.99), {
      goal: 100,
      note: `p99 of the first ${first.length} after that change`,
      target: 4,
      baseline: quantile(bareFirst, 0.99),
      name,
    }),
    cutOf('live-sockets-cut-one', quantile(one, 0.99), {
      goal: 20,
      note: `p99 of one person’s ${one.length} WebSockets among ${sockets} after the session was revoked; ${shown(one)}`,
      target: 1,
      baseline: quantile(all, 1),
      name: 'the last of all after a policy change',
    }),
  ];
}
