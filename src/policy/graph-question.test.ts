import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AnyEntity } from '#model';
import { ask, evidenceOf } from './decide.ts';
import { decideAccess, decideManage } from './index.ts';
import { access, type Differences, load, NOW, situation } from './testdata/estate.ts';
import { asset, worlds } from './testdata/worlds.ts';

/** Policies that look at everything a policy can look at. */
const CURIOUS = `
@id("group") permit (principal in Group::"engineering", action == Action::"access", resource);
@id("person") permit (principal == User::"u1", action == Action::"access", resource == App::"a1") when { principal.name like "A*" };
@id("owner") forbid (principal, action == Action::"access", resource) when {
  context.device has id && context.device.id has owner && context.device.id.owner != principal && context.device.id.owner in Group::"platform"
};
@id("asset") forbid (principal, action == Action::"access", resource) when {
  resource has asset && resource.asset.hasTag("env") && resource.asset.getTag("env") == "production" && resource.asset.tier < 2
};
@id("session") forbid (principal, action == Action::"access", resource) when {
  context.session.amr.contains("sms") || context.session.ageSeconds > 3000 || context.device.failing.contains("firewall")
};
@id("night") forbid (principal, action == Action::"access", resource) when { context.now.toTime() > duration("20h") };
@id("far") forbid (principal, action == Action::"access", resource) unless { context.ip.isInRange(ip("192.0.2.0/24")) || context.ip.isIpv6() };
@id("path") forbid (principal, action == Action::"access", resource) when { context.path like "/admin/*" && context.method == "POST" };
@id("errs") forbid (principal, action == Action::"access", resource) when { context.risk.user > 80 && 9223372036854775807 + resource.tier > 0 };
@id("analyst") permit (principal in Group::"platform", action in [Action::"view"], resource) when { context.device.known };
`;
const POLICIES = load({ 'curious.cedar': CURIOUS });

describe('a question made from the graph', () => {
  it('gets the answer of the same question written down, for any world', () => {
    const request = fc.record({
      path: fc.constantFrom('/', '/admin/x'),
      method: fc.constantFrom('GET', 'POST'),
      address: fc.constantFrom('192.0.2.7', '198.51.100.1', '2001:db8::1'),
    });
    const binds = fc.boolean();
    const seen = new Set<string>();
    fc.assert(
      fc.property(worlds, request, binds, fc.constantFrom(0, 500, 9 * 3_600_000), (world, arrival, isBound, later) => {
        const app = isBound ? { ...world.app, assetId: 'db1' } : { ...world.app };
        const input = access(POLICIES, { ...world, app });
        const decision = decideAccess({ ...input, now: NOW + later, request: { ...input.request, ...arrival } });
        const question = evidenceOf(decision)?.question();
        if (question === undefined) return;
        const written = ask(POLICIES, JSON.parse(JSON.stringify(question)));
        assert.deepEqual(
          [decision.effect, decision.policies, decision.errors],
          [written.outcome === 'permit' ? 'permit' : 'forbid', written.determining, written.errors],
        );
        for (const id of [...decision.policies, ...decision.errors.map(({ policyId }) => policyId)]) seen.add(id);
      }),
      { numRuns: 2000, seed: 20_260_115 },
    );
    const names = ['group', 'person', 'owner', 'asset', 'session', 'night', 'far', 'path', 'errs'];
    assert.deepEqual(
      names.filter((name) => !seen.has(`curious.cedar#${name}`)),
      [],
      'every policy had a part in some answer',
    );
  });

  it('sees a change of the graph at once: groups, device, app, asset and tier', () => {
    const { graph, session, app } = situation({
      app: { assetId: 'db1' },
      more: [{ kind: 'asset', id: 'db1', body: asset }],
    });
    const request = { session, app, method: 'GET', path: '/', host: app.host, address: '192.0.2.1', secure: true };
    const decide = (): readonly string[] => decideAccess({ policies: POLICIES, graph, now: NOW, request }).policies;
    let seq = graph.seq;
    const put = (entity: AnyEntity): void => {
      seq += 1;
      const { kind, id } = entity;
      graph.apply({ change: { seq, time: NOW, kind, id, op: 'put', actor: 'system' }, entity });
    };
    assert.deepEqual(decide(), ['curious.cedar#asset']);
    put({ kind: 'asset', id: 'db1', body: { ...asset, labels: { env: 'test' } } });
    assert.deepEqual(decide(), ['curious.cedar#group', 'curious.cedar#person']);
    put({ kind: 'group', id: 'platform', body: { id: 'platform', name: 'Platform', parents: [] } });
    assert.deepEqual(decide(), ['curious.cedar#person'], 'the group above is gone');
    put({ kind: 'asset', id: 'db1', body: { ...asset, computedTier: 0, labels: {} } });
    const user = graph.get('user', 'u1');
    assert.ok(user);
    put({ kind: 'user', id: 'u1', body: { ...user, name: 'Zoe' } });
    assert.deepEqual(decide(), [], 'nothing permits a person of another name');
  });

  it('keeps what was asked, whatever the graph becomes', () => {
    const input = access(POLICIES);
    const decision = decideAccess(input);
    const before = JSON.stringify(evidenceOf(decision)?.question());
    const change = { seq: 43, time: NOW, kind: 'user', id: 'u1', op: 'delete', actor: 'system' } as const;
    input.graph.apply({ change });
    assert.equal(JSON.stringify(evidenceOf(decision)?.question()), before);
    assert.match(before, /"ada@example.org"/);
  });

  it('is refused when it could not be written down', () => {
    const wrongs: Differences[] = [
      { user: { name: '\ud800' } },
      { app: { name: '\ud800' } },
      { device: { name: '\ud800' } },
    ];
    for (const world of wrongs) assert.equal(decideAccess(access(POLICIES, world)).reasons[0]?.code, 'internal');
    for (const now of [Number.NaN, Number.POSITIVE_INFINITY, 253_402_300_800_000]) {
      const input = access(POLICIES, { session: { expiresAt: Number.MAX_VALUE } });
      assert.equal(decideAccess({ ...input, now }).effect, 'forbid', `${now}`);
    }
  });

  it('about Cordon itself gets the answer of the same question written down', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom('view' as const, 'manage' as const), (world, action) => {
        const { graph, session } = situation(world);
        const decision = decideManage({ policies: POLICIES, graph, now: NOW, session, action, address: '::1' });
        const question = evidenceOf(decision)?.question();
        if (question === undefined) return;
        const written = ask(POLICIES, JSON.parse(JSON.stringify(question)));
        assert.deepEqual(decision.policies, written.determining);
      }),
      { numRuns: 300 },
    );
  });
});
