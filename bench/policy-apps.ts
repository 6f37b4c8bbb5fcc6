/**
 * Claims: the three applications of the Cedar paper (OOPSLA 2024) are decided in a fraction of a microsecond. Worlds are generated as the
 * paper says: `n` of each kind of entity, connected with probability 0.05; each of 200 worlds is asked 500 questions, each timed by
 * itself. Published for n = 50, on other machines, median / p99 in µs: Cedar in Rust 5.8 / 10.8, 11.3 / 20.5, 5.8 / 9.8; SAPL on the JVM
 * 0.36 / 1.93, 0.66 / 2.24, 0.25 / 1.63 (gdrive, github, tinytodo).
 */
import { type BenchOptions, type Measurement, measurement, median, quantile } from './harness.ts';
import { type PaperApp, times } from './policy/app.ts';
import { bytesPerDecision, compiled, stored, timeCedar, timeDecisions, type Times } from './policy/decisions.ts';
import { brokenGdrive, gdrive } from './policy/gdrive.ts';
import { github } from './policy/github.ts';
import { Choices } from './policy/random.ts';
import { tinytodo } from './policy/tinytodo.ts';

const SIZES = [5, 10, 15, 20, 30, 40, 50];
const LARGEST = 50;
const QUESTIONS = 500;

/** Measures median and p99 of one decision against cedar-wasm. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const worlds = quick ? 10 : 200;
  const results: Measurement[] = [];
  for (const app of [gdrive, github, tinytodo]) {
    progress(`${app.name}: warm-up`);
    measureApp(app, LARGEST, quick ? 10 : 20);
    const bySize = (quick ? [5, LARGEST] : SIZES).map((size) => {
      progress(`${app.name}: n = ${size}`);
      return { size, ...measureApp(app, size, worlds) };
    });
    const largest = bySize.find(({ size }) => size === LARGEST);
    if (largest === undefined) throw new Error('the largest size was not measured');
    progress(`${app.name}: cedar-wasm`);
    const cedar = measureCedar(app, quick ? 3 : 10);
    const sizes = bySize.map(({ size, all }) => `${size}: ${micro(median(all))}`).join(', ');
    const quirk =
      app === gdrive
        ? `; with the view names of the paper’s generator ${summary(measureApp(brokenGdrive, LARGEST, worlds))}`
        : '';
    results.push(...claims(app, largest, cedar, `medians by n ${sizes}${quirk}`));
  }
  return results;
}

interface AppFigures extends Times {
  readonly all: number[];
  readonly bytes: number;
}

function measureApp(app: PaperApp, size: number, worlds: number): AppFigures {
  const policies = compiled(app.policies);
  const found: Times = { allow: [], deny: [] };
  let bytes = 0;
  for (let seed = 1; seed <= worlds; seed++) {
    const world = app.world(size, new Choices(seed * 1000 + size));
    const store = stored(world.entities);
    const requests = times(QUESTIONS, world.request);
    timeDecisions(policies, store, requests, found);
    if (seed === worlds) bytes = bytesPerDecision(policies, store, times(20, () => requests).flat());
  }
  return { ...found, all: [...found.allow, ...found.deny], bytes };
}

function measureCedar(app: PaperApp, worlds: number): number[] {
  const policies = compiled(app.policies);
  const texts = Object.fromEntries(policies.policies.map(({ id, statement }) => [id, statement.text]));
  return times(worlds, (seed) => {
    const world = app.world(LARGEST, new Choices((seed + 1) * 1000 + LARGEST));
    return timeCedar(texts, world.entities, times(30, world.request), policies);
  }).flat();
}

function claims(app: PaperApp, figures: AppFigures, cedar: readonly number[], more: string): Measurement[] {
  const common = { unit: 'µs', better: 'less', baselineName: 'cedar-wasm, policies parsed before' } as const;
  return [
    measurement({
      claim: `policy-${app.name}-median`,
      ...common,
      value: median(figures.all),
      baseline: median(cedar),
      target: 0.002,
      note: `n = ${LARGEST}, wanted under 0.5 µs; ${summary(figures)}; ${more}`,
    }),
    measurement({
      claim: `policy-${app.name}-p99`,
      ...common,
      value: quantile(figures.all, 0.99),
      baseline: quantile(cedar, 0.99),
      target: 0.01,
      note: `n = ${LARGEST}, wanted under 5 µs`,
    }),
  ];
}

function summary({ allow, deny, bytes }: AppFigures): string {
  const figures = (
    [
      ['allow', allow],
      ['deny', deny],
    ] as const
  ).map(([name, list]) =>
    list.length === 0 ? `no ${name}` : `${list.length} ${name} ${micro(median(list))} / ${micro(quantile(list, 0.99))}`,
  );
  return `${figures.join(', ')} (median / p99), ${bytes} bytes per decision`;
}

function micro(value: number): string {
  return value.toFixed(2);
}
