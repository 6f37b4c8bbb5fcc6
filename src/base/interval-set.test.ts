import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatPorts, type PortSet, portSet, type Range } from './interval-set.ts';

const point = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 65_505, max: 65_535 }));
const range: fc.Arbitrary<Range<number>> = fc
  .tuple(point, point)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const ranges = fc.array(range, { maxLength: 6 });
const SAMPLES = [
  ...Array.from({ length: 32 }, (_, i) => i),
  30_000,
  ...Array.from({ length: 32 }, (_, i) => 65_535 - i),
];

const naiveHas = (all: readonly Range<number>[], p: number): boolean =>
  all.some(({ from, to }) => from <= p && p <= to);

function assertSet(set: PortSet, expected: (p: number) => boolean): void {
  for (const [i, r] of set.entries()) {
    assert.ok(r.from <= r.to);
    const next = set[i + 1];
    if (next !== undefined) assert.ok(r.to + 1 < next.from, 'ranges are sorted and do not touch');
  }
  for (const p of SAMPLES) assert.equal(portSet.has(set, p), expected(p), `at ${p}`);
}

describe('portSet', () => {
  it('agrees with naive evaluation in every operation', () => {
    fc.assert(
      fc.property(ranges, ranges, (left, right) => {
        const a = portSet.of(left);
        const b = portSet.of(right);
        assertSet(a, (p) => naiveHas(left, p));
        assertSet(portSet.union(a, b), (p) => naiveHas(left, p) || naiveHas(right, p));
        assertSet(portSet.intersect(a, b), (p) => naiveHas(left, p) && naiveHas(right, p));
        assertSet(portSet.subtract(a, b), (p) => naiveHas(left, p) && !naiveHas(right, p));
        assertSet(portSet.complement(a), (p) => !naiveHas(left, p));
      }),
      { numRuns: 500 },
    );
  });

  it('gives equal sets equal arrays', () => {
    fc.assert(
      fc.property(ranges, (all) => {
        const set = portSet.of(all);
        assert.deepEqual(portSet.complement(portSet.complement(set)), set);
        assert.deepEqual(portSet.union(set, set), set);
        assert.ok(portSet.equals(portSet.of([...all].reverse()), set));
      }),
    );
  });

  it('never changes its arguments', () => {
    const a = Object.freeze([{ from: 5, to: 6 }]);
    const b = Object.freeze([{ from: 1, to: 2 }]);
    assert.deepEqual(portSet.union(a, b), [
      { from: 1, to: 2 },
      { from: 5, to: 6 },
    ]);
    assert.deepEqual(a, [{ from: 5, to: 6 }]);
  });

  for (const bad of [
    { from: 2, to: 1 },
    { from: -1, to: 1 },
    { from: 0, to: 65_536 },
    { from: Number.NaN, to: 1 },
  ]) {
    it(`refuses the range ${bad.from} to ${bad.to}`, () => assert.throws(() => portSet.of([bad]), RangeError));
  }

  it('renders sets for people', () => {
    assert.equal(
      formatPorts(
        portSet.of([
          { from: 22, to: 22 },
          { from: 80, to: 90 },
        ]),
      ),
      '22,80-90',
    );
    assert.equal(formatPorts(portSet.full), 'any');
    assert.equal(formatPorts(portSet.empty), 'none');
  });
});
