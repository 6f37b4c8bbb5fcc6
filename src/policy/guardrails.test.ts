import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Acr, ACR_VALUES, type Decision, type Posture, type Tier } from '#model';
import { renderGuardrails } from './guardrail-page.ts';
import { GUARDRAILS, OTHER_DEMANDS, TIER_DEMANDS } from './guardrails.ts';
import { decideAccess, decideManage } from './index.ts';
import { access, type Differences, load, NOW, situation } from './testdata/estate.ts';

const POLICIES = load();
const seen = new Set<string>();

/** `permit`, or the ids of the policies that forbid. */
function outcome(differences: Differences): string {
  return said(decideAccess(access(POLICIES, differences)));
}

function said(decision: Decision): string {
  for (const id of decision.policies) seen.add(id);
  return decision.effect === 'permit' ? 'permit' : decision.policies.join(' ');
}

const posture = (ageMs: number, verdict: Posture['verdict'] = 'healthy', failing: string[] = []): Posture => ({
  collectedAt: NOW - ageMs,
  verdict,
  results: failing.map((check) => ({ check, title: check, outcome: 'fail', detail: 'off', fix: 'turn it on' })),
});
const strength = (acr: Acr, amr: string[]): Differences['session'] => ({ acr, amr });
const PASSWORD_TOTP = strength('urn:cordon:aal2', ['pwd', 'otp', 'mfa']);
const SYNCED_PASSKEY = strength('urn:cordon:aal2-phr', ['swk', 'user', 'mfa']);
const BOUND_PASSKEY = strength('urn:cordon:aal3', ['hwk', 'user', 'mfa']);

describe('guardrails, just inside and just outside', () => {
  const mfa: [Tier, Differences['session'], Differences['session']][] = [
    [3, PASSWORD_TOTP, strength('urn:cordon:aal1', ['pwd'])],
    [2, PASSWORD_TOTP, strength('urn:cordon:aal2', ['pwd', 'sms', 'mfa'])],
    [1, SYNCED_PASSKEY, PASSWORD_TOTP],
    [0, BOUND_PASSKEY, SYNCED_PASSKEY],
    [0, BOUND_PASSKEY, strength('urn:cordon:aal3', ['hwk'])],
  ];
  for (const [tier, inside, outside] of mfa) {
    it(`T${tier} permits ${inside?.amr?.join('+')} and denies ${outside?.acr} with ${outside?.amr?.join('+')}`, () => {
      assert.equal(outcome({ app: { tier }, session: inside ?? {} }), 'permit');
      assert.equal(outcome({ app: { tier }, session: outside ?? {} }), `guardrail.t${tier}.mfa`);
    });
  }

  for (const { tier, signInAgeAtMost, postureYoungerThan, riskBelow, replicaStaleAtMost, device } of TIER_DEMANDS) {
    const app = { tier };
    it(`T${tier} permits a sign-in ${signInAgeAtMost} s old and denies it a millisecond later`, () => {
      assert.equal(outcome({ app, session: { authenticatedAt: NOW - signInAgeAtMost * 1000 } }), 'permit');
      assert.equal(
        outcome({ app, session: { authenticatedAt: NOW - signInAgeAtMost * 1000 - 1 } }),
        `guardrail.t${tier}.sign-in-age`,
      );
    });
    it(`T${tier} denies without a device, and on another person's`, () => {
      assert.equal(outcome({ app, without: 'device' }), `guardrail.t${tier}.device-known`);
      assert.equal(outcome({ app, device: { ownerId: 'u2' } }), `guardrail.t${tier}.device-known`);
    });
    it(`T${tier} ${device.startsWith('managed') ? 'denies' : 'permits'} a device that is not managed`, () => {
      assert.equal(
        outcome({ app, device: { managed: false } }),
        device.startsWith('managed') ? `guardrail.t${tier}.device-managed` : 'permit',
      );
    });
    it(`T${tier} permits a replica ${replicaStaleAtMost} s old and denies it a millisecond later`, () => {
      assert.equal(decideAccess(access(POLICIES, { app }, replicaStaleAtMost * 1000)).effect, 'permit');
      const late = decideAccess(access(POLICIES, { app }, replicaStaleAtMost * 1000 + 1));
      assert.deepEqual([late.effect, late.reasons[0]?.code], ['forbid', 'replica-stale']);
      assert.equal(decideAccess(access(POLICIES, { app }, Number.NaN)).reasons[0]?.code, 'replica-stale');
    });
    if (postureYoungerThan !== undefined) {
      it(`T${tier} permits a report just under ${postureYoungerThan} s old and denies it at that age`, () => {
        assert.equal(outcome({ app, device: { posture: posture(postureYoungerThan * 1000 - 1) } }), 'permit');
        assert.equal(
          outcome({ app, device: { posture: posture(postureYoungerThan * 1000) } }),
          `guardrail.t${tier}.device-fresh`,
        );
      });
      it(`T${tier} denies an unhealthy device, and one whose verdict is unknown`, () => {
        assert.equal(
          outcome({ app, device: { posture: posture(0, 'unhealthy', ['firewall']) } }),
          `guardrail.t${tier}.device-healthy`,
        );
        assert.equal(outcome({ app, device: { posture: posture(0, 'unknown') } }), `guardrail.t${tier}.device-fresh`);
      });
    } else {
      it(`T${tier} does not ask for health`, () =>
        assert.equal(outcome({ app, device: { posture: posture(0, 'unhealthy', ['firewall']) } }), 'permit'));
    }
    for (const whose of ['riskOfUser', 'riskOfDevice'] as const) {
      it(`T${tier} ${riskBelow === undefined ? 'permits any' : `denies from ${riskBelow}`} ${whose}`, () => {
        assert.equal(outcome({ app, [whose]: (riskBelow ?? 101) - 1 }), 'permit');
        if (riskBelow !== undefined) assert.equal(outcome({ app, [whose]: riskBelow }), `guardrail.t${tier}.risk`);
      });
    }
  }

  const own: [string, Differences, Differences][] = [
    ['app-known.device-known', { app: { device: 'known' } }, { app: { device: 'known' }, without: 'device' }],
    ['app-managed.device-known', { app: { device: 'managed' } }, { app: { device: 'managed' }, without: 'device' }],
    [
      'app-managed.device-managed',
      { app: { device: 'managed' } },
      { app: { device: 'managed' }, device: { managed: false } },
    ],
    ['app-healthy.device-known', { app: { device: 'healthy' } }, { app: { device: 'healthy' }, without: 'device' }],
    [
      'app-healthy.device-managed',
      { app: { device: 'healthy' } },
      { app: { device: 'healthy' }, device: { managed: false } },
    ],
    [
      'app-healthy.device-fresh',
      { app: { device: 'healthy' }, device: { posture: posture(OTHER_DEMANDS.appPostureYoungerThan * 1000 - 1) } },
      { app: { device: 'healthy' }, device: { posture: posture(OTHER_DEMANDS.appPostureYoungerThan * 1000) } },
    ],
    [
      'app-healthy.device-healthy',
      { app: { device: 'healthy' } },
      { app: { device: 'healthy' }, device: { posture: posture(0, 'unhealthy', ['disk']) } },
    ],
  ];
  for (const [name, inside, outside] of own) {
    it(`an app's own demand: ${name}`, () => {
      assert.equal(outcome(inside), 'permit');
      assert.ok(outcome(outside).split(' ').includes(`guardrail.${name}`));
    });
  }

  const manage = (session: Differences['session']): string => {
    const { graph, session: made } = situation({ user: { groups: ['admins'] }, session: session ?? {} });
    return said(decideManage({ policies: POLICIES, graph, now: NOW, session: made, action: 'manage', address: '::1' }));
  };
  it('managing Cordon needs two factors and a sign-in at most 8 h old', () => {
    const limit = OTHER_DEMANDS.manageSignInAgeAtMost * 1000;
    assert.equal(manage({ ...PASSWORD_TOTP, authenticatedAt: NOW - limit }), 'permit');
    assert.equal(manage({ ...PASSWORD_TOTP, authenticatedAt: NOW - limit - 1 }), 'guardrail.manage.sign-in-age');
    assert.equal(manage(strength('urn:cordon:aal1', ['pwd'])), 'guardrail.manage.mfa');
  });

  it('every guardrail has denied in a test above', () => {
    assert.deepEqual(
      GUARDRAILS.map(({ id }) => id).filter((id) => !seen.has(id)),
      [],
    );
  });
});

describe('guardrails as a whole', () => {
  it('deny exactly what the table of tiers says, for any session and device', () => {
    const world = fc.record({
      demand: fc.constantFrom(...TIER_DEMANDS),
      acr: fc.constantFrom(...ACR_VALUES),
      amr: fc.subarray(['pwd', 'otp', 'sms', 'user', 'mfa', 'hwk']),
      age: fc.constantFrom(0, 899, 901, 3599, 3601, 28_799, 28_801, 43_199, 43_201),
      hasDevice: fc.boolean(),
      managed: fc.boolean(),
      postureAge: fc.constantFrom(undefined, 0, 299, 300, 3599, 3600, 86_399, 86_400),
      verdict: fc.constantFrom<Posture['verdict'][]>('healthy', 'unhealthy', 'unknown'),
      risk: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(world, ({ demand, acr, amr, age, hasDevice, managed, postureAge, verdict, risk }) => {
        const rank = ACR_VALUES.indexOf(acr);
        const isVerified = amr.includes('user') && amr.includes('mfa');
        const mfa = {
          'any two factors': rank >= 1,
          'two factors, neither by e-mail nor SMS': rank >= 1 && !amr.includes('sms'),
          'a passkey or security key': rank >= 2,
          'a security key or device-bound passkey, with PIN or biometrics': rank >= 3 && isVerified,
        }[demand.mfa];
        const isFresh =
          demand.postureYoungerThan === undefined ||
          (postureAge !== undefined && postureAge < demand.postureYoungerThan);
        const device =
          hasDevice &&
          (!demand.device.startsWith('managed') || managed) &&
          isFresh &&
          (demand.device === 'known' || verdict === 'healthy');
        const expected = mfa && age <= demand.signInAgeAtMost && device && risk < (demand.riskBelow ?? 101);
        const failing = verdict === 'unhealthy' ? ['x'] : [];
        const decision = decideAccess(
          access(POLICIES, {
            app: { tier: demand.tier },
            session: { acr, amr, authenticatedAt: NOW - age * 1000 },
            device: {
              managed,
              ...(postureAge === undefined
                ? { posture: posture(9e12) }
                : { posture: posture(postureAge * 1000, verdict, failing) }),
            },
            riskOfUser: risk,
            ...(hasDevice ? {} : { without: 'device' as const }),
          }),
        );
        assert.equal(decision.effect, expected ? 'permit' : 'forbid', JSON.stringify(decision));
      }),
      { numRuns: 300 },
    );
  });

  it('are in the reference exactly as they are in the code', () => {
    assert.equal(
      readFileSync(new URL('../../docs/reference/guardrails.md', import.meta.url), 'utf8'),
      renderGuardrails(),
    );
  });
});
