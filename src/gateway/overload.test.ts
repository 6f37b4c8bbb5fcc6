import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Episode, Overload, watchEventLoop } from './overload.ts';

function overload(requestsAtOnce = 1000): { one: Overload; episodes: Episode[] } {
  const episodes: Episode[] = [];
  return { one: new Overload({ requestsAtOnce }, (episode) => episodes.push(episode)), episodes };
}

function samples(one: Overload, lateMs: number, count: number): void {
  for (let i = 0; i < count; i++) one.sample(lateMs);
}

/** How many of 1000 requests, one after the other, are let in while others are under way. */
function letIn(one: Overload, others = 40): number {
  let passed = 0;
  for (let i = 0; i < others; i++) one.enter();
  for (let i = 0; i < 1000; i++) {
    if (one.enter()) passed += 1;
    one.leave();
  }
  for (let i = 0; i < others; i++) one.leave();
  return passed;
}

describe('an overload', () => {
  it('is not one long piece of work, nor two', () => {
    const { one, episodes } = overload();
    samples(one, 900, 2);
    samples(one, 0, 1);
    samples(one, 900, 2);
    assert.deepEqual([letIn(one), episodes], [1000, []]);
  });

  it('sheds more the longer the event loop is late, but never all', () => {
    const { one, episodes } = overload();
    samples(one, 200, 3);
    const few = letIn(one);
    assert.ok(few > 650 && few < 750, `${few}`);
    assert.equal(letIn(one, 10), 1000, 'where little is under way, nothing is gained by shedding');
    samples(one, 200, 3);
    assert.ok(letIn(one) < few);
    samples(one, 200, 100);
    const least = letIn(one);
    assert.ok(least >= 49 && least <= 51, `${least}`);
    assert.deepEqual(
      episodes.map(({ kind, because, lateMs }) => [kind, because, lateMs]),
      [['began', 'event-loop-late', 200]],
    );
  });

  it('ends only after the loop has been in time for a while, and says once what it cost', () => {
    const { one, episodes } = overload();
    samples(one, 300, 3);
    letIn(one);
    samples(one, 70, 50);
    assert.ok(one.isOn, 'neither late nor in time changes nothing');
    samples(one, 5, 5);
    assert.ok(one.isOn);
    samples(one, 5, 1);
    assert.ok(!one.isOn);
    assert.equal(letIn(one), 1000);
    const [, end] = episodes;
    assert.deepEqual([episodes.length, end?.kind, end?.lateMs, end?.underWay], [2, 'ended', 300, 0]);
    assert.ok((end?.shed ?? 0) > 250);
  });

  it('sheds everything beyond what may be under way at once, until there is room', () => {
    const { one, episodes } = overload(10);
    const entered = Array.from({ length: 12 }, () => one.enter());
    assert.deepEqual(entered, [...Array.from({ length: 10 }, () => true), false, false]);
    for (let i = 0; i < 2; i++) one.leave();
    one.sample(0);
    assert.equal(one.enter(), false, 'one that leaves is not room yet');
    one.leave();
    one.leave();
    one.sample(0);
    assert.equal(one.enter(), true);
    assert.deepEqual(
      episodes.map(({ kind, because }) => [kind, because]),
      [
        ['began', 'too-many-at-once'],
        ['ended', 'too-many-at-once'],
      ],
    );
  });

  it('tells beginnings and ends in turns, whatever happens', () => {
    const step = fc.oneof(fc.constant('enter'), fc.constant('leave'), fc.nat(400));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { one, episodes } = overload(3);
        let underWay = 0;
        for (const what of steps) {
          if (typeof what === 'number') one.sample(what);
          else if (what === 'enter') {
            one.enter();
            underWay += 1;
          } else if (underWay > 0) {
            one.leave();
            underWay -= 1;
          }
        }
        assert.equal(one.underWay, underWay);
        for (const [at, { kind }] of episodes.entries()) assert.equal(kind, at % 2 === 0 ? 'began' : 'ended');
        assert.equal(one.isOn, episodes.length % 2 === 1);
      }),
    );
  });

  it('sees an event loop that is blocked again and again, and recovers', async () => {
    const { one, episodes } = overload();
    const stop = watchEventLoop(one);
    for (let i = 0; i < 8 && !one.isOn; i++) {
      const until = performance.now() + 250;
      while (performance.now() < until);
      await sleep(1);
    }
    assert.ok(one.isOn);
    for (let i = 0; i < 100 && one.isOn; i++) await sleep(50);
    stop();
    assert.ok(!one.isOn);
    assert.equal(episodes[0]?.because, 'event-loop-late');
  });
});
