import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { portSet } from '#base';
import { type ExternalTraffic, type Plan, planSegments } from './plan.ts';
import { planMatrix, planText } from './plan-text.ts';
import { connectPolicy, SEGMENTS, workload } from './testdata/estate.ts';
import { traceFlow } from './trace.ts';

const PERMIT = connectPolicy(
  'web-db',
  'permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db") when { context.protocol == "tcp" && context.port == 5432 };',
);

function planWith(external?: Partial<ExternalTraffic>): Plan {
  return planSegments({
    workloads: [
      workload('web', { app: 'web' }, '10.0.0.1', '10.0.0.99'),
      workload('db', { app: 'db' }, '10.0.0.2', 'fd00::2'),
      { ...workload('bad', { app: 'web' }, '10.0.0.3'), quarantine: { since: 1, by: 'rule:x', reason: 'probing' } },
      workload('twin', { app: 'other' }, '10.0.0.99'),
      { ...workload('twin2', {}), name: 'twin.example' },
    ],
    segments: SEGMENTS,
    policies: [PERMIT],
    server: { addresses: ['192.0.2.1'], port: 8443 },
    ...(external === undefined ? {} : { external }),
  });
}

describe('traceFlow', () => {
  const ssh = {
    direction: 'ingress',
    network: '198.51.100.0/24',
    protocol: 'tcp',
    ports: portSet.of([{ from: 22, to: 22 }]),
    reason: 'administrators',
  } as const;
  const cases: readonly [string, string, number, string, string, Partial<ExternalTraffic>?][] = [
    ['web', 'db', 5432, 'permit', 'web-db'],
    ['web.example', 'db.example', 5432, 'permit', 'web-db'],
    ['10.0.0.1', '10.0.0.2', 5432, 'permit', 'web-db'],
    ['10.0.0.1', 'fd00::2', 5432, 'endpoint-unknown', ''],
    ['web', 'fd00::2', 5432, 'permit', 'web-db'],
    ['web', 'db', 22, 'no-permit', ''],
    ['db', 'web', 5432, 'no-permit', ''],
    ['bad', 'db', 5432, 'quarantined', ''],
    ['web', '10.0.0.3', 5432, 'quarantined', ''],
    ['bad', '192.0.2.1', 8443, 'permit', 'cordon-server'],
    ['bad', '192.0.2.1', 22, 'quarantined', ''],
    ['db', '192.0.2.1', 22, 'external-denied', ''],
    ['10.0.0.99', 'db', 5432, 'no-permit', ''],
    ['web', '10.0.0.99', 5432, 'endpoint-unknown', ''],
    ['db', 'db', 9, 'permit', 'loopback'],
    ['nobody', 'db', 5432, 'endpoint-unknown', ''],
    ['web', 'twin.example', 5432, 'endpoint-unknown', ''],
    ['web', '', 5432, 'endpoint-unknown', ''],
    ['198.51.100.7', '203.0.113.1', 22, 'endpoint-unknown', ''],
    ['198.51.100.7', 'db', 22, 'external-denied', ''],
    ['198.51.100.7', 'db', 22, 'permit', 'external.exception', { exceptions: [ssh] }],
    ['198.51.101.7', 'db', 22, 'external-denied', '', { exceptions: [ssh] }],
    ['10.0.0.1', 'db', 22, 'no-permit', '', { exceptions: [{ ...ssh, network: '10.0.0.0/8' }] }],
    ['db', '198.51.100.7', 22, 'external-denied', '', { exceptions: [ssh] }],
    ['198.51.100.7', 'db', 22, 'external-denied', '', { exceptions: [{ ...ssh, network: '198.51.100.7/8' }] }],
    ['198.51.100.7', 'db', 22, 'permit', 'external.ingress', { ingress: 'allow' }],
    ['198.51.100.7', 'bad', 22, 'quarantined', '', { ingress: 'allow' }],
    ['db', '198.51.100.7', 443, 'permit', 'external.egress', { egress: 'allow' }],
    ['db', '198.51.100.7', 443, 'external-denied', ''],
  ];
  for (const [from, to, port, reason, ids, external] of cases) {
    it(`answers ${from} -> ${to} tcp ${port}${external === undefined ? '' : ` with ${Object.keys(external).join()}`}: ${reason} ${ids}`, () => {
      const trace = traceFlow(planWith(external), { from, to, protocol: 'tcp', port });
      assert.equal(trace.reason, reason);
      assert.equal(trace.policyIds.join(), ids);
      assert.equal(trace.verdict, reason === 'permit' ? 'allowed' : 'denied');
    });
  }

  it('says which workloads and classes an end was taken for', () => {
    const { from, to } = traceFlow(planWith(), { from: '10.0.0.99', to: 'bad', protocol: 'udp', port: 1 });
    assert.deepEqual(from, {
      asked: '10.0.0.99',
      address: '10.0.0.99',
      workloads: ['web', 'twin'],
      classes: ['web', 'no segment'].sort((a, b) => (a < b ? 1 : -1)),
      isQuarantined: false,
    });
    assert.equal(to.isQuarantined, true);
  });
});

describe('planMatrix and planText', () => {
  it('list every class, every piece, what is outside, and every problem', () => {
    const plan = planWith({ egress: 'allow' });
    const { classes, cells, external } = planMatrix(plan);
    assert.deepEqual(
      classes.map(({ name, members }) => `${name}: ${members.join()}`),
      ['db: db', 'no segment: twin,twin2', 'web: bad,web'],
    );
    assert.equal(cells.length, 1);
    assert.deepEqual(cells[0]?.pieces, [
      { protocol: 'tcp', ports: '5432', effect: 'permit', reason: 'permit', policyIds: ['web-db'] },
    ]);
    assert.deepEqual(external, { ingress: 'deny', egress: 'allow', exceptions: [] });
    const text = planText(plan);
    assert.match(text, /^web -> db: tcp 5432 permit by web-db$/m);
    assert.match(text, /quarantined: bad/);
    assert.match(text, /deny \(no-permit\)/);
    assert.match(text, /problem: `10\.0\.0\.99` belongs to `web`, `twin` \(address-shared\)/);
  });
});
