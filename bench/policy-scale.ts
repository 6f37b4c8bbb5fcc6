/**
 * Claims: a decision costs what the policies that can apply cost, not what all cost. 1,000 to 100,000 policies with a schema, loaded as in
 * production, in a process of their own; the baseline evaluates the same policies one by one, because everything stands in their
 * conditions. Published, on another machine: Cedar scans 1,000 in 1.26 ms, 10,000 in 13.5 ms, 100,000 in 164 ms, and loads those in 16 s
 * with 1 GB; SAPL's index decides among 9,905 in 0.37 µs.
 */
import { type BenchOptions, type Measurement, measurement, median, quantile } from './harness.ts';
import { makeChildren } from './gateway/children.ts';
import { times } from './policy/app.ts';
import { compiled, timeCedar } from './policy/decisions.ts';
import { estate } from './policy/estate.ts';
import { Choices } from './policy/random.ts';
import type { ScaleFigures } from './policy/scale-child.ts';

const WANTED: Readonly<Record<number, string>> = {
  10_000: 'under 1 µs',
  100_000: 'under 2 µs, loaded in under 30 s and 1,000 MB',
};

/** Measures decisions among more and more policies, against a scan of all, and against cedar-wasm where that ends in time. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const children = makeChildren(`${import.meta.dirname}/policy`);
  try {
    const results: Measurement[] = [];
    for (const count of quick ? [1000, 10_000] : [1000, 10_000, 100_000]) {
      progress(`${count} policies`);
      const decisions = quick ? 10_000 : 50_000;
      const scans = Math.max(20, Math.round((quick ? 3e5 : 4e6) / count));
      const { ready } = await children.start<ScaleFigures>(
        'scale-child.ts',
        String(count),
        String(decisions),
        String(scans),
      );
      results.push(scanClaim(count, ready));
      if (count === 1000) results.push(cedarClaim(count, ready, quick ? 5 : 50));
      if (count === 100_000) results.push(memoryClaim(count, ready));
    }
    return results;
  } finally {
    children.end();
  }
}

function scanClaim(count: number, figures: ScaleFigures): Measurement {
  const { allow, deny } = figures.times;
  const all = [...allow, ...deny];
  const wanted = WANTED[count] === undefined ? '' : `wanted ${WANTED[count]}; `;
  const spread = (
    [
      ['allow', allow],
      ['deny', deny],
    ] as const
  ).map(([name, list]) => `${list.length} ${name} ${median(list).toFixed(2)} / ${quantile(list, 0.99).toFixed(2)}`);
  return measurement({
    claim: `policy-scale-${count}`,
    value: median(all),
    unit: 'µs',
    baseline: median(figures.scan),
    baselineName: 'every policy evaluated',
    better: 'less',
    target: 20 / count,
    note:
      `${wanted}${spread.join(', ')} (median / p99), ${figures.bytes} bytes per decision; loaded in ${figures.loadSeconds.toFixed(1)} s ` +
      `and ${figures.megabytes} MB (peak ${figures.peakMegabytes}), entities in ${figures.entitySeconds.toFixed(1)} s`,
  });
}

function cedarClaim(count: number, figures: ScaleFigures, calls: number): Measurement {
  const { policies, entities, request } = estate(count, new Choices(count));
  const cedar = timeCedar(policies, entities, times(calls, request), compiled(policies));
  return measurement({
    claim: `policy-scale-${count}-cedar`,
    value: median([...figures.times.allow, ...figures.times.deny]),
    unit: 'µs',
    baseline: median(cedar),
    baselineName: 'cedar-wasm, policies parsed before',
    better: 'less',
    target: 0.001,
  });
}

/** The texts alone are what nobody can do without. */
function memoryClaim(count: number, figures: ScaleFigures): Measurement {
  const { policies } = estate(count, new Choices(count));
  const bytes = Object.values(policies).reduce((sum, text) => sum + text.length, 0);
  return measurement({
    claim: `policy-scale-${count}-memory`,
    value: figures.peakMegabytes,
    unit: 'MB',
    baseline: bytes / 2 ** 20,
    baselineName: 'the texts of the policies',
    better: 'less',
    target: 80,
    note: 'wanted under 1,000 MB; peak of the whole process while loading policies and entities',
  });
}
