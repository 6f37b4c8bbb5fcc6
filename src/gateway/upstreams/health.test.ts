import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryBudget } from './budget.ts';
import { type Candidate, Chooser, LAST_RESORT_MS } from './choose.ts';
import { Health, LONGEST_EJECTION_MS, SHORTEST_EJECTION_MS } from './health.ts';

describe('the health of a server', () => {
  it('is good until something happens', () => assert.equal(new Health().condition(0), 'healthy'));

  it('ends when it cannot be reached, for a time that grows from 1 s to 60 s', () => {
    const health = new Health();
    let now = 0;
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      health.unreachable(now);
      assert.equal(health.condition(now + seconds * 1000 - 1), 'out', `${seconds} s`);
      now += seconds * 1000;
      assert.equal(health.condition(now), 'trial', `${seconds} s`);
      health.beginTrial();
      assert.equal(health.condition(now), 'out', 'while one finds out, others wait');
    }
    assert.equal(SHORTEST_EJECTION_MS, 1_000);
    assert.equal(LONGEST_EJECTION_MS, 60_000);
  });

  it('comes back with one answer', () => {
    const health = new Health();
    health.unreachable(0);
    health.beginTrial();
    health.answered(1_000);
    assert.deepEqual([health.isHealthy, health.condition(1_000)], [true, 'healthy']);
  });

  it('does not get worse by requests that failed together', () => {
    const health = new Health();
    for (let i = 0; i < 10; i++) health.unreachable(i);
    assert.equal(health.condition(1_000), 'trial');
  });

  it('remembers: who falls over again within a minute is out for longer, later it is forgiven', () => {
    const health = new Health();
    health.unreachable(0);
    health.answered(1_000);
    health.unreachable(2_000);
    assert.equal(health.condition(2_000 + 1_999), 'out');
    health.answered(4_000);
    health.unreachable(64_000);
    assert.equal(health.condition(65_000), 'trial');
  });

  it('ends after five broken answers in a row, and one that is whole starts over', () => {
    const health = new Health();
    for (let i = 0; i < 4; i++) health.broke(0);
    health.completed();
    for (let i = 0; i < 4; i++) health.broke(0);
    assert.equal(health.isHealthy, true);
    health.broke(0);
    assert.deepEqual([health.isHealthy, health.isReachable], [false, true]);
  });

  it('is up after two good checks and down after three bad ones', () => {
    const health = new Health();
    for (let i = 0; i < 2; i++) health.checked(false, i);
    assert.equal(health.condition(2), 'healthy');
    health.checked(false, 2);
    assert.equal(health.condition(1_000_000), 'down');
    health.checked(true, 3);
    assert.equal(health.condition(3), 'down');
    health.checked(false, 4);
    health.checked(true, 5);
    health.checked(true, 6);
    assert.equal(health.condition(6), 'healthy');
  });

  it('is not believed on a check from before a failure', () => {
    const health = new Health();
    for (let i = 0; i < 10; i++) health.checked(true, i);
    health.unreachable(10);
    health.checked(true, 11);
    assert.equal(health.isHealthy, false);
    health.checked(true, 12);
    assert.equal(health.isHealthy, true);
  });

  it('that a trial ended without telling stays open', () => {
    const health = new Health();
    health.unreachable(0);
    health.beginTrial();
    health.endTrial();
    assert.equal(health.condition(1_000), 'trial');
  });
});

interface Server extends Candidate {
  readonly name: string;
  outstanding: number;
}

describe('the choice among servers', () => {
  const servers = (count: number): Server[] =>
    Array.from({ length: count }, (_, i) => ({ name: 'abc'[i] ?? '', health: new Health(), outstanding: 0 }));
  const wish = { now: 0, isRepeatable: true };

  it('falls on the one with the fewest requests, and on equal ones in turn', () => {
    const all = servers(3);
    const chooser = new Chooser(all);
    const names = Array.from({ length: 4 }, () => chooser.choose(wish)?.name);
    assert.deepEqual(names, ['a', 'b', 'c', 'a']);
    for (const [i, load] of [3, 1, 2].entries()) Object.assign(all[i] ?? {}, { outstanding: load });
    assert.equal(chooser.choose(wish)?.name, 'b');
  });

  it('avoids where it failed, and what is out', () => {
    const all = servers(3);
    const [a, b] = all;
    const chooser = new Chooser(all);
    b?.health.unreachable(0);
    assert.equal(chooser.choose({ ...wish, except: a })?.name, 'c');
  });

  it('sends one request that may be repeated to find out, and no other', () => {
    const all = servers(2);
    all[0]?.health.unreachable(0);
    const chooser = new Chooser(all);
    assert.equal(chooser.choose({ now: 1_000, isRepeatable: false })?.name, 'b');
    assert.equal(chooser.choose({ now: 1_000, isRepeatable: true })?.name, 'a');
    assert.equal(chooser.choose({ now: 1_000, isRepeatable: true })?.name, 'b');
  });

  it('falls on one that breaks off answers when there is nothing better', () => {
    const all = servers(2);
    all[0]?.health.unreachable(0);
    for (let i = 0; i < 5; i++) all[1]?.health.broke(0);
    assert.equal(new Chooser(all).choose(wish)?.name, 'b');
  });

  it('falls once a second on one that cannot be reached, when there is nothing else', () => {
    const all = servers(1);
    const [a = assert.fail()] = all;
    a.health.unreachable(0);
    a.health.beginTrial();
    a.health.unreachable(0); // out for 2 s
    const chooser = new Chooser(all);
    assert.equal(chooser.choose({ now: 100, isRepeatable: false }), a);
    a.health.unreachable(100);
    assert.equal(chooser.choose({ now: 200, isRepeatable: true }), undefined);
    assert.equal(chooser.choose({ now: 100 + LAST_RESORT_MS, isRepeatable: true }), a);
    assert.equal(chooser.choose({ now: 5 * LAST_RESORT_MS, isRepeatable: true }), undefined, 'one is under way');
  });

  it('never falls on one whose own check says no', () => {
    const all = servers(2);
    for (const { health } of all) for (let i = 0; i < 3; i++) health.checked(false, 0);
    assert.equal(new Chooser(all).choose({ now: 1_000_000, isRepeatable: true }), undefined);
  });
});

describe('the budget of retries', () => {
  it('lets ten through at first, and then one for every five requests', () => {
    const budget = new RetryBudget();
    let taken = 0;
    while (budget.take()) taken += 1;
    assert.equal(taken, 10);
    for (let i = 0; i < 100; i++) {
      budget.earn();
      if (budget.take()) taken += 1;
    }
    assert.equal(taken, 30);
  });
});
