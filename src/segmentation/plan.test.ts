import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatPorts, portSet } from '#base';
import { planSegments } from './plan.ts';
import {
  cedarVerdict,
  connectPolicy,
  policies,
  port,
  protocol,
  SEGMENTS,
  workload,
  workloads,
} from './testdata/estate.ts';
import { traceFlow } from './trace.ts';

const web = workload('w0', { app: 'web' }, '10.0.0.1');
const db = workload('w1', { app: 'db', env: 'prod' }, '10.0.0.2');
const server = { addresses: ['192.0.2.1'], port: 8443 };

function planOf(...texts: string[]): ReturnType<typeof planSegments> {
  const all = texts.map((text, i) => connectPolicy(`p${i}`, text));
  return planSegments({ workloads: [web, db], segments: SEGMENTS, policies: all, server });
}

const WEB_TO_DB = 'principal in Segment::"web", action == Action::"connect", resource in Segment::"db"';
const ask = { from: 'w0', to: 'w1', protocol: 'tcp' } as const;

describe('planSegments', () => {
  it('agrees with Cedar on verdict, reason and policies, for random policies, workloads and flows', () => {
    fc.assert(
      fc.property(
        policies,
        workloads,
        fc.array(fc.tuple(fc.nat(3), fc.nat(3), protocol, port), { minLength: 8, maxLength: 8 }),
        (all, members, flows) => {
          const input = { policies: all, workloads: members, segments: SEGMENTS };
          const plan = planSegments(input);
          assert.deepEqual(plan.problems, []);
          for (const [source, destination, name, number] of flows) {
            if (source === destination) continue;
            const flow = { from: `w${source}`, to: `w${destination}`, protocol: name, port: number };
            const { verdict, policyIds, reason } = traceFlow(plan, flow);
            assert.deepEqual({ verdict, policyIds, reason }, cedarVerdict(input, flow), JSON.stringify(flow));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('denies everything by `no-permit` when there is no policy, inside a segment too', () => {
    const other = workload('w2', { app: 'web' }, '10.0.0.3');
    const plan = planSegments({ workloads: [web, other, db], segments: SEGMENTS, policies: [], server });
    for (const to of ['w1', 'w2']) {
      assert.equal(traceFlow(plan, { ...ask, to, port: 80 }).reason, 'no-permit');
    }
  });

  it('lets a forbid override a permit on exactly its ports', () => {
    const plan = planOf(
      `permit (${WEB_TO_DB}) when { context.protocol == "tcp" };`,
      `forbid (${WEB_TO_DB}) when { context.port < 1024 };`,
    );
    const [from] = plan.classes.filter(({ segments }) => segments.includes('web'));
    const [to] = plan.classes.filter(({ segments }) => segments.includes('db'));
    assert.ok(from !== undefined && to !== undefined);
    const pieces = plan
      .cell(from, to)
      .pieces.map((piece) => `${piece.protocol} ${formatPorts(piece.ports)} ${piece.reason} ${piece.policyIds.join()}`);
    assert.deepEqual(pieces, ['tcp 1024-65535 permit p0', 'tcp 0-1023 forbidden p1', 'udp 0-1023 forbidden p1']);
  });

  it('denies by `policy-error` where a forbid asks for a label that is missing', () => {
    const plan = planOf(
      `permit (${WEB_TO_DB});`,
      `forbid (${WEB_TO_DB}) when { principal.getTag("env") == "test" && context.port == 22 };`,
    );
    assert.equal(traceFlow(plan, { ...ask, port: 443 }).reason, 'policy-error');
  });

  it('ignores a permit that asks for a label that is missing', () => {
    const plan = planOf(`permit (${WEB_TO_DB}) when { principal.getTag("env") == "prod" || true };`);
    assert.equal(traceFlow(plan, { ...ask, port: 443 }).reason, 'no-permit');
  });

  for (const clause of [
    'context.port + 1 == 23',
    'context.port * 2 > 5',
    'principal == resource',
    'principal in resource',
    'ip("10.0.0.1").isLoopback()',
    'resource.hasTag(principal.name)',
    'resource.getTag(context.protocol) == "x"',
    'context.ttl == 3',
    '[1, 2].containsAll([context.port])',
    'context.port == (if context.protocol == "tcp" then 1 else 2)',
    '(context.port == 1) == true',
    '{a: 1} has a',
  ]) {
    it(`refuses \`${clause}\` by name: a permit with it permits nothing, a forbid with it denies its scope`, () => {
      const permit = planOf(`permit (${WEB_TO_DB}) when { ${clause} || true };`);
      assert.ok(permit.problems.length > 0 && permit.problems.every(({ code }) => code === 'network-profile'));
      assert.match(permit.problems[0]?.message ?? '', /`p0`/);
      assert.equal(traceFlow(permit, { ...ask, port: 22 }).reason, 'no-permit');
      const forbid = planOf(`permit (${WEB_TO_DB});`, `forbid (${WEB_TO_DB}) when { false && ${clause} };`);
      assert.equal(traceFlow(forbid, { ...ask, port: 22 }).reason, 'policy-error');
    });
  }

  it('refuses template slots and unreadable conditions', () => {
    const whole = connectPolicy('p0', `permit (${WEB_TO_DB});`);
    for (const broken of [
      { ...whole, principal: { op: 'in', slot: '?principal' } },
      { ...whole, conditions: [{ kind: 'when', body: { Unknown: 'x' } } as const] },
      { ...whole, conditions: [{ kind: 'when', body: { Value: true, Var: 'principal' } } as const] },
      { ...whole, conditions: [{ kind: 'when', body: null } as const] },
    ]) {
      const plan = planSegments({ workloads: [web, db], segments: SEGMENTS, policies: [broken], server });
      assert.equal(plan.problems[0]?.code, 'network-profile');
      assert.equal(traceFlow(plan, { ...ask, port: 22 }).verdict, 'denied');
    }
  });

  it('puts workloads that no policy can tell apart into one class, and only those', () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      workload(`m${i}`, { app: 'web', host: `${i}`, env: i < 10 ? 'prod' : 'test' }, `10.1.0.${i}`),
    );
    const policy = connectPolicy(
      'p0',
      `permit (${WEB_TO_DB}) when { principal.hasTag("env") && principal.getTag("env") == "prod" };`,
    );
    const plan = planSegments({ workloads: [...many, db], segments: SEGMENTS, policies: [policy], server });
    assert.deepEqual(
      plan.classes.map(({ name, members }) => `${name}: ${members.length}`),
      ['db (env=prod): 1', 'web (env=prod): 10', 'web (env=test): 40'],
    );
  });

  it('does not mistake inherited properties for labels', () => {
    const plan = planOf(
      `permit (principal, action == Action::"connect", resource) when { principal.hasTag("constructor") };`,
    );
    assert.equal(traceFlow(plan, { ...ask, port: 22 }).verdict, 'denied');
  });

  it('names bad, shared and unusable addresses and denies what they touch', () => {
    const odd = workload('odd', { app: 'web' }, '010.0.0.9', '127.0.0.1', 'fe80::1', '10.0.0.2');
    const policy = connectPolicy('p0', `permit (${WEB_TO_DB});`);
    const plan = planSegments({ workloads: [web, db, odd], segments: SEGMENTS, policies: [policy], server });
    assert.deepEqual(
      plan.problems.map(({ code }) => code),
      ['address-invalid', 'address-invalid', 'address-invalid', 'address-shared'],
    );
    assert.equal(
      traceFlow(plan, { ...ask, port: 80 }).verdict,
      'denied',
      'w1 shares its only address with a web workload',
    );
  });

  it('keeps cells of all ports canonical', () => {
    const plan = planOf(`permit (${WEB_TO_DB}) when { context.port < 80 || context.port >= 80 };`);
    const [from, to] = ['w0', 'w1'].map((id) => plan.classOf(id));
    assert.ok(from !== undefined && to !== undefined);
    assert.deepEqual(plan.cell(from, to).allowed, { tcp: portSet.full, udp: portSet.full });
  });
});
