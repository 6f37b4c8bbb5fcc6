/**
 * Claims: a decision costs what the policies that can apply cost, not what all cost. 1,000 to 100,000 policies with a schema, loaded as in
 * production, in a process of their own; the baseline evaluates the same policies one by one, because everything stands in their
 * conditions. 500 questions are asked again and again; what many different ones cost, which no cache of the processor holds, is in the
 * notes. Two corpora: mostly narrow grants, in the proportions of Treetop's, and an organisation with nested groups and folders.
 * Published for the first, on another machine: Cedar takes 1.26 ms with 1,000, 13.5 ms with 10,000 and 164 ms with 100,000, which it loads in
 * 16 s with 1 GB. SAPL's index takes 0.37 µs with 9,905 of its own.
 */
import { makeChildren } from './gateway/children.ts';
import { type BenchOptions, type Measurement, measurement, median, quantile } from './harness.ts';
import { times } from './policy/app.ts';
import { CORPUS_SCHEMA, corpus, type CorpusName } from './policy/corpus.ts';
import { compiled, timeCedar } from './policy/decisions.ts';
import { Choices } from './policy/random.ts';
import type { ScaleFigures } from './policy/scale-child.ts';

const WANTED: Readonly<Record<string, string>> = {
  'grants 10000': 'wanted under 1 µs; ',
  'grants 100000': 'wanted under 2 µs, loaded in under 30 s and 1,000 MB; ',
};

/** Measures decisions among more and more policies, against a scan of all, and against cedar-wasm where that ends in time. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const children = makeChildren(`${import.meta.dirname}/policy`);
  try {
    const results: Measurement[] = [];
    for (const name of ['grants', 'organisation'] as const)
      for (const count of quick ? [1000, 5000] : [1000, 10_000, 100_000]) {
        progress(`${name}: ${count} policies`);
        const scans = Math.max(20, Math.round((quick ? 3e5 : 4e6) / count));
        const sizes = [count, quick ? 10_000 : 50_000, scans].map(String);
        const { ready } = await children.start<ScaleFigures>('scale-child.ts', name, ...sizes);
        results.push(scanClaim(name, count, ready));
        if (name === 'grants' && count === 1000) results.push(cedarClaim(count, ready, quick ? 3 : 50));
        if (name === 'grants' && count === 100_000) results.push(memoryClaim(count, ready));
      }
    return results;
  } finally {
    children.end();
  }
}

function scanClaim(name: CorpusName, count: number, figures: ScaleFigures): Measurement {
  const { allow, deny } = figures.times;
  const all = [...allow, ...deny];
  const spread = (
    [
      ['allow', allow],
      ['deny', deny],
    ] as const
  ).map(
    ([decision, list]) => `${list.length} ${decision} ${median(list).toFixed(2)} / ${quantile(list, 0.99).toFixed(2)}`,
  );
  return measurement({
    claim: `policy-scale-${name}-${count}`,
    value: median(all),
    unit: 'µs',
    baseline: median(figures.scan),
    baselineName: 'every policy evaluated',
    better: 'less',
    target: count === 1000 ? 0.2 : 100 / count,
    note:
      `${WANTED[`${name} ${count}`] ?? ''}${spread.join(', ')} (median / p99), ${figures.bytes} bytes per decision; ` +
      `${figures.spread.length} different questions ${median(figures.spread).toFixed(2)} / ${quantile(figures.spread, 0.99).toFixed(2)}; loaded in ` +
      `${figures.loadSeconds.toFixed(1)} s and ${figures.megabytes} MB (peak ${figures.peakMegabytes}), entities in ${figures.entitySeconds.toFixed(1)} s`,
  });
}

function cedarClaim(count: number, figures: ScaleFigures, calls: number): Measurement {
  const { policies, entities, request } = corpus('grants', count, new Choices(count));
  const cedar = timeCedar(policies, entities, times(calls, request), compiled(policies));
  return measurement({
    claim: `policy-scale-grants-${count}-cedar`,
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
  const { policies } = corpus('grants', count, new Choices(count));
  const bytes = Object.values(policies).reduce((sum, text) => sum + text.length, CORPUS_SCHEMA.length);
  return measurement({
    claim: `policy-scale-grants-${count}-memory`,
    value: figures.peakMegabytes,
    unit: 'MB',
    baseline: bytes / 2 ** 20,
    baselineName: 'the texts of the policies',
    better: 'less',
    target: 80,
    note: 'wanted under 1,000 MB; peak of the whole process while loading policies and entities',
  });
}
