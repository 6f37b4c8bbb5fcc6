import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ACR_VALUES } from '#model';
import { ask, decideAccess, evidenceOf } from '../../decide.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { access, type Differences, load, NOW, situation } from '../../testdata/estate.ts';
import { PERSONAL_ACTS } from './acts.ts';
import { type AccessExplanation, explainAccess, waysIn } from './explain-access.ts';
import { explainQuestion } from './explain-question.ts';
import { smallestChange } from './smallest-change.ts';

const TEXT = `@id("engineering")
@title("Engineers read")
permit (principal in Group::"engineering", action == Action::"access", resource)
when { context.session.phishingResistant && context.method == "GET" };

@id("finance")
permit (principal in Group::"finance", action == Action::"access", resource == App::"a1")
when { context.ip.isInRange(ip("198.51.100.0/24")) };

@id("not-at-night")
forbid (principal, action == Action::"access", resource)
when { context.now.toTime() >= duration("20h") };
`;
const POLICIES = load({ 'a.cedar': TEXT });

function questionOf(policies: ActivePolicies, differences: Differences): CedarQuestion {
  const question = evidenceOf(decideAccess(access(policies, differences)))?.question?.();
  if (question === undefined) throw new Error('no policy was asked');
  return question;
}

function explain(differences: Differences = {}, method = 'GET'): AccessExplanation {
  const { graph, app } = situation(differences);
  const user = graph.get('user', 'u1');
  if (user === undefined) throw new Error('nobody to ask about');
  return explainAccess({ policies: POLICIES, graph, now: NOW, user, app, method, path: '/' });
}

/** The policies of an explanation, as `role id: clause outcome …`. */
function told({ policies }: AccessExplanation): string[] {
  return policies.map(
    ({ role, id, clauses }) => `${role} ${id}: ${clauses.map(({ text, outcome }) => `${text} ${outcome}`).join('; ')}`,
  );
}

const steps = (explanation: AccessExplanation): string[] => (explanation.change?.steps ?? []).map(({ words }) => words);

describe('explaining', () => {
  it('names for a permit the policies and every clause that held, with what it saw', () => {
    const explanation = explain();
    assert.equal(explanation.outcome, 'permit');
    assert.deepEqual(told(explanation), [
      'decided a.cedar#engineering: principal in Group::"engineering" held; when { context.session.phishingResistant } held; when { context.method == "GET" } held',
    ]);
    const [policy] = explanation.policies;
    assert.deepEqual([policy?.title, policy?.builtin, policy?.source.line], ['Engineers read', false, 1]);
    assert.deepEqual(policy?.clauses[0]?.facts[0]?.value, 'User::"u1" in Group::"engineering", Group::"platform"');
    assert.deepEqual(policy?.clauses[2]?.facts, [{ expression: 'context.method', value: '"GET"' }]);
    assert.equal(explanation.change, undefined);
  });

  it('names for a default denial the nearest permits, the first clause that failed, its values and what would do', () => {
    const explanation = explain({ session: { acr: 'urn:cordon:aal2' } });
    assert.equal(explanation.outcome, 'no-permit');
    assert.deepEqual(told(explanation), [
      'nearest a.cedar#engineering: principal in Group::"engineering" held; when { context.session.phishingResistant } failed',
      'nearest a.cedar#finance: principal in Group::"finance" failed',
    ]);
    assert.deepEqual(explanation.policies[0]?.clauses[1]?.facts, [
      { expression: 'context.session.phishingResistant', value: 'false' },
    ]);
    assert.deepEqual(steps(explanation), ['sign in with a passkey']);
  });

  it('names for a forbid its clauses with the values that met them', () => {
    const explanation = explain({ app: { tier: 1 }, session: { authenticatedAt: NOW - 2 * 3_600_000 } });
    assert.equal(explanation.outcome, 'forbidden');
    assert.deepEqual(told(explanation), [
      'decided guardrail.t1.sign-in-age: when { resource.tier == 1 } held; when { context.session.ageSeconds > 3600 } held',
    ]);
    assert.deepEqual(explanation.policies[0]?.clauses[1]?.facts[0]?.value, '7200');
    assert.deepEqual(steps(explanation), ['sign in again']);
  });

  const changes: [string, Differences, string, string[]][] = [
    ['a missing group', { user: { groups: [] } }, 'GET', ['be in the group `engineering`']],
    ['another method', {}, 'POST', ['use the method `GET`']],
    [
      'a group and a passkey',
      { user: { groups: [] }, session: { acr: 'urn:cordon:aal2' } },
      'GET',
      ['sign in with a passkey', 'be in the group `engineering`'],
    ],
    [
      'a network and a group',
      { user: { groups: ['finance'] }, session: { acr: 'urn:cordon:aal2' } },
      'POST',
      ['come from `198.51.100.0/24`'],
    ],
    ['an unknown device', { device: { ownerId: 'u2' } }, 'GET', ['use a device that Cordon knows']],
    [
      'a sick device on T1',
      {
        app: { tier: 1 },
        device: {
          posture: {
            collectedAt: NOW,
            verdict: 'unhealthy',
            results: [{ check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'off' }],
          },
        },
      },
      'GET',
      ['let the device be checked again, healthy'],
    ],
    ['a browser on T1', { app: { tier: 1 }, device: { managed: false } }, 'GET', ['use a managed, healthy device']],
    ['risk on T2', { app: { tier: 2 }, riskOfUser: 80 }, 'GET', ['wait until the risk has decayed']],
  ];
  for (const [name, differences, method, expected] of changes)
    it(`proposes the smallest change for ${name}`, () =>
      assert.deepEqual(steps(explain(differences, method)), expected));

  it('proposes another time for a forbid about the time', () => {
    const { graph, app } = situation();
    const [user, now] = [graph.get('user', 'u1'), Date.UTC(2026, 0, 15, 21)];
    assert.ok(user !== undefined);
    const explanation = explainAccess({ policies: POLICIES, graph, now, user, app, method: 'GET', path: '/' });
    assert.deepEqual(told(explanation), [
      'decided a.cedar#not-at-night: when { context.now.toTime() >= duration("20h") } held',
    ]);
    assert.deepEqual(steps(explanation), ['ask when `context.now.toTime() >= duration("20h")` does not hold']);
  });

  it('assumes the best session of somebody who is not signed in, and says so', () => {
    const explanation = explain({ session: { expiresAt: NOW } });
    assert.equal(explanation.outcome, 'permit');
    assert.equal(explanation.decision, undefined);
    assert.equal(explanation.assumptions.length, 4);
  });

  it('leaves to the decision what no policy had a part in', () => {
    const explanation = explain({ user: { status: 'disabled' } });
    assert.deepEqual([explanation.decision?.reasons[0]?.code, explanation.policies], ['user-disabled', []]);
  });

  it('names a forbid that cannot be evaluated, with the error and what it looked at', () => {
    const policies = load({
      'a.cedar': `permit (principal, action == Action::"access", resource);
@id("broken")
forbid (principal, action == Action::"access", resource)
when { context.secure && context.session.ageSeconds * 9223372036854775807 > 1 };`,
    });
    const asked = questionOf(policies, { session: { authenticatedAt: NOW - 3000 } });
    const { outcome, policies: told } = explainQuestion(policies, asked);
    assert.equal(outcome, 'policy-error');
    assert.deepEqual(
      told.map(({ id, role, clauses }) => [id, role, clauses.map((clause) => clause.outcome)]),
      [['a.cedar#broken', 'erred', ['held', 'error']]],
    );
    assert.match(told[0]?.clauses[1]?.error ?? '', /overflow/);
    assert.deepEqual(told[0]?.clauses[1]?.facts, [{ expression: 'context.session.ageSeconds', value: '3' }]);
    assert.deepEqual(
      smallestChange(policies, asked, 4000)?.steps.map(({ words }) => words),
      ['sign in again'],
    );
  });

  it('counts the permits that it does not list', () => {
    const texts = Array.from(
      { length: 9 },
      (_, at) => `permit (principal in Group::"g${at}", action == Action::"access", resource);`,
    );
    const policies = load({ 'a.cedar': texts.join('\n') });
    const explanation = explainQuestion(policies, questionOf(policies, {}));
    assert.deepEqual([explanation.policies.length, explanation.furtherPermits], [5, 4]);
  });
});

const anybody: fc.Arbitrary<Differences> = fc.record({
  user: fc.record({ groups: fc.subarray(['platform', 'finance', 'sales']) }),
  session: fc.record({
    acr: fc.constantFrom(...ACR_VALUES),
    authenticatedAt: fc.constantFrom(NOW, NOW - 1000, NOW - 3_600_001, NOW - 86_400_000),
    address: fc.constantFrom('192.0.2.1', '198.51.100.7'),
  }),
  device: fc.record({ managed: fc.boolean(), ownerId: fc.constantFrom('u1', 'u2') }),
  app: fc.record({ tier: fc.constantFrom(0, 1, 2, 3), device: fc.constantFrom('any', 'known', 'managed', 'healthy') }),
  riskOfUser: fc.constantFrom(0, 50, 90),
});

describe('an explanation, whatever is asked', () => {
  it('never contradicts the decision', () => {
    fc.assert(
      fc.property(anybody, fc.constantFrom('GET', 'POST'), (differences, method) => {
        const { graph, session, app } = situation(differences);
        const user = graph.get('user', 'u1');
        assert.ok(user !== undefined);
        const explanation = explainAccess({ policies: POLICIES, graph, now: NOW, user, app, method, path: '/' });
        const request = { session, app, method, path: '/', host: app.host, address: session.address, secure: true };
        const decision = decideAccess({ policies: POLICIES, graph, now: NOW, request });
        assert.equal(explanation.outcome === 'permit', decision.effect === 'permit');
        const decided = explanation.policies.filter(({ role }) => role === 'decided').map(({ id }) => id);
        assert.deepEqual(decided, decision.policies);
        for (const { role, clauses } of explanation.policies) {
          const last = clauses.at(-1);
          if (role === 'decided') assert.ok(clauses.every(({ outcome }) => outcome === 'held'));
          if (role === 'nearest') assert.equal(last?.outcome, 'failed');
        }
      }),
      { numRuns: 150 },
    );
  });

  it('proposes only changes that are permitted, and no part of one is', () => {
    fc.assert(
      fc.property(anybody, (differences) => {
        const asked = questionOf(POLICIES, differences);
        const change = smallestChange(POLICIES, asked, 4000);
        if (ask(POLICIES, asked).outcome === 'permit') {
          assert.deepEqual(change?.steps, []);
          return;
        }
        assert.ok(change !== undefined, 'something can always be done here');
        assert.equal(ask(POLICIES, change.question).outcome, 'permit');
        // The person's own acts alone are fewer only when the proposal has no more steps than they need.
        const alone = PERSONAL_ACTS.filter((act) => ask(POLICIES, act.apply(asked)).outcome === 'permit');
        if (alone.length > 0) assert.equal(change.steps.length, 1);
      }),
      { numRuns: 100 },
    );
  });
});

it('asks the fewer questions for a change, the more policies each of them is about', () => {
  const count = 2000;
  const text =
    'permit (principal, action == Action::"access", resource) when { context.path == "a" && context.host == "b" };';
  const policies = load({ 'a.cedar': `${text}\n`.repeat(count) });
  const { set } = policies.inside.access;
  const ask = set.ask.bind(set);
  let asked = 0;
  set.ask = (question) => {
    asked += 1;
    return ask(question);
  };
  smallestChange(policies, questionOf(policies, {}), 1500);
  assert.ok(asked > 10 && asked <= 100, `${asked} questions about ${count} policies`);
});

describe('the ways in that a person is told', () => {
  it('are what the person or the request can change', () => {
    const decision = decideAccess(access(POLICIES, { session: { acr: 'urn:cordon:aal2' } }));
    assert.deepEqual(waysIn(POLICIES, decision), ['sign in with a passkey']);
  });

  it('hold nothing of what is stored about the app', () => {
    const policies = load({
      'a.cedar':
        'permit (principal, action == Action::"access", resource) when { resource.host == "secret.internal" };',
    });
    const decision = decideAccess(access(policies));
    assert.deepEqual(waysIn(policies, decision), []);
    const change = smallestChange(policies, questionOf(policies, {}), 1000);
    assert.deepEqual(
      change?.steps.map(({ about }) => about),
      ['app'],
    );
  });

  it('name nobody else', () => {
    const policies = load({ 'a.cedar': 'permit (principal == User::"eve", action == Action::"access", resource);' });
    assert.deepEqual(waysIn(policies, decideAccess(access(policies))), []);
  });

  it('are none for a permit and for what no policy denied', () => {
    assert.deepEqual(waysIn(POLICIES, decideAccess(access(POLICIES))), []);
    assert.deepEqual(waysIn(POLICIES, decideAccess(access(POLICIES, { without: 'session' }))), []);
  });
});
