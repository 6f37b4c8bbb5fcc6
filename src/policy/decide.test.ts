import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Decision, TrustGraph } from '#model';
import { decideAccess, decideManage, inputOf } from './index.ts';
import { access, type Differences, load, NOW, situation, TEXTS } from './testdata/estate.ts';

const POLICIES = load();
const noPosture = { posture: undefined } as unknown as Differences['device'] & object;
const codes = (decision: Decision): string =>
  `${decision.effect} ${decision.reasons.map(({ code }) => code).join(' ')}`;

describe('decideAccess', () => {
  it('permits what a policy grants, naming it', () => {
    const decision = decideAccess(access(POLICIES));
    assert.equal(decision.effect, 'permit');
    assert.deepEqual(decision.policies, ['access.cedar#engineering']);
    assert.deepEqual([decision.graphSeq, decision.policyVersion], [42, 7]);
  });

  const denied: [string, Differences, string][] = [
    ['a session that was ended', { without: 'session' }, 'session-revoked'],
    ['a session at the millisecond it expires', { session: { expiresAt: NOW } }, 'session-expired'],
    ['a session whose expiry is unreadable', { session: { expiresAt: Number.NaN } }, 'session-expired'],
    ['a disabled account', { user: { status: 'disabled' } }, 'user-disabled'],
    ['an account that is only invited', { user: { status: 'invited' } }, 'user-disabled'],
    ['a deleted account', { without: 'user' }, 'user-disabled'],
    ['a revoked device', { device: { status: 'revoked' } }, 'device-revoked'],
    ['an app that was withdrawn', { without: 'app' }, 'app-changed'],
    ['a person outside every granted group', { user: { groups: ['sales'] } }, 'no-permit'],
    ['a sign-in from the future', { session: { authenticatedAt: NOW + 60_001 } }, 'sign-in-too-old'],
    [
      'a health report from the future, on T2',
      { app: { tier: 2 }, device: { posture: { collectedAt: NOW + 60_001, verdict: 'healthy', results: [] } } },
      'device-stale',
    ],
    ['a device that never reported its health, on T2', { app: { tier: 2 }, device: noPosture }, 'device-stale'],
    [
      'a device whose report is unreadable, on T2',
      { app: { tier: 2 }, device: { posture: { collectedAt: Number.NaN, verdict: 'healthy', results: [] } } },
      'device-stale',
    ],
    ['a risk that cannot be computed, on T2', { app: { tier: 2 }, riskOfUser: Number.NaN }, 'risk-too-high'],
    [
      'an app bound to an asset that is gone',
      { app: { assetId: 'gone' }, session: { acr: 'urn:cordon:aal2' } },
      'mfa-too-weak',
    ],
  ];
  for (const [name, differences, code] of denied) {
    it(`denies ${name} with ${code}`, () =>
      assert.equal(codes(decideAccess(access(POLICIES, differences))), `forbid ${code}`));
  }

  it('denies when the clock jumps back by more than machines differ, instead of taking everything for recent', () => {
    const input = access(POLICIES, { app: { tier: 1 } });
    assert.equal(decideAccess({ ...input, now: NOW - 60_000 }).effect, 'permit');
    const back = decideAccess({ ...input, now: NOW - 3_600_000 });
    assert.equal(codes(back), 'forbid sign-in-too-old device-stale');
  });

  it('denies from a graph that missed a change, however fresh it is', () => {
    const input = access(POLICIES, {}, 0);
    const change = { seq: 99, time: NOW, kind: 'user', id: 'u2', op: 'put', actor: 'system' } as const;
    assert.throws(() => input.graph.apply({ change }));
    assert.equal(codes(decideAccess(input)), 'forbid replica-stale');
    const { graph, request } = input;
    assert.ok(request.session);
    const manage = {
      policies: POLICIES,
      graph,
      now: NOW,
      session: request.session,
      action: 'view',
      address: '192.0.2.1',
    } as const;
    assert.equal(codes(decideManage(manage)), 'forbid replica-stale');
  });

  it('denies without a session with not-authenticated, and offers to sign in', () => {
    const { request, ...rest } = access(POLICIES);
    const { session: _none, ...anonymous } = request;
    const decision = decideAccess({ ...rest, request: anonymous });
    assert.equal(codes(decision), 'forbid not-authenticated');
    assert.deepEqual(decision.remedies, ['sign-in']);
  });

  it('denies a session whose token was rotated away', () => {
    const input = access(POLICIES);
    const { session } = situation({ session: { tokenHash: 'older' } });
    assert.equal(codes(decideAccess({ ...input, request: { ...input.request, session } })), 'forbid session-revoked');
  });

  it('denies when the browser of the session is revoked, even with another device presented', () => {
    const laptop = { ...situation().device, id: 'd2' };
    const input = access(POLICIES, {
      device: { status: 'revoked' },
      more: [{ kind: 'device', id: 'd2', body: laptop }],
    });
    assert.equal(
      codes(decideAccess({ ...input, request: { ...input.request, device: laptop } })),
      'forbid device-revoked',
    );
  });

  it('denies with no-policies when none are active', () => {
    assert.equal(codes(decideAccess(access(undefined))), 'forbid no-policies');
  });

  it('turns every failure into a deny named internal', () => {
    const input = access(POLICIES);
    const broken: unknown[] = [
      { ...input, now: Number.NaN },
      { ...input, request: { ...input.request, address: 'not an address' } },
      { ...input, request: { ...input.request, path: 7 } },
      { ...input, request: { ...input.request, path: '\ud800' } },
      { ...input, request: undefined },
      { ...input, policies: {} },
    ];
    for (const one of broken) {
      const decision = decideAccess(one as typeof input);
      assert.equal(decision.effect, 'forbid');
      assert.ok(['internal', 'session-expired'].includes(decision.reasons[0]?.code ?? ''), JSON.stringify(decision));
    }
    assert.equal(decideAccess(input).effect, 'permit', 'and decides again afterwards');
  });

  it('denies when a forbid errs, although Cedar would skip it', () => {
    const policies = load({
      ...TEXTS,
      'x.cedar':
        '@id("overflow") forbid (principal, action == Action::"access", resource) when { 9223372036854775807 + resource.tier == 1 };',
    });
    const decision = decideAccess(access(policies));
    assert.equal(codes(decision), 'forbid policy-error');
    assert.deepEqual(decision.policies, ['x.cedar#overflow']);
    assert.equal(decision.errors[0]?.policyId, 'x.cedar#overflow');
  });

  it('lets a permit that errs permit nothing, and others still count', () => {
    const text =
      '@id("e") permit (principal, action == Action::"access", resource) when { 9223372036854775807 + resource.tier == 1 };';
    assert.equal(codes(decideAccess(access(load({ 'x.cedar': text })))), 'forbid no-permit');
    const both = decideAccess(access(load({ ...TEXTS, 'x.cedar': text })));
    assert.deepEqual([both.effect, both.errors.length], ['permit', 1]);
  });

  it('lists every guardrail that fails, remedies in order, and the strictest step-up', () => {
    const decision = decideAccess(
      access(POLICIES, {
        app: { tier: 0 },
        session: { acr: 'urn:cordon:aal2', authenticatedAt: NOW - 3_600_000 },
        device: {
          posture: {
            collectedAt: NOW,
            verdict: 'unhealthy',
            results: [
              { check: 'firewall', title: 'Firewall', outcome: 'fail', detail: 'inactive', fix: 'run `ufw enable`' },
            ],
          },
        },
        riskOfUser: 31,
      }),
    );
    assert.equal(codes(decision), 'forbid mfa-too-weak sign-in-too-old device-unhealthy risk-too-high');
    assert.deepEqual(decision.remedies, ['step-up', 'fix-posture', 'wait']);
    assert.deepEqual(decision.stepUp, { acr: 'urn:cordon:aal3', maxAgeSeconds: 900 });
    assert.equal(decision.reasons[2]?.detail, 'firewall: inactive (fix: run `ufw enable`)');
  });

  const T0 = 'needs a security key or device-bound passkey, with PIN or biometrics; signed in with';
  const weak: readonly [Differences['session'] & object, 0 | 1 | 2, string][] = [
    [{ acr: 'urn:cordon:aal1', amr: ['pwd'] }, 0, `${T0} one factor`],
    [{ acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] }, 0, `${T0} a password and a code`],
    [{ acr: 'urn:cordon:aal2', amr: ['pwd', 'swk', 'mfa'] }, 0, `${T0} a password only so far`],
    [{ acr: 'urn:cordon:aal2', amr: [] }, 0, `${T0} two factors`],
    [{ acr: 'urn:cordon:aal2-phr', amr: ['swk', 'user', 'mfa'] }, 0, `${T0} a passkey`],
    [{ acr: 'urn:cordon:aal3', amr: ['hwk'] }, 0, `${T0} a device-bound passkey`],
    [
      { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] },
      1,
      'needs a passkey or security key; signed in with a password and a code',
    ],
    [
      { acr: 'urn:cordon:aal2', amr: ['pwd', 'sms', 'mfa'] },
      2,
      'needs two factors, neither by e-mail nor SMS; signed in with a code by e-mail or SMS',
    ],
  ];
  for (const [session, tier, detail] of weak) {
    it(`says in plain words that T${tier} ${detail}`, () => {
      const { reasons } = decideAccess(access(POLICIES, { app: { tier }, session }));
      const reason = reasons.find(({ code }) => code === 'mfa-too-weak');
      assert.equal(reason?.detail, detail);
      assert.ok(`mfa-too-weak: ${detail}`.length <= 123, 'it fits into the frame that closes a WebSocket');
    });
  }

  it('asks for access, not for a step-up, when nothing grants it', () => {
    const decision = decideAccess(
      access(POLICIES, { app: { tier: 0 }, user: { groups: [] }, session: { acr: 'urn:cordon:aal2' } }),
    );
    assert.equal(codes(decision), 'forbid no-permit mfa-too-weak');
    assert.deepEqual([decision.remedies, decision.stepUp], [['request-access'], undefined]);
  });

  it('offers nothing when one of the forbids cannot be remedied', () => {
    const policies = load({
      ...TEXTS,
      'x.cedar': '@title("Closed for the audit") forbid (principal, action == Action::"access", resource);',
    });
    const decision = decideAccess(access(policies, { app: { tier: 0 }, session: { acr: 'urn:cordon:aal2' } }));
    assert.equal(codes(decision), 'forbid forbidden mfa-too-weak');
    assert.deepEqual(
      [decision.remedies, decision.stepUp, decision.reasons[0]?.detail],
      [[], undefined, 'Closed for the audit'],
    );
  });

  it('takes remedy and goal from the annotations of a bundle', () => {
    const text =
      '@remedy("step-up") @acr("urn:cordon:aal2-phr") @max_age("10m") forbid (principal, action == Action::"access", resource) unless { context.session.ageSeconds <= 600 };';
    const decision = decideAccess(
      access(load({ ...TEXTS, 'x.cedar': text }), { session: { authenticatedAt: NOW - 601_000 } }),
    );
    assert.deepEqual(decision.stepUp, { acr: 'urn:cordon:aal2-phr', maxAgeSeconds: 600 });
  });

  it('tells a browser without health reports to enrol a device', () => {
    const { posture: _none, ...browser } = situation().device;
    const input = access(POLICIES, {
      app: { tier: 2 },
      without: 'device',
      more: [{ kind: 'device', id: 'd1', body: { ...browser, form: 'browser', managed: false } }],
    });
    assert.deepEqual(decideAccess(input).remedies, ['enrol-device']);
  });

  it('sees an address the same in its v4 and its v4-in-v6 form', () => {
    const text =
      'permit (principal, action == Action::"access", resource) when { context.ip.isInRange(ip("192.0.2.0/24")) };';
    const input = access(load({ 'x.cedar': text }));
    const from = (address: string): string => decideAccess({ ...input, request: { ...input.request, address } }).effect;
    assert.deepEqual(['192.0.2.1', '::ffff:192.0.2.1', '198.51.100.1', '::1'].map(from), [
      'permit',
      'permit',
      'forbid',
      'forbid',
    ]);
  });
});

describe('decideManage', () => {
  const manage = (groups: string[], action: 'view' | 'manage', policies = POLICIES): string => {
    const { graph, session } = situation({ user: { groups } });
    return codes(decideManage({ policies, graph, now: NOW, session, action, address: '::1' }));
  };
  it('lets admins view and manage, analysts view, and others nothing', () => {
    assert.equal(manage(['admins'], 'manage'), 'permit permit');
    assert.equal(manage(['admins'], 'view'), 'permit permit');
    assert.equal(manage(['analysts'], 'view'), 'permit permit');
    assert.equal(manage(['analysts'], 'manage'), 'forbid no-permit');
    assert.equal(manage(['engineering'], 'view'), 'forbid no-permit');
  });
  it('lets a bundle forbid what is built in', () => {
    const policies = load({ 'x.cedar': 'forbid (principal, action == Action::"manage", resource);' });
    assert.equal(manage(['admins'], 'manage', policies), 'forbid forbidden');
  });
  it('denies an anonymous caller, a missing bundle and an unknown action', () => {
    const { graph, session } = situation({ user: { groups: ['admins'] } });
    const input = { policies: POLICIES, graph, now: NOW, session, action: 'manage' as const, address: '::1' };
    const { session: _none, ...anonymous } = input;
    assert.equal(codes(decideManage(anonymous)), 'forbid not-authenticated');
    assert.equal(codes(decideManage({ ...input, policies: undefined })), 'forbid no-policies');
    assert.equal(decideManage({ ...input, action: 'erase' as 'view' }).effect, 'forbid');
  });
});

describe('a proof', () => {
  it('is the very object that decide returned, and no copy of it', () => {
    const decision = decideAccess(access(POLICIES));
    const isProven = (one: typeof decision): boolean => inputOf(one) !== undefined;
    assert.equal(isProven(decision), true);
    assert.equal(isProven({ ...decision }), false);
    assert.equal(isProven(JSON.parse(JSON.stringify(decision))), false);
    assert.equal(isProven(structuredClone(decision)), false);
    assert.equal(isProven(Object.create(decision)), false);
    assert.equal(isProven(new Proxy(decision, {})), false);
  });

  it('cannot be turned from forbid to permit', () => {
    const decision = decideAccess({ ...access(POLICIES), graph: new TrustGraph() });
    assert.equal(decision.effect, 'forbid');
    assert.throws(() => Object.assign(decision, { effect: 'permit' }), TypeError);
    assert.throws(() => Object.assign(decision.reasons, [{ code: 'permit' }]), TypeError);
  });
});
