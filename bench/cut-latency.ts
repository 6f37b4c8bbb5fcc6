/**
 * Claims: what is open is cut at once. 1,000 WebSockets of 100 people through one gateway; a session is revoked, then policies change
 * so that nobody may: how long from the change until each client has read the close frame with the reason.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeChildren, tell } from './gateway/children.ts';
import type { CutOrder } from './gateway/cordon-child.ts';
import type { CutSeen, SocketOrder } from './gateway/sockets-child.ts';
import { type BenchOptions, type Measurement, measurement, median, quantile } from './harness.ts';

const PEOPLE = 100;
const PER_PERSON = 10;
const ALL = PEOPLE * PER_PERSON;

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
}

/** Measures the cut of one person's WebSockets and of all, against closing all without asking anybody. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-cut-'));
  const children = makeChildren();
  try {
    const [one, all, bare]: [Figures[], Figures[], Figures[]] = [[], [], []];
    for (let round = quick ? 0 : -1; round < (quick ? 1 : 5); round++) {
      const name = round < 0 ? 'warm-up' : `round ${round + 1}`;
      const figures = await measureRound(children, join(folder, String(round)), (text) => progress(`${name}: ${text}`));
      if (round < 0) continue;
      one.push(figures.one);
      all.push(figures.all);
      bare.push(figures.bare);
    }
    return measurements(one, all, bare);
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRound(
  children: ReturnType<typeof makeChildren>,
  folder: string,
  progress: BenchOptions['progress'],
): Promise<{ one: Figures; all: Figures; bare: Figures }> {
  const { child: clients, ready: app } = await children.start<{ port: number }>('sockets-child.ts');
  const { child: gateway, ready } = await children.start<{ port: number; people: string[][] }>(
    'cordon-child.ts',
    String(app.port),
    folder,
    String(PEOPLE),
  );
  const open = async (people: readonly (readonly string[])[]): Promise<void> => {
    progress(`open ${people.length * PER_PERSON}`);
    await tell(clients, { port: ready.port, people, perPerson: PER_PERSON } satisfies SocketOrder);
  };
  const cut = async (order: CutOrder, count: number): Promise<Figures> => {
    progress(order);
    const { at } = await tell<{ at: number }>(gateway, order);
    const seen = await tell<CutSeen[]>(clients, { count } satisfies SocketOrder);
    if (seen.length !== count || seen.some(({ code }) => code !== 4403)) {
      throw new Error(`${order}: ${seen.length} of ${count} were cut`);
    }
    const waits = seen.map((one) => one.at - at);
    return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), last: Math.max(...waits) };
  };
  await open(ready.people);
  const bare = await cut('cut-all', ALL);
  await open(ready.people);
  const one = await cut('revoke-one', PER_PERSON);
  const all = await cut('deny-all', ALL - PER_PERSON);
  gateway.kill();
  clients.kill();
  return { one, all, bare };
}

function measurements(one: readonly Figures[], all: readonly Figures[], bare: readonly Figures[]): Measurement[] {
  const middle = (figures: readonly Figures[], name: keyof Figures): number =>
    median(figures.map((each) => each[name]));
  const said = (figures: readonly Figures[]): string =>
    `p50 ${middle(figures, 'p50').toFixed(1)} ms, p99 ${middle(figures, 'p99').toFixed(1)} ms, last ${middle(figures, 'last').toFixed(1)} ms`;
  return [
    measurement({
      claim: 'cut-latency-policy',
      value: middle(all, 'p99'),
      unit: 'ms',
      baseline: middle(bare, 'p99'),
      baselineName: 'closing without deciding',
      target: 3,
      better: 'less',
      note: `p99 of ${ALL - PER_PERSON} WebSockets of ${PEOPLE - 1} people after one policy change; ${said(all)}; closing without deciding: ${said(bare)}`,
    }),
    measurement({
      claim: 'cut-latency-session',
      value: middle(one, 'last'),
      unit: 'ms',
      baseline: middle(bare, 'p99'),
      baselineName: 'closing all without deciding',
      target: 1,
      better: 'less',
      note: `the last of one person’s ${PER_PERSON} WebSockets among ${ALL} after the session was revoked; the others stay`,
    }),
  ];
}
