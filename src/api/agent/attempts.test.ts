import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Attempts, networkOf } from './attempts.ts';

const limits = { burst: 3, everyMs: 1000, remembered: 10 };

describe('attempts', () => {
  it('may come in a burst, and then one at a time', () => {
    const attempts = new Attempts(limits);
    // time, how long to wait
    const ledger: readonly (readonly [number, number])[] = [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1000],
      [400, 600],
      [1000, 0],
      [1000, 1000],
      [9000, 0],
      [9000, 0],
      [9000, 0],
      [9000, 1000],
    ];
    for (const [now, wait] of ledger) assert.equal(attempts.take('a', now), wait, `at ${now}`);
  });

  it('of others are counted apart', () => {
    const attempts = new Attempts(limits);
    for (let i = 0; i < 3; i++) attempts.take('a', 0);
    assert.ok(attempts.take('a', 0) > 0);
    assert.equal(attempts.take('b', 0), 0);
  });

  it('that turned out well are taken back, up to the burst', () => {
    const attempts = new Attempts(limits);
    for (let i = 0; i < 100; i++) {
      assert.equal(attempts.take('a', 0), 0);
      attempts.giveBack('a');
    }
    attempts.giveBack('a');
    attempts.giveBack('nobody');
    for (let i = 0; i < 3; i++) assert.equal(attempts.take('a', 0), 0);
    assert.ok(attempts.take('a', 0) > 0);
  });

  it('are remembered of a bounded number: whoever was not heard of for the longest gives way', () => {
    const attempts = new Attempts({ ...limits, burst: 1 });
    for (let i = 0; i < 10; i++) attempts.take(`${i}`, 0);
    assert.ok(attempts.take('0', 0) > 0);
    attempts.take('10', 0);
    assert.equal(attempts.take('1', 0), 0);
    assert.ok(attempts.take('0', 0) > 0);
  });

  it('never exceed the burst and the rate, and never wait longer than one turn, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 60 }), (steps) => {
        const attempts = new Attempts(limits);
        let now = 1_000_000;
        let forward = 0;
        let taken = 0;
        for (const step of steps) {
          now += step;
          forward += Math.max(0, step);
          const wait = attempts.take('a', now);
          assert.ok(wait >= 0 && wait <= limits.everyMs);
          if (wait === 0) taken++;
        }
        assert.ok(taken <= limits.burst + forward / limits.everyMs);
      }),
    );
  });
});

describe('the network attempts are counted against', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['', 'none'],
    ['nonsense', 'none'],
  ];
  for (const [address, network] of cases) {
    it(`of \`${address}\` is ${network}`, () => assert.equal(networkOf(address), network));
  }
});
