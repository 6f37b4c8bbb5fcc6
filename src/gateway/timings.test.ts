import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TIME_BOUNDS_MS, Times } from './timings.ts';

describe('times by label', () => {
  it('counts each in the first class that holds it', () => {
    const times = new Times();
    for (const ms of [0, 0.1, 0.2, 1, 1.001, 60_000, 60_001]) times.add('wiki', ms);
    const { counts = [], sumMs } = times.read()['wiki'] ?? {};
    const found = counts.flatMap((count, at) => (count === 0 ? [] : [[TIME_BOUNDS_MS[at] ?? 'longer', count]]));
    assert.deepEqual(found, [
      [0.1, 2],
      [0.25, 1],
      [1, 1],
      [2.5, 1],
      [60_000, 1],
      ['longer', 1],
    ]);
    assert.equal(Math.round(sumMs ?? 0), 120_003);
  });

  it('keeps a bounded number of labels, and counts what is one more under another name', () => {
    const times = new Times();
    for (let at = 0; at < 3000; at++) times.add(`app-${at}`, 1);
    const read = times.read();
    assert.equal(Object.keys(read).length, 1001);
    assert.equal(read['other']?.sumMs, 2000);
  });
});
