import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CountingWindow, type Entry } from './window.ts';

const shape = { windowMs: 100, threshold: 3, values: 64 };

/** Adds entries `[time, value]` and returns for each whether the window was full. */
function run(entries: readonly (readonly [time: number, value: string])[]): boolean[] {
  const window = new CountingWindow();
  return entries.map(([time, value], index) => window.add({ time, value, eventId: `e${index}` }, shape) !== undefined);
}

describe('a counting window', () => {
  for (const [name, entries, expected] of [
    [
      'is full with the third value',
      [
        [0, 'a'],
        [50, 'b'],
        [100, 'c'],
      ],
      [false, false, true],
    ],
    [
      'is not full when the first is a millisecond too old',
      [
        [0, 'a'],
        [50, 'b'],
        [101, 'c'],
      ],
      [false, false, false],
    ],
    [
      'counts equal values once',
      [
        [0, 'a'],
        [1, 'a'],
        [2, 'b'],
        [3, 'b'],
        [4, 'a'],
      ],
      [false, false, false, false, false],
    ],
    [
      'takes the latest of equal values',
      [
        [0, 'a'],
        [90, 'a'],
        [100, 'b'],
        [180, 'c'],
      ],
      [false, false, false, true],
    ],
    [
      'counts what arrives late',
      [
        [100, 'c'],
        [0, 'a'],
        [50, 'b'],
      ],
      [false, false, true],
    ],
    [
      'ignores what is older than two windows',
      [
        [300, 'c'],
        [99, 'a'],
        [98, 'b'],
      ],
      [false, false, false],
    ],
    [
      'stays full while more comes',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
        [3, 'd'],
        [200, 'e'],
      ],
      [false, false, true, true, false],
    ],
  ] as const) {
    it(name, () => assert.deepEqual(run(entries), expected));
  }

  it('tells each piece of evidence once', () => {
    const window = new CountingWindow();
    const add = (time: number, value: string) => window.add({ time, value, eventId: `${value}${time}` }, shape);
    add(0, 'a');
    add(1, 'b');
    assert.deepEqual(
      add(2, 'c')?.fresh.map(({ eventId }) => eventId),
      ['a0', 'b1', 'c2'],
    );
    assert.deepEqual(
      add(3, 'd')?.fresh.map(({ eventId }) => eventId),
      ['d3'],
    );
    assert.deepEqual(
      add(4, 'd')?.fresh.map(({ eventId }) => eventId),
      ['d4'],
    );
  });

  it('holds a bounded number of entries under a flood, of one value and of many', () => {
    const window = new CountingWindow();
    for (let i = 0; i < 5000; i++) window.add({ time: i % 150, value: 'same', eventId: `${i}` }, shape);
    assert.ok(window.size <= 5, `${window.size} entries of one value`);
    for (let i = 0; i < 5000; i++) window.add({ time: 150, value: `v${i}`, eventId: `v${i}` }, shape);
    assert.ok(window.size <= 5 * shape.values, `${window.size} entries`);
  });

  it('is full exactly when some window of the given length holds the threshold, in any order of arrival', () => {
    const entry = fc.tuple(fc.integer({ min: 0, max: 199 }), fc.constantFrom('a', 'b', 'c', 'd'));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const window = new CountingWindow();
        const seen: Entry[] = [];
        for (const [index, [time, value]] of entries.entries()) {
          const added = { time, value, eventId: `e${index}` };
          seen.push(added);
          const isFull = window.add(added, shape) !== undefined;
          // Any stretch of 100 ms that holds the new entry and at least three values.
          const expected = seen.some(({ time: end }) => {
            const inside = seen.filter((one) => one.time <= end && end - one.time <= shape.windowMs);
            return inside.includes(added) && new Set(inside.map((one) => one.value)).size >= shape.threshold;
          });
          assert.equal(isFull, expected, JSON.stringify(entries.slice(0, index + 1)));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
