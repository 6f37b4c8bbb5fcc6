import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addLong, divideLong, type Long, longOf, moduloLong, multiplyLong, subtractLong } from './long.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const edges = [
  MIN,
  MIN + 1n,
  -(2n ** 53n) - 1n,
  -(2n ** 53n),
  -(2n ** 53n) + 1n,
  -1n,
  0n,
  1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  MAX - 1n,
  MAX,
];
const integers = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: MIN, max: MAX }),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.bigInt({ min: -(2n ** 32n), max: 2n ** 32n }),
);

function long(value: bigint): Long {
  const made = longOf(value);
  assert.notEqual(made, undefined);
  return made ?? 0;
}

describe('a Long', () => {
  it('has one form for each integer, and none outside 64 bits', () => {
    for (const value of edges)
      assert.equal(typeof long(value), Number.isSafeInteger(Number(value)) ? 'number' : 'bigint', `${value}`);
    assert.deepEqual([longOf(MIN - 1n), longOf(MAX + 1n)], [undefined, undefined]);
  });

  const operations: [string, (a: Long, b: Long) => Long | undefined, (a: bigint, b: bigint) => bigint][] = [
    ['adds', addLong, (a, b) => a + b],
    ['subtracts', subtractLong, (a, b) => a - b],
    ['multiplies', multiplyLong, (a, b) => a * b],
  ];
  for (const [name, apply, exact] of operations) {
    it(`${name} exactly, and overflows at 64 bits`, () => {
      fc.assert(
        fc.property(integers, integers, (a, b) => {
          const found = apply(long(a), long(b));
          assert.equal(found, longOf(exact(a, b)));
          assert.ok(!Object.is(found, -0));
        }),
        { numRuns: 3000 },
      );
    });
  }

  it('divides towards zero, with a remainder that is never negative', () => {
    fc.assert(
      fc.property(integers, fc.constantFrom(1000, 60_000, 3_600_000, 86_400_000), (a, by) => {
        const divisor = BigInt(by);
        assert.equal(divideLong(long(a), by), longOf(a / divisor));
        assert.equal(moduloLong(long(a), by), Number(((a % divisor) + divisor) % divisor));
      }),
      { numRuns: 2000 },
    );
  });
});
