/**
 * Claim: how many questions of nginx (`auth_request`) one core answers, each authenticated, decided, signed and journalled, beside the
 * least that answers yes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CORES, makeChildren, needCores, tell } from './gateway/children.ts';
import type { LoadOrder, LoadReport } from './gateway/load-child.ts';
import { type BenchOptions, type Measurement, measurement, median } from './harness.ts';

const CONNECTIONS = 32;
/** Decisions per second on one core. */
const GOAL = 25_000;

/** Measures answers per second of one process. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  needCores();
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-asked-'));
  const children = makeChildren();
  const measured = { core: CORES.measured };
  try {
    const { child: client, ready: app } = await children.startWith<{ port: number }>(
      { core: CORES.others },
      'load-child.ts',
    );
    const { ready: cordon } = await children.startWith<{ askPort: number; askedLines: readonly string[] }>(
      measured,
      'cordon-child.ts',
      String(app.port),
      folder,
    );
    const { ready: constant } = await children.startWith<{ port: number }>(measured, 'constant-child.ts');
    const ask = async (port: number, seconds: number): Promise<number> => {
      const original = ['x-original-url: http://asked.localhost/reports/{n}', 'x-original-method: GET'];
      const lines = [...cordon.askedLines, ...original, 'x-forwarded-for: 192.0.2.7'];
      const order = { port, lines, target: '/forward-auth/nginx', connections: CONNECTIONS, seconds };
      const report = await tell<LoadReport>(client, order satisfies LoadOrder);
      if (report.failures > 0) throw new Error(`${report.failures} questions were not answered with yes`);
      return report.perSecond;
    };
    const [ours, least]: [number[], number[]] = [[], []];
    for (let round = -1; round < (quick ? 1 : 3); round++) {
      progress(round < 0 ? 'warm-up' : `round ${round + 1}`);
      const seconds = quick ? 1 : round < 0 ? 4 : 1.5;
      const [one, other] = [await ask(cordon.askPort, seconds), await ask(constant.port, seconds)];
      if (round < 0) continue;
      ours.push(one);
      least.push(other);
    }
    return [
      measurement({
        claim: 'forward-auth-decisions',
        value: median(ours),
        unit: 'decisions/s',
        baseline: median(least),
        baselineName: 'node:http that says yes',
        target: 0.15,
        goal: { of: 'value', at: GOAL },
        note: `${CONNECTIONS} connections, one core; each request decided, signed and journalled`,
      }),
    ];
  } finally {
    children.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
