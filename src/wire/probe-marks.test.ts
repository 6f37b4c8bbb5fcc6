import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { manualClock, randomOctets } from '#base';
import { createProbeMarks } from './probe-marks.ts';

const clock = manualClock(Date.UTC(2026, 10, 24));
const key = randomOctets(32);
const marks = createProbeMarks({ key, clock });

describe('the marks of probes', () => {
  it('let everybody who holds the key answer a probe, and nobody else', () => {
    const { field, answer } = marks.ask();
    assert.equal(createProbeMarks({ key, clock }).answerTo(field), answer);
    assert.equal(createProbeMarks({ key: randomOctets(32), clock }).answerTo(field), undefined);
  });

  it('are never made twice', () => {
    const made = Array.from({ length: 100 }, () => marks.ask());
    assert.equal(new Set(made.flatMap(({ field, answer }) => [field, answer])).size, 200);
  });

  it('are good for one answer, as long as they are good at all', () => {
    const time = manualClock(clock.now());
    const mine = createProbeMarks({ key, clock: time });
    const [one, other] = [mine.ask(), mine.ask()];
    assert.equal(mine.answerTo(one.field), one.answer);
    for (const passed of [0, 15_000, 15_000, 1]) {
      time.advance(passed);
      if (passed === 15_000) assert.ok(mine.answerTo(mine.ask().field) !== undefined);
      assert.equal(mine.answerTo(one.field), undefined);
    }
    assert.equal(mine.answerTo(other.field), undefined);
  });

  it('do not tell the answer in the question', () => {
    const { field, answer } = marks.ask();
    assert.ok(!field.includes(answer));
  });

  for (const [what, moved, isTaken] of [
    ['30 s old', 30_000, true],
    ['older', 30_001, false],
    ['of the future, after the clock was set back', -1, false],
  ] as const) {
    it(`${isTaken ? 'take' : 'refuse'} a probe that is ${what}`, () => {
      const time = manualClock(clock.now());
      const mine = createProbeMarks({ key, clock: time });
      const { field } = mine.ask();
      time.advance(moved);
      assert.equal(mine.answerTo(field) !== undefined, isTaken);
    });
  }

  it('refuse what was changed in any place', () => {
    const { field } = marks.ask();
    fc.assert(
      fc.property(fc.nat(field.length - 1), fc.constantFrom('0', 'A', '-', '.', ' '), (at, letter) => {
        fc.pre(field[at] !== letter);
        // The last letter of base64url holds bits that say nothing; text is compared all the same.
        assert.equal(marks.answerTo(field.slice(0, at) + letter + field.slice(at + 1)), undefined);
      }),
    );
  });

  it('refuse anything else, and never throw', () => {
    fc.assert(
      fc.property(fc.string(), (field) => {
        assert.equal(marks.answerTo(field), undefined);
      }),
    );
    assert.equal(marks.answerTo(undefined), undefined);
  });
});
