import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { classify } from '#assets';
import type { Json } from '#base';
import type { Asset } from '#model';
import { RULES } from './classify.ts';
import { asset, testData } from './testdata/tree.ts';
import { importAws } from './discover/import-aws.ts';

type Facts = { readonly [key: string]: Json };

function one(kind: string, attributes: Facts = {}, more: Partial<Asset> = {}): Asset {
  return asset({ id: `arn:${kind}`, kind, attributes, ...more });
}

function only(...assets: readonly Asset[]): Asset {
  const found = classify(assets, 7).find(({ id }) => id === assets[0]?.id);
  assert.ok(found);
  return found;
}

const allow = (action: Json, resource: Json = '*', more: Facts = {}): Facts => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
  ...more,
});

const CONDITION = { Bool: { 'aws:MultiFactorAuthPresent': 'true' } };

/** A role with these statements in an inline policy. */
function role(...statements: readonly Facts[]): Asset {
  return one('identity.role', {
    inlinePolicies: [{ name: 'p', document: { Statement: [...statements] } }],
    attachedPolicies: [],
  });
}

interface Pair {
  readonly rule: string;
  /** Assets the first of which the rule fires on. */
  readonly fires: readonly Asset[];
  /** Assets the first of which it is silent about. */
  readonly silent: readonly Asset[];
}

const bucket = one('storage.bucket');

const PAIRS: readonly Pair[] = [
  { rule: 'account', fires: [one('account')], silent: [one('compute.instance')] },
  { rule: 'admin-capable-principal', fires: [role(allow('*'))], silent: [role(allow('s3:GetObject'))] },
  { rule: 'audit-log', fires: [one('trail')], silent: [one('queue')] },
  {
    rule: 'log-archive',
    fires: [bucket, one('trail', {}, { relations: [{ type: 'logs-to', to: bucket.id }] })],
    silent: [bucket, one('trail')],
  },
  { rule: 'encryption-key', fires: [one('key', { manager: 'CUSTOMER' })], silent: [one('key', { manager: 'AWS' })] },
  { rule: 'cluster-control-plane', fires: [one('container.cluster')], silent: [one('container.task')] },
  { rule: 'store-kind', fires: [one('secret')], silent: [one('network.vpc')] },
  {
    rule: 'label-data-classification',
    fires: [one('queue', {}, { labels: { 'Data-Classification': 'Highly Confidential' } })],
    silent: [one('queue', {}, { labels: { 'data-classification': 'whatever', owner: 'confidential' } })],
  },
  { rule: 'admin-capable', fires: [role(allow('iam:*'))], silent: [role(allow('ec2:Describe*'))] },
  {
    rule: 'power',
    fires: [role(allow('secretsmanager:GetSecretValue'))],
    silent: [role(allow('secretsmanager:ListSecrets'))],
  },
  {
    rule: 'policies-examined',
    fires: [role(allow('ec2:DescribeInstances'))],
    silent: [one('identity.role', { inlinePolicies: [], attachedPolicies: ['arn:aws:iam::1:policy/not-imported'] })],
  },
  {
    rule: 'label-environment',
    fires: [one('queue', {}, { labels: { Environment: 'PROD' } })],
    silent: [one('queue', {}, { labels: { Environment: 'blue' } })],
  },
  {
    rule: 'label-criticality',
    fires: [one('queue', {}, { labels: { 'business-criticality': 'Mission-Critical' } })],
    silent: [one('queue', {}, { labels: { note: 'critical' } })],
  },
  {
    rule: 'label-compliance',
    fires: [one('queue', {}, { labels: { compliance: 'PCI-DSS' } })],
    silent: [one('queue', {}, { labels: { compliance: 'none' } })],
  },
  {
    rule: 'deletion-protection',
    fires: [one('database', { deletionProtection: true })],
    silent: [one('database', { deletionProtection: false })],
  },
  {
    rule: 'multi-zone',
    fires: [one('database', { multiZone: true })],
    silent: [one('database', { multiZone: 'true' })],
  },
  {
    rule: 'multi-region-log',
    fires: [one('trail', { multiRegion: true })],
    silent: [one('trail', { multiRegion: false })],
  },
  { rule: 'own-key', fires: [one('database', { kmsKeyId: 'k' })], silent: [one('database', { kmsKeyId: null })] },
  { rule: 'long-backup', fires: [one('database', { backupDays: 7 })], silent: [one('database', { backupDays: 6 })] },
  { rule: 'versioned', fires: [one('storage.bucket', { versioned: true })], silent: [one('storage.bucket')] },
];

describe('the rules of the tier', () => {
  it('each have a pair of assets here', () => {
    assert.deepEqual(PAIRS.map(({ rule }) => rule).sort(), RULES.map(({ id }) => id).sort());
  });

  for (const { rule, fires, silent } of PAIRS) {
    it(`${rule} fires where it should, with a reason and the place of the evidence, and nowhere else`, () => {
      const row = only(...fires).ledger.find(({ ruleId }) => ruleId === rule);
      assert.ok(row, 'it does not fire');
      assert.match(row.reason, /^.+?: .+/);
      assert.ok(row.evidence.length > 0 && row.evidence.every((place) => place !== ''));
      assert.ok(row.s >= 0 && row.s <= 1);
      assert.equal(row.observedAt, 7);
      assert.equal(
        only(...silent).ledger.some(({ ruleId }) => ruleId === rule),
        false,
      );
    });
  }
});

describe('a principal that can become administrator', () => {
  const ADMIN: readonly (readonly [name: string, principal: Asset, more?: readonly Asset[]])[] = [
    ['by a wildcard', role(allow('*'))],
    ['by a wildcard in other letters', role(allow('IAM:PUTROLEPOLICY'))],
    ['by writing its own policy', role(allow('iam:PutRolePolicy'))],
    ['by `NotAction` that leaves it out', role({ Effect: 'Allow', NotAction: ['s3:*'], Resource: '*' })],
    ['by passing a role to a machine it starts', role(allow(['iam:PassRole', 'ec2:RunInstances']))],
    ['by passing a role to a function, in two statements', role(allow('iam:PassRole'), allow('lambda:Create*'))],
    ['under a condition', role(allow('*', '*', { Condition: CONDITION }))],
    ['on every role by name', role(allow('iam:UpdateAssumeRolePolicy', 'arn:aws:iam::111122223333:role/*'))],
    [
      'by the policy of AWS that is in no export',
      one('identity.role', { inlinePolicies: [], attachedPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
    ],
    [
      'by its group',
      one(
        'identity.user',
        { inlinePolicies: [], attachedPolicies: [] },
        { relations: [{ type: 'member-of', to: 'arn:identity.group' }] },
      ),
      [
        one('identity.group', {
          inlinePolicies: [{ name: 'p', document: { Statement: [allow('*')] } }],
          attachedPolicies: [],
        }),
      ],
    ],
    [
      'although a Deny covers some resources',
      role(allow('*'), { Effect: 'Deny', Action: '*', Resource: 'arn:aws:s3:::x' }),
    ],
    [
      'although a Deny has a condition',
      role(allow('*'), { Effect: 'Deny', Action: '*', Resource: '*', Condition: CONDITION }),
    ],
    [
      'although its boundary is not in the import',
      one('identity.role', {
        inlinePolicies: [{ name: 'p', document: { Statement: [allow('*')] } }],
        boundary: 'arn:gone',
      }),
    ],
    [
      'by a statement that is no list',
      one('identity.role', { inlinePolicies: [{ name: 'p', document: { Statement: allow('*') } }] }),
    ],
  ];
  for (const [name, principal, more = []] of ADMIN) {
    it(`${name} is T0`, () => assert.equal(only(principal, ...more).computedTier, 0));
  }

  const ORDINARY: readonly (readonly [name: string, principal: Asset, more?: readonly Asset[]])[] = [
    ['who may only look', role(allow(['ec2:Describe*', 'iam:Get*', 'iam:List*']))],
    ['who may change one role', role(allow('iam:PutRolePolicy', 'arn:aws:iam::111122223333:role/one'))],
    ['who may pass a role but start nothing', role(allow('iam:PassRole'))],
    [
      'whom a Deny takes it from',
      role(allow('ec2:*'), allow('iam:*'), { Effect: 'Deny', Action: 'iam:*', Resource: '*' }),
    ],
    [
      'whose boundary leaves nothing of it',
      one('identity.role', {
        inlinePolicies: [{ name: 'p', document: { Statement: [allow('*')] } }],
        boundary: 'arn:boundary',
      }),
      [
        asset({
          id: 'arn:boundary',
          kind: 'identity.policy',
          attributes: { document: { Statement: [allow('ec2:Describe*')] }, attachments: 0 },
        }),
      ],
    ],
    [
      'whose documents are nonsense',
      one('identity.role', {
        inlinePolicies: [
          { name: 'p', document: { Statement: [1, null, { Effect: 'Maybe', Action: '*', Resource: '*' }] } },
        ],
      }),
    ],
  ];
  for (const [name, principal, more = []] of ORDINARY) {
    it(`is nobody ${name}`, () => {
      const ranked = only(principal, ...more);
      assert.equal(
        ranked.ledger.some(({ ruleId }) => ruleId.startsWith('admin-capable')),
        false,
      );
      assert.notEqual(ranked.computedTier, 0);
    });
  }

  it('is no managed policy that nothing uses', () => {
    const policy = one('identity.policy', { document: { Statement: [allow('*')] }, attachments: 0 });
    assert.equal(only(policy).computedTier, 3);
  });
});

describe('importance travels', () => {
  it('from a role to the instance that uses it and to whoever may assume it, and back to nobody', () => {
    const admin = role(allow('*'));
    const instance = one('compute.instance', {}, { relations: [{ type: 'assumes-role', to: admin.id }] });
    const ranked = only(instance, admin);
    assert.equal(ranked.computedTier, 0);
    assert.equal(ranked.ledger[0]?.ruleId, 'controls');
    assert.match(ranked.ledger[0].reason, /identity\.role/);
    const bystander = one('queue', {}, { relations: [{ type: 'in-vpc', to: admin.id }] });
    assert.equal(only(bystander, admin).computedTier, 3);
  });

  it('from data to its copy', () => {
    const database = one('database', {}, { labels: { classification: 'restricted' } });
    const copy = one('storage.snapshot', {}, { relations: [{ type: 'stores-data-of', to: database.id }] });
    assert.equal(only(copy, database).computedTier, 1);
    assert.equal(only(copy).computedTier, 3);
  });

  it('around a circle without growing', () => {
    const circle = ['a', 'b', 'c'].map((id, index, all) =>
      asset({
        id,
        kind: 'queue',
        relations: [{ type: 'encrypted-with', to: all[(index + 1) % 3] ?? '' }],
        labels: id === 'a' ? { criticality: 'high' } : {},
      }),
    );
    const impacts = classify(circle, 0).map(({ impact }) => impact);
    assert.equal(new Set(impacts).size, 1);
  });
});

describe('a ranking', () => {
  it('of an asset nothing is known about is T3, and says that this proves nothing', () => {
    const ranked = only(one('network.vpc'));
    assert.deepEqual([ranked.computedTier, ranked.impact, ranked.confidence], [3, 0, 0]);
    assert.match(ranked.ledger[0]?.reason ?? '', /does not prove/);
  });

  it('is never lowered by anything the account says about itself', () => {
    const label = fc.constantFrom<Record<string, string>>(
      { env: 'dev' },
      { criticality: 'low' },
      { classification: 'public' },
      { tier: 't3' },
      { env: 'sandbox', criticality: 't3' },
    );
    const kinds = ['account', 'secret', 'database', 'trail', 'container.cluster', 'compute.instance'];
    fc.assert(
      fc.property(fc.constantFrom(...kinds), label, (kind, labels) => {
        const plain = only(one(kind));
        const claimed = only(one(kind, {}, { labels }));
        assert.ok(claimed.impact >= plain.impact, `${kind} ${JSON.stringify(labels)}`);
      }),
    );
  });

  it('does not depend on the order of the assets, and its contributions are what would be missing', () => {
    const estate = [
      role(allow('*')),
      one('database', { multiZone: true }, { labels: { env: 'prod' } }),
      one('secret'),
      one('queue'),
    ];
    const expected = classify(estate, 0);
    assert.deepEqual(classify([...estate].reverse(), 0), expected);
    const database = expected.find(({ kind }) => kind === 'database');
    assert.ok(database);
    assert.ok(
      database.ledger.every(
        ({ contribution }, index, all) => index === 0 || contribution <= (all[index - 1]?.contribution ?? 0),
      ),
    );
    assert.equal(database.ledger.length, 3);
  });

  const demo = testData('aws/cloudmapper-demo');
  it('of a saved account puts the account and its administrators first', { skip: demo.skip }, async () => {
    const report = await importAws(demo.path, { clock: { now: () => 0 } });
    const ranked = classify(report.assets, 0);
    const top = ranked.filter(({ computedTier }) => computedTier === 0);
    assert.ok(top.some(({ kind }) => kind === 'account'));
    for (const item of ranked) assert.ok(item.ledger.length > 0, item.id);
    const counts = [0, 1, 2, 3].map((tier) => ranked.filter(({ computedTier }) => computedTier === tier).length);
    assert.equal(
      counts.reduce((a, b) => a + b),
      report.assets.length,
    );
    assert.ok((counts[3] ?? 0) > (counts[0] ?? 0), `tiers ${counts.join(' ')}: crown jewels must be few`);
  });
});
