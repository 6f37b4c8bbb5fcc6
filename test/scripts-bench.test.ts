import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { measurement, median, quantile } from '../bench/harness.ts';

const bench = (...args: string[]): { code: number | null; stdout: string; stderr: string } => {
  const file = join(import.meta.dirname, '../bench/run.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
};

describe('a measurement', () => {
  const input = { claim: 'a', value: 300, unit: 'ms', baseline: 100, baselineName: 'b' };

  it('is met when the ratio reaches the target, or stays below it where less is better', () => {
    assert.deepEqual(measurement({ ...input, target: 3 }), {
      ...input,
      ratio: 3,
      target: 3,
      better: 'more',
      met: true,
    });
    assert.equal(measurement({ ...input, target: 3.1 }).met, false);
    assert.equal(measurement({ ...input, target: 3, better: 'less' }).met, true);
    assert.equal(measurement({ ...input, target: 2.9, better: 'less' }).met, false);
  });

  it('refuses a baseline that measured nothing', () => {
    for (const baseline of [0, Number.NaN, -1]) {
      assert.throws(() => measurement({ ...input, baseline, target: 1 }), /the baseline of `a` is/);
    }
  });

  it('takes medians and quantiles of values in any order', () => {
    assert.equal(median([10, 2, 30]), 10);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.deepEqual(
      [0, 0.5, 0.99, 1].map((p) => quantile([9, 1, 5, 3], p)),
      [1, 3, 9, 9],
    );
    assert.throws(() => median([]));
    assert.throws(() => quantile([], 0.5));
  });
});

describe('npm run bench', () => {
  it('prints one line of JSON per claim, and nothing else on stdout', () => {
    const { code, stdout, stderr } = bench('journal-append', '--quick', '--json');
    assert.ok(code === 0 || code === 1, stderr); // a busy machine may miss a target
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ claim }) => claim),
      ['journal-append-durable', 'journal-append-unsynced'],
    );
    for (const line of lines) {
      for (const field of ['value', 'baseline', 'ratio', 'target']) assert.equal(typeof line[field], 'number', field);
      assert.equal(typeof line.met, 'boolean');
      assert.equal(line.unit, 'events/s');
    }
  });

  it('refuses what it does not know, and names what there is', () => {
    assert.deepEqual(bench('nowhere').code, 2);
    assert.match(bench('nowhere').stderr, /error: no benchmark is named `nowhere`\nhint: there are .*journal-append/);
    assert.match(bench('--fast').stderr, /error: unknown option `--fast`\nhint: there are --quick, --json, --save/);
    assert.match(bench('--quick', '--save').stderr, /error: quick figures are not saved/);
  });
});
