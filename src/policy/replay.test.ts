import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ACR_VALUES, type Tier } from '#model';
import {
  type ActivePolicies,
  decideAccess,
  decideManage,
  decisionRecord,
  type JournalledDecision,
  replay,
} from './index.ts';
import { access, type Differences, load, NOW, situation, TEXTS } from './testdata/estate.ts';

const POLICIES = load({
  ...TEXTS,
  'night.cedar':
    '@id("tor") forbid (principal, action == Action::"access", resource) when { context.ip.isInRange(ip("192.0.2.64/26")) };',
});
const NOBODY = load({});
const ALL = load({ 'all.cedar': '@id("all") permit (principal, action == Action::"access", resource);' });

/** A decision as the journal gives it back: through JSON. */
function journalled(
  policies: ActivePolicies | undefined,
  differences: Differences = {},
  replicaAgeMs?: number,
): JournalledDecision {
  const input = access(policies, differences, replicaAgeMs);
  return { eventId: 'e', time: NOW, record: JSON.parse(JSON.stringify(decisionRecord(input, decideAccess(input)))) };
}

describe('replay', () => {
  it('finds nothing changed when the policies are the same, for any decision', () => {
    const differences = fc.record(
      {
        user: fc.record({
          groups: fc.subarray(['engineering', 'platform', 'sales']),
          status: fc.constantFrom('active' as const, 'disabled' as const),
          name: fc.string(),
        }),
        app: fc.record({
          tier: fc.constantFrom<Tier[]>(0, 1, 2, 3),
          device: fc.constantFrom('any' as const, 'healthy' as const),
        }),
        session: fc.record({
          acr: fc.constantFrom(...ACR_VALUES),
          authenticatedAt: fc.integer({ min: NOW - 50_000_000, max: NOW }),
          expiresAt: fc.constantFrom(NOW, NOW + 1),
        }),
        riskOfUser: fc.integer({ min: 0, max: 100 }),
        without: fc.constantFrom('device' as const, 'session' as const, 'app' as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(differences, { maxLength: 4 }), (worlds) => {
        const records = worlds.map((world) => journalled(POLICIES, world));
        const { unchanged, ...changed } = replay({ records, candidate: POLICIES });
        assert.equal(unchanged, records.length);
        assert.deepEqual(changed, { replayed: records.length, gains: [], losses: [], notReplayable: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('counts who would lose what, with the policies before and after', () => {
    const records = [journalled(POLICIES), journalled(POLICIES)];
    const { losses, gains, unchanged } = replay({ records, candidate: NOBODY });
    assert.deepEqual(losses, [
      { user: 'ada@example.org', app: 'Wiki', count: 2, before: ['access.cedar#engineering'], after: [], eventId: 'e' },
    ]);
    assert.deepEqual([gains, unchanged], [[], 0]);
  });

  it('counts who would gain what', () => {
    const records = [journalled(POLICIES, { user: { groups: [] } }), journalled(undefined)];
    const { gains, losses } = replay({ records, candidate: ALL });
    assert.deepEqual(
      [gains, losses],
      [[{ user: 'ada@example.org', app: 'Wiki', count: 2, before: [], after: ['all.cedar#all'], eventId: 'e' }], []],
    );
  });

  it('never gives what a guardrail or something else than policy denied', () => {
    const records = [
      journalled(POLICIES, { app: { tier: 0 }, session: { acr: 'urn:cordon:aal2' } }),
      journalled(POLICIES, { user: { status: 'disabled' } }),
      journalled(POLICIES, {}, 1e9),
    ];
    assert.equal(replay({ records, candidate: ALL }).unchanged, 3);
  });

  it('replays decisions about Cordon itself', () => {
    const { graph, session } = situation({ user: { groups: ['admins'] } });
    const input = { policies: POLICIES, graph, now: NOW, session, action: 'manage' as const, address: '::1' };
    const record = decisionRecord(input, decideManage(input));
    const closed = load({ 'x.cedar': '@id("closed") forbid (principal, action == Action::"manage", resource);' });
    const { losses } = replay({ records: [{ eventId: 'e', time: NOW, record }], candidate: closed });
    assert.deepEqual(
      losses.map(({ app, after }) => [app, after]),
      [['Cordon', ['x.cedar#closed']]],
    );
  });

  it('counts what it cannot ask again, by reason', () => {
    const good = Object(journalled(POLICIES).record);
    const unproven = decisionRecord(access(POLICIES), { ...decideAccess(access(POLICIES)) });
    const broken: [unknown, string][] = [
      [undefined, 'record-version'],
      [{ ...good, version: 2 }, 'record-version'],
      [unproven, 'record-unproven'],
      [{ ...good, decision: {} }, 'record-damaged'],
      [{ ...good, request: {} }, 'record-damaged'],
      [{ ...good, request: null }, 'record-damaged'],
      [{ ...good, request: { ...good.request, entities: [{}] } }, 'request-unreadable'],
    ];
    for (const [record, reason] of broken) {
      const report = replay({ records: [{ eventId: 'e', time: NOW, record }], candidate: ALL });
      assert.deepEqual([report.replayed, report.notReplayable], [0, [{ reason, count: 1 }]]);
    }
  });
});
