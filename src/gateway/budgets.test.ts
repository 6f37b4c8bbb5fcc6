import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Budgets } from './budgets.ts';
import { GATEWAY_LIMITS, type Limits } from './limits.ts';

const NOW = Date.UTC(2026, 10, 24);
const NEVER = Number.POSITIVE_INFINITY;
const OPEN: Limits = {
  ...GATEWAY_LIMITS,
  requestsPerSecondPerConnection: NEVER,
  requestsPerSecondPerAddress: NEVER,
  requestsPerSecondPerAccount: NEVER,
  requestsPerSecondPerApp: NEVER,
};

function budgets(limits: Partial<Limits>): Budgets {
  return new Budgets({ ...OPEN, ...limits });
}

function socket(): Socket {
  return new EventEmitter() as Socket;
}

/** How many of `count` requests at one time are let in. */
function letIn(count: number, enter: () => string | undefined): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (enter() === undefined) passed += 1;
  return passed;
}

describe('the budgets', () => {
  it('let a burst of five seconds’ worth through, and then the rate', () => {
    const made = budgets({ requestsPerSecondPerConnection: 10 });
    const one = socket();
    const at = (now: number) => (): string | undefined => made.enter(one, '192.0.2.1', now).refused;
    assert.equal(letIn(100, at(NOW)), 50);
    assert.equal(letIn(100, at(NOW + 1000)), 10);
    assert.equal(letIn(100, at(NOW + 60_000)), 50);
    assert.equal(made.enter(socket(), '192.0.2.1', NOW + 60_000).refused, undefined, 'another connection has its own');
    assert.equal(made.enter(one, '192.0.2.1', NOW + 60_000).refused, 'too-many-requests');
  });

  it('give nothing for a clock that is set back, and go on from there', () => {
    const made = budgets({ requestsPerSecondPerConnection: 1 });
    const one = socket();
    const at = (now: number) => (): string | undefined => made.enter(one, '192.0.2.1', now).refused;
    assert.equal(letIn(9, at(NOW)), 5);
    assert.equal(letIn(9, at(NOW - 3_600_000)), 0);
    assert.equal(letIn(9, at(NOW - 3_599_000)), 1);
  });

  for (const [what, a, b, isShared] of [
    ['connections of one address', '192.0.2.1', '192.0.2.1', true],
    ['two addresses', '192.0.2.1', '192.0.2.2', false],
    ['addresses of one IPv6 /64', '2001:db8::1', '2001:db8::ffff:1:2:3', true],
    ['two IPv6 /64', '2001:db8::1', '2001:db8:0:1::1', false],
  ] as const) {
    it(`are ${isShared ? 'one' : 'two'} for ${what}`, () => {
      const made = budgets({ requestsPerSecondPerAddress: 1 });
      assert.equal(
        letIn(5, () => made.enter(socket(), a, NOW).refused),
        5,
      );
      assert.equal(
        letIn(5, () => made.enter(socket(), b, NOW).refused),
        isShared ? 0 : 5,
      );
    });
  }

  it('bound what an address has open, and count what was refused only until it has left', () => {
    const made = budgets({ connectionsPerAddress: 2 });
    const entered = [1, 2, 3].map(() => made.enter(socket(), '192.0.2.1', NOW));
    assert.deepEqual(
      entered.map(({ refused }) => refused),
      [undefined, undefined, 'too-many-connections'],
    );
    for (const { leave } of entered.slice(1)) leave();
    assert.equal(made.enter(socket(), '192.0.2.1', NOW).refused, undefined);
  });

  it('count the requests that a proxy asks about for their client, not for the proxy', () => {
    const made = budgets({ requestsPerSecondPerAddress: 1, requestsPerSecondPerConnection: 1 });
    assert.equal(
      letIn(9, () => made.enterAsked('192.0.2.1', NOW).refused),
      5,
    );
    assert.equal(
      letIn(9, () => made.enterAsked('192.0.2.2', NOW).refused),
      5,
    );
  });

  it('are one for an account, and one for an app, which may say its own', () => {
    const made = budgets({ requestsPerSecondPerAccount: 1, requestsPerSecondPerApp: 2 });
    const count = (spend: () => boolean): number => letIn(50, () => (spend() ? undefined : 'no'));
    assert.equal(
      count(() => made.spendAccount('ada', NOW)),
      5,
    );
    assert.equal(
      count(() => made.spendAccount('bob', NOW)),
      5,
    );
    assert.equal(
      count(() => made.spendApp('wiki', undefined, NOW)),
      10,
    );
    assert.equal(
      count(() => made.spendApp('shop', 1, NOW)),
      5,
    );
  });

  it('remember a bounded number of addresses, never forgetting one that has something open', () => {
    const made = budgets({ requestsPerSecondPerAddress: 1, connectionsPerAddress: 1 });
    assert.equal(made.enterAsked('192.0.2.1', NOW).refused, undefined);
    for (let i = 0; i < 70_000; i++) {
      made.enterAsked(`2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`, NOW).leave();
    }
    assert.ok(made.remembered <= 65_536, `${made.remembered}`);
    assert.equal(made.enterAsked('192.0.2.1', NOW).refused, 'too-many-connections');
  });

  it('forget who has been quiet, but neither an open exchange nor a connection that may send more', () => {
    const made = budgets({ requestsPerSecondPerAddress: 1, requestsPerSecondPerAccount: 1 });
    const kept = socket();
    const { leave } = made.enter(kept, '192.0.2.1', NOW);
    made.enterAsked('192.0.2.2', NOW).leave();
    made.spendAccount('ada', NOW);
    assert.equal(made.remembered, 3);
    made.forget(NOW + 5_000);
    assert.equal(made.remembered, 3, 'their buckets are not full yet');
    made.forget(NOW + 5_001);
    assert.equal(made.remembered, 1);
    leave();
    made.forget(NOW + 5_001);
    assert.equal(made.remembered, 1);
    kept.emit('close');
    made.forget(NOW + 5_001);
    assert.equal(made.remembered, 0);
  });

  it('never let more through in any time than the burst and the rate allow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(500), { maxLength: 200 }), (perSecond, gaps) => {
        const made = budgets({ requestsPerSecondPerConnection: perSecond });
        const one = socket();
        let now = NOW;
        let passed = 0;
        for (const gap of gaps) {
          now += gap;
          if (made.enter(one, '192.0.2.1', now).refused === undefined) passed += 1;
        }
        assert.ok(passed <= perSecond * 5 + ((now - NOW) / 1000) * perSecond + 1);
      }),
    );
  });
});
