import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from './random.ts';
import { shrink } from './shrink.ts';
import { term } from './term.ts';

describe('shrink', () => {
  it('removes everything that does not matter from arrays and objects', () => {
    const value = { a: [1, 2, 3, 4, 5, 6, 7], b: { c: 'x', d: [[1], [2]] }, e: 1 };
    const kept = shrink(value, ({ a, b }) => a.includes(3) && a.includes(6) && b.d.some((item) => item[0] === 2));
    assert.deepEqual(kept, { a: [3, 6], b: { d: [[2]] } });
  });

  it('puts the part that matters in the place of an expression', () => {
    const like = term('like', ['', '*'], [term('var', ['principal'])]);
    const whole = term(
      '&&',
      [],
      [term('!', [], [term('||', [], [like, term('bool', ['false'])])]), term('bool', ['true'])],
    );
    const kept = shrink(whole, (candidate) => JSON.stringify(candidate).includes('"like"'));
    assert.deepEqual(kept, term('like', ['', '*'], []));
  });

  it('removes the fields of a record with their names', () => {
    const record = term('record', ['a', 'b', 'c'], [term('long', ['1']), term('long', ['2']), term('long', ['3'])]);
    const kept = shrink(
      record,
      ({ op, words, args }) => op === 'record' && args.some((arg, at) => arg.words[0] === '2' && words[at] === 'b'),
    );
    assert.deepEqual(kept, term('record', ['b'], [term('long', ['2'])]));
  });

  it('leaves the keys it is told to, and makes what they hold smaller', () => {
    const kept = shrink({ id: 'a', is: true, list: [1, 2] }, () => true, { fixed: ['id', 'is', 'list'] });
    assert.deepEqual(kept, { id: 'a', is: false, list: [] });
  });

  it('takes an exception for a piece too many', () => {
    const kept = shrink({ a: { b: [1, 2] } }, ({ a }) => {
      if (a.b.length === 0) throw new Error('nothing left');
      return true;
    });
    assert.deepEqual(kept.a.b.length, 1);
  });

  it('ends after the tries it was given', () => {
    let count = 0;
    const refuse = (): boolean => {
      count += 1;
      return false;
    };
    const kept = shrink(
      Array.from({ length: 1000 }, (_, at) => at),
      refuse,
      { tries: 50 },
    );
    assert.equal(kept.length, 1000);
    assert.ok(count <= 50);
  });
});

describe('Random', () => {
  it('repeats itself for the same seed, and not for another', () => {
    const first = (seed: number): number[] => {
      const random = new Random(seed);
      return random.list(20, () => random.between(-3, 3));
    };
    assert.deepEqual(first(7), first(7));
    assert.notDeepEqual(first(7), first(8));
    assert.ok(first(7).every((value) => value >= -3 && value <= 3));
  });

  it('picks without repetition, in the order given', () => {
    const random = new Random(1);
    for (let round = 0; round < 100; round += 1) {
      const some = random.some([1, 2, 3, 4], 2, 3);
      assert.ok(some.length >= 2 && some.length <= 3);
      assert.deepEqual(
        some,
        [...new Set(some)].toSorted((a, b) => a - b),
      );
    }
  });
});
