/**
 * Claims: large bodies go through the gateway nearly as fast as through the least that forwards, and none of them gathers in memory.
 * 1 GiB down and up, in turns, with 10,000 people signed in: what goes through must not depend on what the gateway holds.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CORES, makeChildren, needCores, tell } from './gateway/children.ts';
import type { TransferOrder } from './gateway/transfer-child.ts';
import { type BenchOptions, type Measurement, measurement, median, Skip } from './harness.ts';

const MIB = 2 ** 20;
const GIB = 1024 * MIB;
const PEOPLE = 10_000;
const DIRECTIONS = ['down', 'up'] as const;
type Direction = (typeof DIRECTIONS)[number];

interface Subject {
  readonly child: ChildProcess;
  readonly port: number;
  readonly lines: readonly string[];
  /** MiB per second. */
  readonly rates: Record<Direction, number[]>;
  /** MiB by which the process was larger at its largest than before. */
  readonly grown: Record<Direction, number[]>;
}

/** Measures MiB per second and how far the process grows. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  if (process.platform !== 'linux') throw new Skip('the size of a process is read from /proc');
  const bytes = quick ? GIB / 4 : GIB;
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-transfer-'));
  const children = makeChildren();
  const start = async (file: string, ...args: string[]): Promise<Subject> => {
    const { child, ready } = await children.startWith<{ port: number; lines: string[] }>(
      { core: CORES.measured },
      file,
      ...args,
    );
    return { child, ...ready, rates: { down: [], up: [] }, grown: { down: [], up: [] } };
  };
  try {
    const { child: client, ready: app } = await children.startWith<{ port: number }>(
      { core: CORES.others },
      'transfer-child.ts',
    );
    const gateway = await start('cordon-child.ts', String(app.port), folder, String(PEOPLE));
    const forwarder = await start('forwarder-child.ts', String(app.port));
    const transfer = async ({ port, lines }: Subject, direction: Direction, size: number): Promise<number> => {
      const order = { port, lines, direction, bytes: size } satisfies TransferOrder;
      return (await tell<{ milliseconds: number }>(client, order)).milliseconds;
    };
    for (const subject of [gateway, forwarder])
      for (const direction of DIRECTIONS) await transfer(subject, direction, GIB / 8);
    for (let round = 0; round < (quick ? 1 : 2); round++) {
      for (const direction of DIRECTIONS) {
        for (const subject of [gateway, forwarder]) {
          progress(`round ${round + 1}: ${direction}`);
          const size = watchSize(subject.child);
          subject.rates[direction].push(bytes / MIB / ((await transfer(subject, direction, bytes)) / 1000));
          subject.grown[direction].push(size.end());
        }
      }
    }
    return [
      ...DIRECTIONS.map((direction) => rateOf(direction, gateway, forwarder)),
      measurement({
        claim: 'transfer-memory',
        value: Math.max(1, ...DIRECTIONS.flatMap((direction) => gateway.grown[direction])),
        unit: 'MiB',
        baseline: bytes / MIB,
        baselineName: 'the body',
        target: 0.1,
        better: 'less',
        note: 'the most by which the process grew while a body went through',
      }),
    ];
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Looks at the resident memory of a process until the end, and says how far it grew, in MiB. */
function watchSize({ pid }: ChildProcess): { readonly end: () => number } {
  const size = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  const before = size();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, size());
  }, 20);
  return {
    end: () => {
      clearInterval(timer);
      return Math.max(most, size()) - before;
    },
  };
}

function rateOf(direction: Direction, gateway: Subject, forwarder: Subject): Measurement {
  const [ours, bare] = [median(gateway.grown[direction]), median(forwarder.grown[direction])];
  return measurement({
    claim: `transfer-${direction}`,
    value: median(gateway.rates[direction]),
    unit: 'MiB/s',
    baseline: median(forwarder.rates[direction]),
    baselineName: 'bare undici forwarder',
    target: 0.8,
    note: `one body after the other, one core; the process grew by ${ours.toFixed(0)} MiB, the forwarder by ${bare.toFixed(0)} MiB`,
  });
}
