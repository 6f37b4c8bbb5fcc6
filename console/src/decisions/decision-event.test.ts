/// <reference types="node" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Event, eventLine } from './decision-event.ts';
import { countNew, matches, merge } from './feed.ts';

function event(more: Record<string, unknown> = {}, uid = 'evt_1', time = 1000): Event {
  return {
    class_uid: 4002,
    time,
    message: 'GET /pay',
    metadata: { uid, correlation_uid: 'cor_1' },
    ...more,
  } as unknown as Event;
}

const decision = {
  effect: 'forbid',
  reasons: [{ code: 'mfa-too-weak', detail: 'needs a passkey', policyId: 'guardrail.t0.mfa', remedy: 'step-up' }],
  policies: ['guardrail.t0.mfa'],
  errors: [],
  policyVersion: 3,
};

describe('a line of the live list', () => {
  it('says who, what, why and by which policies', () => {
    const line = eventLine(
      event({
        src_endpoint: { ip: '192.0.2.1' },
        http_request: { http_method: 'GET', url: { path: '/pay', hostname: 'pay.localhost' } },
        unmapped: { cordon: { who: 'ada@example.org', what: 'Payroll', decision } },
      }),
    );
    assert.deepEqual(
      [line.id, line.time, line.outcome, line.who, line.what, line.request, line.address, line.policyVersion],
      ['evt_1', 1000, 'deny', 'ada@example.org', 'Payroll', 'GET /pay', '192.0.2.1', 3],
    );
    assert.deepEqual(line.reasons, decision.reasons);
    assert.deepEqual([line.policies, line.correlationId], [['guardrail.t0.mfa'], 'cor_1']);
  });

  it('takes what is missing from elsewhere in the event', () => {
    const line = eventLine(
      event({
        actor: { user: { name: 'Ada' } },
        status_code: 'no-permit',
        unmapped: { cordon: { request: { context: { method: 'POST', path: '/x', host: 'wiki.localhost' } } } },
      }),
    );
    assert.deepEqual(
      [line.who, line.what, line.request, line.reasons],
      ['Ada', 'wiki.localhost', 'POST /x', [{ code: 'no-permit' }]],
    );
  });

  it('calls whoever is not signed in somebody, where a request was for something', () => {
    const request = { http_request: { http_method: 'GET', url: { path: '/', hostname: 'wiki.localhost' } } };
    assert.deepEqual(
      [eventLine(event(request)), eventLine(event()), eventLine(event({ ...request, class_uid: 3002 }))].map(
        ({ who, what }) => `${who} → ${what}`,
      ),
      ['somebody → wiki.localhost', ' → ', ' → wiki.localhost'],
    );
  });

  for (const [name, fields, lasted] of [
    ['says nothing of how long where nothing is said', {}, ''],
    [
      'says how long a tunnel was open, what it carried and who ended it',
      {
        ...{ duration: 180_000, cumulative_traffic: { bytes_out: 1, bytes_in: 1234 }, status_id: 1 },
        unmapped: { cordon: { end: { by: 'client', whole: true } } },
      },
      'open for 3 min, 1 byte to the app, 1,234 bytes back, ended by the client',
    ],
    [
      'says that something broke off',
      { duration: 61_000, status_id: 2, unmapped: { cordon: { end: { by: 'app', whole: false } } } },
      'open for 1 min, ended by the app, broken off',
    ],
    [
      'takes an ender of another version for what it is',
      { duration: 500, unmapped: { cordon: { end: { by: 'moon' } } } },
      'open for 1 s, ended',
    ],
    [
      'says how long it was until a cut',
      { duration: 7_200_000, cumulative_traffic: { bytes_out: 0, bytes_in: 0 }, action_id: 2 },
      'open for 2 h, 0 bytes to the app, 0 bytes back',
    ],
  ] as const) {
    it(name, () => assert.equal(eventLine(event(fields)).lasted, lasted));
  }

  for (const [name, fields, outcome] of [
    ['an end, whatever its status', { status_id: 2, unmapped: { cordon: { end: { by: 'app' } } } }, 'end'],
    ['a permit', { unmapped: { cordon: { decision: { ...decision, effect: 'permit' } } } }, 'permit'],
    ['a forbid', { unmapped: { cordon: { decision } } }, 'deny'],
    ['an action that was allowed', { action_id: 1 }, 'permit'],
    ['an action that was denied', { action_id: 2, status_id: 1 }, 'deny'],
    ['a failure', { status_id: 2 }, 'failure'],
    ['a success without a decision', { status_id: 1 }, 'none'],
    [
      'a decision with an effect of another version',
      { action_id: 2, unmapped: { cordon: { decision: { effect: 'maybe' } } } },
      'deny',
    ],
  ] as const) {
    it(`of ${name} is ${outcome}`, () => assert.equal(eventLine(event(fields)).outcome, outcome));
  }

  it('survives an event of another version, and never takes it for a permit', () => {
    for (const odd of [
      null,
      7,
      'x',
      [],
      {},
      { user: 7 },
      { cordon: { decision: 'permit' } },
      { cordon: { decision: { effect: ['permit'] } } },
    ]) {
      const line = eventLine(
        event({
          unmapped: odd,
          actor: odd,
          user: odd,
          http_request: odd,
          src_endpoint: odd,
          action_id: odd,
          status_id: odd,
          status_code: odd,
        }),
      );
      assert.equal(line.id, 'evt_1');
      assert.notEqual(line.outcome, 'permit', JSON.stringify(odd));
    }
  });
});

describe('the search in the list', () => {
  const line = eventLine(event({ unmapped: { cordon: { who: 'ada@example.org', what: 'Payroll', decision } } }));

  for (const [effect, search, expected] of [
    ['', '', true],
    ['deny', '', true],
    ['permit', '', false],
    ['', 'ADA payroll', true],
    ['', 'ada wiki', false],
    ['', 'guardrail.t0', true],
    ['', 'cor_1', true],
    ['', '  pay  ', true],
  ] as const) {
    it(`for \`${search}\` with outcome \`${effect}\` ${expected ? 'finds' : 'passes over'} it`, () => {
      assert.equal(matches(line, effect, search.trim()), expected);
    });
  }

  it('counts a failure among what was denied', () => {
    assert.equal(matches(eventLine(event({ status_id: 2 })), 'deny', ''), true);
  });
});

describe('the feed', () => {
  it('shows each event once, newest first, wherever it came from', () => {
    const [a, b, c] = [event({}, 'a', 1), event({}, 'b', 2), event({}, 'c', 3)];
    assert.deepEqual(
      merge([c, a], [b, a]).map(({ metadata }) => metadata.uid),
      ['c', 'b', 'a'],
    );
  });

  it('counts what came while it was held', () => {
    const [a, b, c] = [event({}, 'a', 1), event({}, 'b', 2), event({}, 'c', 3)];
    assert.equal(countNew([c, b, a], [a]), 2);
    assert.equal(countNew([a], [c, b, a]), 0);
  });
});
