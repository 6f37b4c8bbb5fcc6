import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '#base';

describe('a duration', () => {
  for (const [text, milliseconds] of [
    ['350ms', 350],
    ['30s', 30_000],
    ['15m', 900_000],
    ['8h', 28_800_000],
    ['1d12h', 129_600_000],
    ['0s', 0],
    ['1h1m1s1ms', 3_661_001],
  ] as const) {
    it(`\`${text}\` is ${milliseconds} ms`, () =>
      assert.deepEqual(parseDuration(text), { ok: true, value: milliseconds }));
  }

  for (const text of [
    '',
    '15',
    'm',
    '-5m',
    '1.5h',
    '5 m',
    '5M',
    '5min',
    '5w',
    '1h ',
    ' 1h',
    '1e3s',
    '٣s',
    '9999999999s',
  ]) {
    it(`\`${text}\` is refused`, () => assert.equal(parseDuration(text).ok, false));
  }

  for (const [milliseconds, text] of [
    [0, '0 ms'],
    [350, '350 ms'],
    [40_000, '40 s'],
    [7_500_000, '2 h 5 min'],
    [90_061_000, '1 d 1 h'],
    [86_400_000, '1 d'],
  ] as const) {
    it(`of ${milliseconds} ms reads \`${text}\``, () => assert.equal(formatDuration(milliseconds), text));
  }

  it('is never anything but a whole number of milliseconds, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseDuration(text);
        if (parsed.ok) assert.ok(Number.isSafeInteger(parsed.value) && parsed.value >= 0);
      }),
    );
  });
});
