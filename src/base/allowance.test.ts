import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowance, allowances } from './allowance.ts';

function taken(allowed: () => boolean, attempts: number): number {
  let count = 0;
  for (let i = 0; i < attempts; i++) if (allowed()) count++;
  return count;
}

describe('an allowance', () => {
  it('gives five seconds’ worth at once, then the rate, and never more than it holds', () => {
    let now = 1_000_000;
    const allowed = allowance(4, () => now);
    // time that passes, how many of a hundred attempts are allowed
    for (const [passes, expected] of [
      [0, 20],
      [0, 0],
      [250, 1],
      [1000, 4],
      [3_600_000, 20],
    ] as const) {
      now += passes;
      assert.equal(taken(allowed, 100), expected, `after ${passes} ms`);
    }
  });

  it('gives nothing for a clock that is set back, and goes on from there', () => {
    let now = 1_000_000;
    const allowed = allowance(1, () => now);
    assert.equal(taken(allowed, 10), 5);
    now -= 86_400_000;
    assert.equal(taken(allowed, 10), 0);
    now += 1000;
    assert.equal(taken(allowed, 10), 1);
  });
});

describe('allowances', () => {
  it('are counted apart, and of a bounded number', () => {
    const allowed = allowances(1, () => 0, { remembered: 2 });
    assert.equal(
      taken(() => allowed('a'), 10),
      5,
    );
    assert.equal(
      taken(() => allowed('b'), 10),
      5,
    );
    assert.equal(allowed('a'), false);
    assert.equal(allowed('c'), true); // b gives way
    assert.equal(allowed('a'), false);
    assert.equal(allowed('b'), true);
  });
});
