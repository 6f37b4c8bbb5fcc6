/**
 * Claims: what it costs that every request is authenticated, decided, asserted and journalled. One keep-alive GET of 250 bytes after the
 * other, through the gateway, through the least that forwards, through nginx, and through nginx that asks Cordon about each, in turns;
 * what is measured has one core, client and app have the other.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CORES, makeChildren, needCores, tell } from './gateway/children.ts';
import type { LoadOrder, LoadReport } from './gateway/load-child.ts';
import { startNginx } from './gateway/nginx.ts';
import { type BenchOptions, type Goal, type Measurement, measurement, median } from './harness.ts';

const CONNECTIONS = 32;
/** Only one process at a time is measured; it, the client and the app share the machine in the same way for each. */
const SUBJECTS = ['gateway', 'forwarder', 'nginx', 'nginx auth_request'] as const;
type Subject = (typeof SUBJECTS)[number];

interface Target {
  readonly port: number;
  readonly lines: readonly string[];
}

interface CordonTarget extends Target {
  readonly askPort: number;
  readonly askedLines: readonly string[];
}

/** Measures requests per second at 32 connections, the latency of one request alone, and what is added at half of saturation. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-gateway-'));
  const children = makeChildren();
  const start = async <T extends Target>(file: string, ...args: string[]): Promise<T> =>
    (await children.startWith<T>({ core: CORES.measured }, file, ...args)).ready;
  try {
    const { child: client, ready: app } = await children.startWith<{ port: number }>(
      { core: CORES.others },
      'load-child.ts',
    );
    const cordon = await start<CordonTarget>('cordon-child.ts', String(app.port), join(folder, 'journal'));
    const targets = new Map<Subject, Target>([
      ['gateway', cordon],
      ['forwarder', await start('forwarder-child.ts', String(app.port))],
    ]);
    const nginx = await startNginx(folder, { appPort: app.port, askPort: cordon.askPort });
    if (nginx !== undefined) {
      targets.set('nginx', { port: nginx.plainPort, lines: cordon.askedLines });
      targets.set('nginx auth_request', { port: nginx.authPort, lines: cordon.askedLines });
    } else progress('nginx is not installed: without its baselines');
    try {
      return measurements(await rounds({ client, targets, quick, progress }));
    } finally {
      nginx?.stop();
    }
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Figures {
  readonly perSecond: number[];
  readonly p99: number[];
  /** Of a request alone. */
  readonly alone: number[];
  /** p99 at half of what the gateway can take. */
  readonly half: number[];
}

const empty = (): Figures => ({ perSecond: [], p99: [], alone: [], half: [] });

async function rounds(input: {
  readonly client: ChildProcess;
  readonly targets: ReadonlyMap<Subject, Target>;
  readonly quick: boolean;
  readonly progress: BenchOptions['progress'];
}): Promise<Map<Subject, Figures>> {
  const { client, targets, quick, progress } = input;
  const figures = new Map([...targets.keys()].map((name) => [name, empty()]));
  const measure = async (name: Subject, how: Pick<LoadOrder, 'connections' | 'seconds' | 'rate'>) => {
    const { port, lines } = targets.get(name) ?? { port: 0, lines: [] };
    const report = await tell<LoadReport>(client, { port, lines, ...how } satisfies LoadOrder);
    if (report.failures > 0) throw new Error(`${report.failures} requests through ${name} failed`);
    return report;
  };
  let half = 0;
  for (let round = -1; round < (quick ? 1 : 3); round++) {
    for (const [name, into] of figures) {
      progress(`${round < 0 ? 'warm-up' : `round ${round + 1}`}: ${name}`);
      // What is compiled while it runs needs some tens of thousands of requests until it is as fast as it gets.
      const busy = await measure(name, { connections: CONNECTIONS, seconds: quick ? 1 : round < 0 ? 5 : 1.5 });
      if (round < 0) continue;
      into.perSecond.push(busy.perSecond);
      into.p99.push(busy.p99);
      into.alone.push((await measure(name, { connections: 1, seconds: 0.3 })).p50);
      if (name === 'gateway') half = busy.perSecond / 2;
      if (name === 'gateway' || name === 'forwarder')
        into.half.push((await measure(name, { connections: CONNECTIONS, seconds: quick ? 0.5 : 1.5, rate: half })).p99);
    }
  }
  return figures;
}

type Baseline = Exclude<Subject, 'gateway'>;

/** What the claims are held to, so that a regression shows on a busy machine too. */
const TARGETS: Readonly<Record<Baseline, number>> = { forwarder: 0.25, nginx: 0.1, 'nginx auth_request': 0.6 };
/** What they are to become. */
const GOALS: Readonly<Record<Baseline, Goal>> = {
  forwarder: { of: 'ratio', at: 0.85 },
  nginx: { of: 'ratio', at: 0.75 },
  'nginx auth_request': { of: 'ratio', at: 2.5 },
};
const BASELINES: Readonly<Record<Baseline, string>> = {
  forwarder: 'bare undici forwarder',
  nginx: 'nginx',
  'nginx auth_request': 'nginx auth_request that asks Cordon',
};
const LATENCY_TARGET = 15;
/** Milliseconds that may be added to the slowest hundredth. */
const ADDED_GOAL = 1;

function measurements(figures: ReadonlyMap<Subject, Figures>): Measurement[] {
  const of = (name: Subject): Figures => figures.get(name) ?? empty();
  const gateway = of('gateway');
  const forwarder = of('forwarder');
  const note = `${CONNECTIONS} connections, 250 bytes, one core, p99 ${median(gateway.p99).toFixed(1)} ms; each request decided and journalled`;
  const results = SUBJECTS.flatMap((name): Measurement[] => {
    if (name === 'gateway' || !figures.has(name)) return [];
    return [
      measurement({
        claim: `gateway-throughput-${name.replace(/[ _]/g, '-')}`,
        value: median(gateway.perSecond),
        unit: 'requests/s',
        baseline: median(of(name).perSecond),
        baselineName: BASELINES[name],
        target: TARGETS[name],
        goal: GOALS[name],
        note,
      }),
    ];
  });
  const [half, bare] = [median(gateway.half), median(forwarder.half)];
  return [
    ...results,
    measurement({
      claim: 'gateway-latency',
      value: median(gateway.alone),
      unit: 'ms',
      baseline: median(forwarder.alone),
      baselineName: BASELINES.forwarder,
      target: LATENCY_TARGET,
      better: 'less',
      note: `one request at a time, p50; ${(median(gateway.alone) - median(forwarder.alone)).toFixed(2)} ms added`,
    }),
    measurement({
      claim: 'gateway-latency-half',
      value: half,
      unit: 'ms',
      baseline: bare,
      baselineName: BASELINES.forwarder,
      target: 50,
      better: 'less',
      goal: { of: 'value', at: bare + ADDED_GOAL },
      note: `p99 at half of what the gateway can take, ${Math.round(median(gateway.perSecond) / 2)} requests/s; ${(half - bare).toFixed(2)} ms added, of which 1 is the goal`,
    }),
  ];
}
