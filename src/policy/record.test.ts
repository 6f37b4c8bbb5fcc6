import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AnyEntity } from '#model';
import { type ActivePolicies, decideAccess, decideManage, decisionRecord, decisionText } from './index.ts';
import { access, load, NOW, situation, TEXTS } from './testdata/estate.ts';
import { worlds } from './testdata/worlds.ts';

const POLICIES = load({
  ...TEXTS,
  'more.cedar': `@id("ada") permit (principal, action == Action::"access", resource) when { principal.name like "A*" };
@id("errs") permit (principal, action == Action::"access", resource) when { 9223372036854775807 + resource.tier > context.risk.user };`,
});

describe('a decision as text', () => {
  it('is the JSON of its record, for any world and any answer', () => {
    const asked = fc.record({
      path: fc.string({ unit: 'grapheme' }),
      method: fc.constantFrom('GET', 'P"T'),
      address: fc.constantFrom('192.0.2.7', '::ffff:192.0.2.7', 'fe80::1%eth0', 'nowhere'),
      later: fc.constantFrom(0, 999, 61_000),
      isBound: fc.boolean(),
      policies: fc.constantFrom<(ActivePolicies | undefined)[]>(POLICIES, undefined),
    });
    const answers = new Set<string>();
    fc.assert(
      fc.property(worlds, asked, (world, { later, isBound, policies, ...arrival }) => {
        const app = isBound ? { ...world.app, assetId: 'db1' } : { ...world.app };
        const made = access(policies, { ...world, app });
        const input = { ...made, now: NOW + later, request: { ...made.request, ...arrival } };
        const decision = decideAccess(input);
        assert.equal(decisionText(decision), JSON.stringify(decisionRecord(input, decision)));
        answers.add(decision.effect).add(String(decision.reasons[0]?.code));
      }),
      { numRuns: 1000, seed: 20_260_115 },
    );
    for (const answer of ['permit', 'no-policies', 'internal', 'device-unknown'])
      assert.ok(answers.has(answer), `${answer} came out of ${[...answers].join(', ')}`);
  });

  it('is the JSON of its record for one request after the other of one session, whatever is other in the next', () => {
    const made = access(POLICIES, { app: { assetId: 'db1' } });
    const other = { ...made.request.app, name: 'Other', host: 'other.example.org' };
    const asked = fc.record({
      path: fc.constantFrom('/', '/a"b', '/ä'),
      method: fc.constantFrom('GET', 'POST'),
      host: fc.constantFrom('wiki.example.org', 'w"iki'),
      address: fc.constantFrom('192.0.2.7', '::1'),
      secure: fc.boolean(),
      later: fc.constantFrom(0, 1, 999, 1000, 61_000),
      isOther: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(asked, { minLength: 2, maxLength: 6 }), (requests) => {
        for (const { later, isOther, ...arrival } of requests) {
          const { app } = made.request;
          made.graph.apply({
            change: { seq: made.graph.seq + 1, time: NOW, kind: 'app', id: app.id, op: 'put', actor: 'system' },
            entity: { kind: 'app', id: app.id, body: isOther ? other : app },
          });
          const input = { ...made, now: NOW + later, request: { ...made.request, ...arrival } };
          const decision = decideAccess(input);
          assert.equal(decisionText(decision), JSON.stringify(decisionRecord(input, decision)));
        }
      }),
    );
  });

  it('is the JSON of its record whatever changes in the graph between two requests of one session', () => {
    const { graph, request } = access(POLICIES, { app: { assetId: 'db1' }, riskOfUser: 10 });
    const put = (entity: AnyEntity): void => {
      const { kind, id } = entity;
      const change = { seq: graph.seq + 1, time: NOW, kind, id, op: 'put' as const, actor: 'system' };
      graph.apply({ change, entity });
    };
    const user = graph.get('user', 'u1') ?? assert.fail();
    const other = { ...user, id: 'u2', name: 'Bob' };
    const laptop = graph.get('device', 'd1') ?? assert.fail();
    const risk = graph.get('risk', 'user:u1') ?? assert.fail();
    const asset = {
      kind: 'database',
      name: 'db',
      provider: 'aws',
      account: '',
      region: '',
      labels: {},
      attributes: {},
    };
    const tiered = { ...asset, id: 'db1', tierReasons: [], firstSeenAt: 0, lastSeenAt: 0 };
    const posture = { collectedAt: NOW - 5_000, verdict: 'unhealthy', results: [] };
    const entities = [
      ...[user, other, { ...other, name: 'Bo' }, { ...user, groups: [] }, { ...user, name: 'Ben' }].map((body) => ({
        kind: 'user',
        id: body.id,
        body,
      })),
      { kind: 'group', id: 'platform', body: { id: 'platform', name: 'Platform', parents: [] } },
      { kind: 'group', id: 'platform', body: { id: 'platform', name: 'Platform', parents: ['engineering'] } },
      ...[laptop, { ...laptop, ownerId: 'u2' }, { ...laptop, managed: false }, { ...laptop, posture }].map((body) => ({
        kind: 'device',
        id: 'd1',
        body,
      })),
      ...[risk, { ...risk, contributions: [] }].map((body) => ({ kind: 'risk', id: 'user:u1', body })),
      ...[risk.contributions, []].map((contributions) => ({
        kind: 'risk',
        id: 'device:d1',
        body: { id: 'device:d1', subjectKind: 'device', subjectId: 'd1', contributions },
      })),
      ...[1, 3].map((computedTier) => ({ kind: 'asset', id: 'db1', body: { ...tiered, computedTier } })),
    ] as unknown as AnyEntity[];
    const questions = new Set<string>();
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...entities), { minLength: 2, maxLength: 8 }), (changes) => {
        for (const entity of changes) {
          put(entity);
          const device = graph.get('device', 'd1');
          const input = { policies: POLICIES, graph, now: NOW, request: { ...request, ...(device && { device }) } };
          const decision = decideAccess(input);
          const { request: question } = decisionRecord(input, decision);
          assert.deepEqual((JSON.parse(decisionText(decision)) as { request: unknown }).request, question);
          questions.add(JSON.stringify(question));
        }
      }),
    );
    assert.ok(questions.size > 50, `${questions.size} questions`);
  });

  it('is right for questions about Cordon itself, and for whoever is not signed in', () => {
    const { graph, session } = situation({ user: { groups: ['admins'] } });
    const manage = { policies: POLICIES, graph, now: NOW, session, action: 'manage' as const, address: '::1' };
    for (const input of [manage, { policies: POLICIES, graph, now: NOW, action: 'view' as const, address: '::1' }]) {
      const decision = decideManage(input);
      assert.equal(decisionText(decision), JSON.stringify(decisionRecord(input, decision)));
    }
  });

  it('is written from what was asked, whatever the graph became since', () => {
    const input = access(POLICIES);
    const decision = decideAccess(input);
    const before = decisionText(decision);
    const user = input.graph.get('user', 'u1');
    assert.ok(user);
    const change = { seq: 43, time: NOW, kind: 'user', id: 'u1', op: 'put', actor: 'system' } as const;
    input.graph.apply({ change, entity: { kind: 'user', id: 'u1', body: { ...user, name: 'Zoe' } } });
    assert.equal(decisionText(decision), before);
    const later = decideAccess(input);
    assert.equal(decisionText(later), JSON.stringify(decisionRecord(input, later)), 'what is kept is not stale');
    assert.match(decisionText(later), /"Zoe"/);
  });

  it('does not exist for a decision that was not made here', () => {
    const permit = decideAccess(access(POLICIES));
    assert.equal(permit.effect, 'permit');
    for (const copy of [{ ...permit }, Object.create(permit) as typeof permit])
      assert.throws(() => decisionText(copy), /was not made here/);
  });
});
