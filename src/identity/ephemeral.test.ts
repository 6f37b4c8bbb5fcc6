import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock } from '#base';
import { Ephemeral } from './ephemeral.ts';

describe('short-lived secrets', () => {
  it('give their value once', () => {
    const clock = manualClock(0);
    const held = new Ephemeral<string>(clock, 10, 10);
    const token = held.add('v', 'o', 100);
    assert.equal(held.peek(token), 'v');
    assert.equal(held.take(token), 'v');
    assert.equal(held.take(token), undefined);
    assert.equal(held.peek('anything'), undefined);
    assert.equal(held.size, 0);
  });

  it('die on time and are swept', () => {
    const clock = manualClock(0);
    const held = new Ephemeral<string>(clock, 10, 10);
    const token = held.add('v', 'o', 100);
    clock.advance(100);
    assert.equal(held.peek(token), undefined);
    held.sweep();
    assert.equal(held.size, 0);
  });

  it('let a flood push out only its own', () => {
    const held = new Ephemeral<number>(manualClock(0), 100, 5);
    const mine = held.add(-1, 'me', 100);
    for (let i = 0; i < 1000; i++) held.add(i, 'flood', 100);
    assert.equal(held.peek(mine), -1);
    assert.equal(held.size, 6);
  });

  it('are bounded in all', () => {
    const held = new Ephemeral<number>(manualClock(0), 50, 5);
    for (let i = 0; i < 1000; i++) held.add(i, `owner ${i}`, 100);
    assert.equal(held.size, 50);
  });

  it('end together for one owner', () => {
    const held = new Ephemeral<number>(manualClock(0), 50, 5);
    const [a, b, c] = [held.add(1, 'x', 9), held.add(2, 'x', 9), held.add(3, 'y', 9)];
    held.dropOwner('x');
    assert.deepEqual([held.peek(a), held.peek(b), held.peek(c)], [undefined, undefined, 3]);
    const again = held.add(4, 'x', 9);
    assert.equal(held.peek(again), 4);
  });
});
