/**
 * Claims: what it costs that every request is authenticated, decided, asserted and journalled. One keep-alive GET of 250 bytes after the
 * other, through the gateway, through the least that forwards, and through nginx with and without `auth_request`, in turns.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeChildren, tell } from './gateway/children.ts';
import type { LoadOrder, LoadReport } from './gateway/load-child.ts';
import { startNginx } from './gateway/nginx.ts';
import { type BenchOptions, type Measurement, measurement, median } from './harness.ts';

const CONNECTIONS = 32;
/** Only one process at a time is measured; it, the client and the app share the machine in the same way for each. */
const SUBJECTS = ['gateway', 'forwarder', 'nginx', 'nginx auth_request'] as const;
type Subject = (typeof SUBJECTS)[number];

interface Target {
  readonly port: number;
  readonly lines: readonly string[];
}

/** Measures requests per second at 32 connections, and the latency of one request alone. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-gateway-'));
  const children = makeChildren();
  try {
    const { child: client, ready: app } = await children.start<{ port: number }>('load-child.ts');
    const targets = new Map<Subject, Target>();
    targets.set(
      'gateway',
      (await children.start<Target>('cordon-child.ts', String(app.port), join(folder, 'journal'))).ready,
    );
    targets.set('forwarder', (await children.start<Target>('forwarder-child.ts', String(app.port))).ready);
    const nginx = await startNginx(folder, app.port);
    if (nginx !== undefined) {
      const lines = ['host: reports.localhost'];
      targets.set('nginx', { port: nginx.plainPort, lines }).set('nginx auth_request', { port: nginx.authPort, lines });
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
}

const empty = (): Figures => ({ perSecond: [], p99: [], alone: [] });

async function rounds(input: {
  readonly client: ChildProcess;
  readonly targets: ReadonlyMap<Subject, Target>;
  readonly quick: boolean;
  readonly progress: BenchOptions['progress'];
}): Promise<Map<Subject, Figures>> {
  const { client, targets, quick, progress } = input;
  const figures = new Map([...targets.keys()].map((name) => [name, empty()]));
  const measure = async (name: Subject, connections: number, seconds: number): Promise<LoadReport> => {
    const order: LoadOrder = { ...(targets.get(name) ?? { port: 0, lines: [] }), connections, seconds };
    const report = await tell<LoadReport>(client, order);
    if (report.failures > 0) throw new Error(`${report.failures} requests through ${name} failed`);
    return report;
  };
  for (let round = -1; round < (quick ? 1 : 3); round++) {
    for (const [name, { perSecond, p99, alone }] of figures) {
      progress(`${round < 0 ? 'warm-up' : `round ${round + 1}`}: ${name}`);
      const busy = await measure(name, CONNECTIONS, quick ? 1 : 1.5);
      const one = await measure(name, 1, quick ? 0.3 : 0.5);
      if (round < 0) continue;
      perSecond.push(busy.perSecond);
      p99.push(busy.p99);
      alone.push(one.p50);
    }
  }
  return figures;
}

/** What the claims are held to, so that a regression shows on a busy machine too. */
const TARGETS: Readonly<Record<Exclude<Subject, 'gateway'>, number>> = {
  forwarder: 0.1,
  nginx: 0.03,
  'nginx auth_request': 0.12,
};
const LATENCY_TARGET = 15;

function measurements(figures: ReadonlyMap<Subject, Figures>): Measurement[] {
  const of = (name: Subject): Figures => figures.get(name) ?? empty();
  const gateway = of('gateway');
  const note = `${CONNECTIONS} connections, 250 bytes, p99 ${median(gateway.p99).toFixed(1)} ms; each request decided and journalled`;
  const results = SUBJECTS.flatMap((name): Measurement[] => {
    if (name === 'gateway' || !figures.has(name)) return [];
    return [
      measurement({
        claim: `gateway-throughput-${name.replace(/[ _]/g, '-')}`,
        value: median(gateway.perSecond),
        unit: 'requests/s',
        baseline: median(of(name).perSecond),
        baselineName: name === 'forwarder' ? 'bare undici forwarder' : name,
        target: TARGETS[name],
        note,
      }),
    ];
  });
  return [
    ...results,
    measurement({
      claim: 'gateway-latency',
      value: median(gateway.alone),
      unit: 'ms',
      baseline: median(of('forwarder').alone),
      baselineName: 'bare undici forwarder',
      target: LATENCY_TARGET,
      better: 'less',
      note: `one request at a time, p50; ${(median(gateway.alone) - median(of('forwarder').alone)).toFixed(2)} ms added`,
    }),
  ];
}
