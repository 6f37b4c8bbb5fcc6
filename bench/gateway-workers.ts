/**
 * Claim: two workers on two cores carry nearly twice what one process carries on one. A whole Cordon, its journal on disk, one keep-alive
 * GET of 250 bytes after the other. The client and the app need a core of their own, so all processes of the Cordon under measurement share
 * one core here, in turns: a main process with two workers, and one process. What the three carry on one core, they carry twice on two.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CORES, makeChildren, needCores, processorSeconds, tell } from './gateway/children.ts';
import type { LoadOrder, LoadReport } from './gateway/load-child.ts';
import { type BenchOptions, type Measurement, measurement, median } from './harness.ts';

const CONNECTIONS = 64;

interface Subject {
  readonly port: number;
  readonly lines: readonly string[];
  readonly main: number;
  readonly workers: readonly number[];
}

/** Microseconds of processor time of one request, and requests per second. */
interface Cost {
  readonly main: number;
  readonly workers: number;
  readonly perSecond: number;
}

/** Measures what a request costs in one process, and in a main process with two workers. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-workers-'));
  const children = makeChildren(join(import.meta.dirname, 'gateway'));
  try {
    const { child: client, ready: app } = await children.startWith<{ port: number }>(
      { core: CORES.others },
      'load-child.ts',
    );
    const subjects = new Map<1 | 2, Subject>();
    for (const count of [1, 2] as const) {
      const args = [String(app.port), folder, String(count)];
      const on = { core: CORES.measured };
      subjects.set(count, (await children.startWith<Subject>(on, 'processes-child.ts', ...args)).ready);
    }
    const costs = new Map<1 | 2, Cost[]>([
      [1, []],
      [2, []],
    ]);
    // Each worker has half of the requests, so it takes twice as long until its code is compiled.
    for (let round = quick ? -1 : -3; round < (quick ? 1 : 5); round++) {
      for (const [count, { main, workers, port, lines }] of subjects) {
        progress(`${round < 0 ? 'warm-up' : `round ${round + 1}`}: ${count === 1 ? 'one process' : 'two workers'}`);
        const before = [main, ...workers].map(processorSeconds);
        const order: LoadOrder = { port, lines, connections: CONNECTIONS, seconds: quick ? 1.5 : 3 };
        const report = await tell<LoadReport>(client, order);
        if (report.failures > 0) throw new Error(`${report.failures} requests failed`);
        const spent = [main, ...workers].map((pid, index) => processorSeconds(pid) - (before[index] ?? 0));
        const requests = report.perSecond * order.seconds;
        const [mainSpent = 0, ...others] = spent;
        const cost = (seconds: number): number => (seconds * 1e6) / requests;
        const all = others.reduce((sum, seconds) => sum + seconds, 0);
        if (round >= 0)
          costs.get(count)?.push({ main: cost(mainSpent), workers: cost(all), perSecond: report.perSecond });
      }
    }
    return [compared(costs.get(1) ?? [], costs.get(2) ?? [])];
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function compared(one: readonly Cost[], two: readonly Cost[]): Measurement {
  const of = (costs: readonly Cost[], part: (cost: Cost) => number): number => median(costs.map(part));
  const [alone, main, workers] = [
    of(one, (cost) => cost.main),
    of(two, (cost) => cost.main),
    of(two, (cost) => cost.workers),
  ];
  return measurement({
    claim: 'gateway-two-workers',
    value: 2 * of(two, (cost) => cost.perSecond),
    unit: 'requests/s',
    baseline: of(one, (cost) => cost.perSecond),
    baselineName: 'one process on one core',
    target: 1.5,
    goal: { of: 'ratio', at: 1.8 },
    note:
      'twice what a main process and two workers carry on one core; processor time per request: ' +
      `${alone.toFixed(0)} µs in one process, ${workers.toFixed(0)} µs in a worker and ${main.toFixed(0)} µs in the main process`,
  });
}
