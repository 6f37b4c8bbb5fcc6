import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { manualClock } from '#base';
import { PROOF_WINDOW_SECONDS } from './proof.ts';
import { ReplayMemory, type Use } from './replay-memory.ts';

const START = Date.UTC(2026, 10, 24, 12);

/** Uses a proof that was made when the memory began. */
function use(memory: ReplayMemory, owner: string, id: string): Use {
  return memory.use({ owner, id, issuedAt: START / 1000 });
}

describe('the memory of used proofs', () => {
  it('takes each proof of an owner once, and the same name from another owner', () => {
    const memory = new ReplayMemory(() => START);
    assert.deepEqual(
      ['a', 'a', 'b', 'a'].map((id) => use(memory, 'one', id)),
      ['new', 'seen', 'new', 'seen'],
    );
    assert.equal(use(memory, 'two', 'a'), 'new');
  });

  it('remembers for as long as a proof from the edge of the future is good, whenever it was used', () => {
    fc.assert(
      fc.property(fc.nat(400_000), fc.array(fc.nat(60_000), { maxLength: 20 }), (before, steps) => {
        const clock = manualClock(START);
        const memory = new ReplayMemory(() => clock.now());
        clock.advance(before);
        assert.equal(use(memory, 'one', 'a'), 'new');
        let passed = 0;
        for (const step of steps) {
          passed += step;
          if (passed > 2 * PROOF_WINDOW_SECONDS * 1000) break;
          clock.advance(step);
          assert.equal(use(memory, 'one', 'a'), 'seen', `after ${passed} ms`);
        }
      }),
    );
  });

  it('forgets afterwards, so that it does not grow', () => {
    const clock = manualClock(START);
    const memory = new ReplayMemory(() => clock.now(), { perOwner: 1, inAll: 1 });
    assert.equal(use(memory, 'one', 'a'), 'new');
    clock.advance(121_000);
    assert.equal(use(memory, 'one', 'b'), 'new');
    clock.advance(121_000);
    assert.equal(use(memory, 'one', 'a'), 'new');
    clock.advance(3_600_000);
    assert.equal(use(memory, 'one', 'a'), 'new');
  });

  it('refuses what does not fit, and one owner does not take the room of another', () => {
    const memory = new ReplayMemory(() => START, { perOwner: 2, inAll: 5 });
    const used = (owner: string): string[] => ['a', 'b', 'c'].map((id) => use(memory, owner, id));
    assert.deepEqual(used('one'), ['new', 'new', 'full']);
    assert.deepEqual(used('two'), ['new', 'new', 'full']);
    assert.deepEqual(used('three'), ['new', 'full', 'full']);
    assert.equal(use(memory, 'one', 'a'), 'seen', 'a full memory still knows');
  });

  it('takes no proof from before it began: nobody knows whether it was used before a restart', () => {
    const memory = new ReplayMemory(() => START + 700);
    const made = (seconds: number): Use =>
      memory.use({ owner: 'one', id: `${seconds}`, issuedAt: START / 1000 + seconds });
    assert.deepEqual([-60, -1, -0.1].map(made), ['unknown', 'unknown', 'unknown']);
    assert.deepEqual([0, 0.9, 60].map(made), ['new', 'new', 'new']);
  });

  it('forgets nothing when the clock jumps back', () => {
    const clock = manualClock(START);
    const memory = new ReplayMemory(() => clock.now());
    assert.equal(use(memory, 'one', 'a'), 'new');
    clock.advance(-3_600_000);
    assert.equal(use(memory, 'one', 'a'), 'seen');
    clock.advance(119_000);
    assert.equal(use(memory, 'one', 'a'), 'seen');
  });
});
