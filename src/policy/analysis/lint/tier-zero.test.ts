import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ACR_VALUES } from '#model';
import { decideAccess } from '../../decide.ts';
import { access, load, NOW } from '../../testdata/estate.ts';

const CONDITIONS = [
  '',
  'when { resource.tier == 0 }',
  'when { !context.device.managed }',
  'when { context.session.aal < 3 }',
];
const SCOPES = ['principal', 'principal in Group::"engineering"', 'principal == User::"u1"'];
const RESOURCES = ['resource', 'resource == App::"a1"'];

const policy = fc
  .tuple(
    fc.constantFrom('permit', 'permit', 'forbid'),
    fc.constantFrom(...SCOPES),
    fc.constantFrom(...RESOURCES),
    fc.constantFrom(...CONDITIONS),
  )
  .map(([effect, who, what, when]) => `${effect} (${who}, action == Action::"access", ${what}) ${when};`);

describe('a T0 app, whatever a bundle permits', () => {
  it('is never reached with less than the guardrails demand', () => {
    const situations = fc.record({
      acr: fc.constantFrom(...ACR_VALUES),
      isVerified: fc.boolean(),
      age: fc.constantFrom(0, 900_000, 900_001),
      managed: fc.boolean(),
      healthy: fc.boolean(),
      reported: fc.constantFrom(0, 299_999, 300_000),
      risk: fc.constantFrom(0, 29, 30),
    });
    let permits = 0;
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 5 }), situations, (texts, one) => {
        const decision = decideAccess(
          access(load({ 'a.cedar': texts.join('\n') }), {
            app: { tier: 0 },
            session: {
              acr: one.acr,
              amr: one.isVerified ? ['hwk', 'user', 'mfa'] : ['hwk'],
              authenticatedAt: NOW - one.age,
            },
            device: {
              managed: one.managed,
              posture: { collectedAt: NOW - one.reported, verdict: one.healthy ? 'healthy' : 'unknown', results: [] },
            },
            riskOfUser: one.risk,
          }),
        );
        if (decision.effect !== 'permit') return;
        permits += 1;
        assert.equal(one.acr, 'urn:cordon:aal3');
        assert.ok(one.isVerified && one.managed && one.healthy);
        assert.ok(one.age <= 900_000 && one.reported < 300_000 && one.risk < 30);
      }),
      {
        numRuns: 400,
        examples: [
          [
            ['permit (principal, action == Action::"access", resource);'],
            { acr: 'urn:cordon:aal3', isVerified: true, age: 0, managed: true, healthy: true, reported: 0, risk: 0 },
          ],
        ],
      },
    );
    assert.ok(permits > 0, 'no situation was let in, so nothing was shown');
  });
});
