import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { manualClock } from '#base';
import { reachAws, type ReachReport } from '#segmentation';
import { allow, awsAsset, type Changes, entry, network, OPEN_ACL } from './testdata/aws-network.ts';

const clock = manualClock(0);

async function reach(changes: Changes = {}): Promise<ReachReport> {
  return await reachAws(network(changes), { clock });
}

/** `web -> db tcp 5432`, with `?` when it is only possible. */
function lines(report: ReachReport): string[] {
  return report.pairs.map(({ from, to, flows, certainty }) => {
    const source = from.kind === 'asset' ? from.name : `${from.kind} ${from.networks}`;
    const what = [...new Set(flows.map(({ protocol, ports }) => `${protocol} ${ports}`))].join(', ');
    return `${source} -> ${to.name} ${what}${certainty === 'certain' ? '' : '?'}`;
  });
}

const IGW = { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1', State: 'active' };
const WEB_TO_DB = 'web -> db tcp 5432';

interface Case {
  readonly name: string;
  readonly changes: Changes;
  readonly expected: readonly string[];
}

const INSIDE: readonly Case[] = [
  { name: 'a group that names a group lets its members in', changes: {}, expected: [WEB_TO_DB] },
  {
    name: 'a group that names the address does too',
    changes: { dbIngress: [allow('tcp', 5432, '10.0.1.10/32')] },
    expected: [WEB_TO_DB],
  },
  {
    name: 'a group that names another address does not',
    changes: { dbIngress: [allow('tcp', 5432, '10.0.1.11/32')] },
    expected: [],
  },
  {
    name: 'a network with host bits set is what AWS takes it for',
    changes: { dbIngress: [allow('tcp', 5432, '10.0.1.77/24')] },
    expected: [WEB_TO_DB],
  },
  { name: 'a group without rules is closed', changes: { dbIngress: [] }, expected: [] },
  {
    name: 'the groups of an interface add up',
    changes: { db: { securityGroups: ['sg-none', 'sg-db'] } },
    expected: [WEB_TO_DB],
  },
  { name: 'what may not leave does not arrive', changes: { webEgress: [] }, expected: [] },
  {
    name: 'what may leave for other ports only does not arrive',
    changes: { webEgress: [allow('tcp', 443, '0.0.0.0/0')] },
    expected: [],
  },
  {
    name: 'what may leave and what may arrive meet in what both allow',
    changes: { webEgress: [allow('tcp', [5000, 6000], 'sg-db')], dbIngress: [allow('tcp', [5432, 9000], 'sg-web')] },
    expected: ['web -> db tcp 5432-6000'],
  },
  {
    name: 'a rule for all protocols includes those without ports',
    changes: { dbIngress: [allow('-1', undefined, 'sg-web')] },
    expected: ['web -> db all any'],
  },
  {
    name: 'an ICMP rule is not a TCP rule',
    changes: { dbIngress: [allow('icmp', [8, -1], 'sg-web')] },
    expected: ['web -> db icmp type 8'],
  },
  {
    name: 'a prefix list in the import counts, one that is not allows nothing',
    changes: {
      dbIngress: [allow('tcp', 5432, 'pl-1'), allow('tcp', 22, 'pl-2')],
      more: [awsAsset('network.prefix-list', 'pl-1', { cidrs: ['10.0.1.0/24'] })],
    },
    expected: [WEB_TO_DB],
  },
  {
    name: 'an address only known by its subnet is possible when the rule does not cover the subnet',
    changes: { web: { privateIp: '' }, dbIngress: [allow('tcp', 5432, '10.0.1.10/32')] },
    expected: [`${WEB_TO_DB}?`],
  },
  {
    name: 'an address only known by its subnet is certain when the rule covers it',
    changes: { web: { privateIp: '' }, dbIngress: [allow('tcp', 5432, '10.0.1.0/24')] },
    expected: [WEB_TO_DB],
  },
  {
    name: 'an address only known by its subnet is possible when an ACL tells parts of the subnet apart',
    changes: {
      web: { privateIp: '' },
      acls: { db: [entry(90, 'deny', 'in', { network: '10.0.1.0/25' }), ...OPEN_ACL] },
    },
    expected: [`${WEB_TO_DB}?`],
  },
  {
    name: 'an ACL that is not in the import makes it possible',
    changes: { acls: { db: null } },
    expected: [`${WEB_TO_DB}?`],
  },
  {
    name: 'an ACL in front of the destination that denies the source, first, denies it',
    changes: { acls: { db: [entry(90, 'deny', 'in', { network: '10.0.1.0/24' }), ...OPEN_ACL] } },
    expected: [],
  },
  {
    name: 'the same deny behind the allow changes nothing',
    changes: { acls: { db: [entry(110, 'deny', 'in', { network: '10.0.1.0/24' }), ...OPEN_ACL] } },
    expected: [WEB_TO_DB],
  },
  {
    name: 'an ACL that swallows the answers denies the connection',
    changes: {
      acls: { db: [entry(100, 'allow', 'in'), entry(100, 'allow', 'out', { protocol: '6', ports: [443, 443] })] },
    },
    expected: [],
  },
  {
    name: 'an ACL that lets answers to ephemeral ports out is enough',
    changes: {
      acls: { db: [entry(100, 'allow', 'in'), entry(100, 'allow', 'out', { protocol: '6', ports: [32_768, 60_999] })] },
    },
    expected: [WEB_TO_DB],
  },
  {
    name: 'the ACL in front of the source counts too',
    changes: {
      acls: { web: [entry(100, 'allow', 'in'), entry(100, 'allow', 'out', { protocol: '6', ports: [80, 443] })] },
    },
    expected: [],
  },
  {
    name: 'no ACL stands between two in one subnet',
    changes: { db: { subnetId: 'subnet-web', privateIp: '10.0.1.20' }, acls: { web: [] } },
    expected: [WEB_TO_DB],
  },
  { name: 'a terminated instance reaches nobody', changes: { web: { state: 'terminated' } }, expected: [] },
];

describe('who reaches whom in a VPC', () => {
  for (const { name, changes, expected } of INSIDE) {
    it(name, async () => assert.deepEqual(lines(await reach(changes)), expected));
  }

  it('names the rules behind a flow, the destination first', async () => {
    const [pair] = (await reach()).pairs;
    assert.deepEqual(pair?.flows[0]?.rules, [
      { securityGroup: 'sg-db', text: 'ingress tcp 5432 from sg-web' },
      { securityGroup: 'sg-web', text: 'egress all to 0.0.0.0/0, ::/0' },
    ]);
  });

  it('names what it does not understand or does not have, and lets nothing through for it', async () => {
    const { problems, pairs } = await reach({
      db: { securityGroups: ['sg-gone', 'sg-db'] },
      dbIngress: [
        allow('carrier-pigeon', 1, 'sg-web'),
        allow('tcp', [9, 1], 'sg-web'),
        allow('tcp', 22, 'pl-gone'),
        allow('tcp', 23, '300.0.0.1/8'),
      ],
      acls: { db: [entry(1, 'allow', 'in', { network: 'nonsense' }), ...OPEN_ACL] },
    });
    assert.deepEqual(pairs, []);
    assert.deepEqual(problems.map(({ code }) => code).sort(), [
      'aws-prefix-list-unresolved',
      'aws-rule-unreadable',
      'aws-rule-unreadable',
      'aws-rule-unreadable',
      'aws-security-group-unknown',
    ]);
    for (const { hint } of problems) assert.ok(hint !== undefined);
  });

  it('admits private networks outside the VPC as possible, and says on what it depends', async () => {
    const report = await reach({ dbIngress: [allow('tcp', 5432, '192.168.0.0/16', '10.0.1.10/32')] });
    assert.deepEqual(lines(report), ['network 192.168.0.0/16 -> db tcp 5432?', WEB_TO_DB]);
    assert.equal(report.pairs[0]?.note, 'needs a private route to that network');
  });
});

describe('who reaches whom between VPCs', () => {
  const peering = awsAsset('network.peering', 'pcx-1', { vpcIds: ['vpc-1', 'vpc-2'], status: 'active' });
  const second = (routes: readonly { readonly [key: string]: string }[]) => [
    awsAsset('network.vpc', 'vpc-2', { cidrs: ['10.1.0.0/16'] }),
    awsAsset('network.subnet', 'subnet-2', { cidr: '10.1.1.0/24' }),
    awsAsset('network.acl', 'acl-2', { entries: [...OPEN_ACL], subnetIds: ['subnet-2'] }),
    awsAsset('network.route-table', 'rtb-2', { vpcId: 'vpc-2', isMain: true, subnetIds: [], routes: [...routes] }),
    awsAsset('network.security-group', 'sg-far', { ingress: [allow('tcp', 5432, '10.0.0.0/16')], egress: [] }),
    awsAsset('compute.instance', 'far', {
      vpcId: 'vpc-2',
      subnetId: 'subnet-2',
      privateIp: '10.1.1.9',
      securityGroups: ['sg-far'],
    }),
  ];
  const there = [{ DestinationCidrBlock: '10.1.0.0/16', VpcPeeringConnectionId: 'pcx-1', State: 'active' }];
  const back = [{ DestinationCidrBlock: '10.0.0.0/16', VpcPeeringConnectionId: 'pcx-1', State: 'active' }];
  const both = ['web -> far tcp 5432', 'db -> far tcp 5432'];

  for (const [name, changes, expected] of [
    ['is nobody without a peering', { more: second(back), routes: there }, []],
    [
      'is whom the peering and the routes of both sides join',
      { more: [peering, ...second(back)], routes: there },
      both,
    ],
    ['is nobody when one side has no route', { more: [peering, ...second([])], routes: there }, []],
    [
      'is nobody when a more special route is a black hole',
      {
        more: [peering, ...second(back)],
        routes: [
          ...there,
          { DestinationCidrBlock: '10.1.1.0/24', VpcPeeringConnectionId: 'pcx-1', State: 'blackhole' },
        ],
      },
      [],
    ],
    [
      'is nobody when the route leads to another peering',
      {
        more: [peering, ...second(back)],
        routes: [{ DestinationCidrBlock: '10.1.0.0/16', VpcPeeringConnectionId: 'pcx-12', State: 'active' }],
      },
      [],
    ],
    [
      'is possible when the routes are not in the import',
      { more: [peering, ...second(back)], routes: null },
      both.map((line) => `${line}?`),
    ],
  ] as const) {
    it(name, async () => {
      const found = lines(await reach(changes)).filter((line) => line.includes('far'));
      assert.deepEqual(found.sort(), [...expected].sort());
    });
  }

  it('is nobody over a peering that was not accepted', async () => {
    const pending = awsAsset('network.peering', 'pcx-1', { vpcIds: ['vpc-1', 'vpc-2'], status: 'pending-acceptance' });
    const report = await reach({ more: [pending, ...second(back)], routes: there });
    assert.deepEqual(
      lines(report).filter((line) => line.includes('far')),
      [],
    );
  });
});

describe('whom the internet reaches', () => {
  const open: Changes = {
    db: { publicIp: '198.51.100.7' },
    dbIngress: [allow('tcp', 443, '0.0.0.0/0')],
    routes: [IGW],
  };

  /** The verdict about `db`, and the stage that decided against it. */
  async function verdict(changes: Changes): Promise<string> {
    const exposure = (await reach(changes)).exposures.find(({ name }) => name === 'db');
    const last = exposure?.stages.find(({ outcome }) => outcome !== 'pass' && exposure.verdict !== 'exposed');
    return `${exposure?.verdict}${last === undefined ? '' : ` ${last.stage}`}`;
  }

  const cases: readonly (readonly [name: string, changes: Changes, expected: string])[] = [
    ['a public address, a route, an open ACL and an open group expose', open, 'exposed'],
    ['no public address does not', { ...open, db: {} }, 'not-exposed public-address'],
    ['no route to an internet gateway does not', { ...open, routes: [] }, 'not-exposed route'],
    [
      'a route to a NAT gateway does not',
      { ...open, routes: [{ DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: 'nat-1' }] },
      'not-exposed route',
    ],
    [
      'a route that is a black hole does not',
      { ...open, routes: [{ ...IGW, State: 'blackhole' }] },
      'not-exposed route',
    ],
    [
      'an ACL that denies does not',
      { ...open, acls: { db: [entry(1, 'allow', 'in', { network: '10.0.0.0/8' })] } },
      'not-exposed network-acl',
    ],
    [
      'a group for private networks does not',
      { ...open, dbIngress: [allow('tcp', 443, '10.0.0.0/8', '192.168.0.0/16', '127.0.0.0/8')] },
      'not-exposed security-group',
    ],
    ['a group for one public address does', { ...open, dbIngress: [allow('tcp', 443, '203.0.113.0/24')] }, 'exposed'],
    [
      'a group for IPv6 alone does not expose an IPv4 address',
      { ...open, dbIngress: [allow('tcp', 443, '::/0')] },
      'not-exposed security-group',
    ],
    [
      'a port that nothing listens on does not',
      { ...open, db: { publicIp: '198.51.100.7', port: 8443 } },
      'not-exposed listener',
    ],
    ['a route table that is not in the import leaves it possible', { ...open, routes: null }, 'possible route'],
    ['an ACL that is not in the import leaves it possible', { ...open, acls: { db: null } }, 'possible network-acl'],
    [
      'a group that is not in the import leaves it possible',
      { ...open, without: ['sg-db'] },
      'possible security-group',
    ],
  ];
  for (const [name, changes, expected] of cases) {
    it(name, async () => assert.equal(await verdict(changes), expected));
  }

  it('an IPv6 address is exposed through an internet gateway, and not through an egress-only one', async () => {
    const six: Changes = {
      db: { ipv6: ['2600:1f18::7'] },
      dbIngress: [allow('tcp', 443, '::/0')],
      acls: { db: [entry(1, 'allow', 'in', { network: '::/0' }), entry(1, 'allow', 'out', { network: '::/0' })] },
    };
    assert.equal(
      await verdict({ ...six, routes: [{ DestinationIpv6CidrBlock: '::/0', GatewayId: 'igw-1' }] }),
      'exposed',
    );
    assert.equal(
      await verdict({ ...six, routes: [{ DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: 'eigw-1' }] }),
      'not-exposed route',
    );
  });

  it('says the way, with a source for which it holds', async () => {
    const report = await reach({ ...open, dbIngress: [allow('tcp', 443, '203.0.113.0/24')] });
    const exposure = report.exposures.find(({ name }) => name === 'db');
    assert.deepEqual(exposure?.witnessPath, [
      '203.0.113.0',
      'public address 198.51.100.7',
      'rtb-1 routes to igw-1',
      'acl-db lets it pass',
      'sg-db lets it in',
      'db tcp 443',
    ]);
    assert.deepEqual(lines(report), ['internet 203.0.113.0/24 -> db tcp 443']);
  });

  it('calls all public addresses the internet', async () => {
    assert.deepEqual(
      lines(await reach(open)).filter((line) => line.startsWith('internet')),
      ['internet internet -> db tcp 443'],
    );
  });
});

describe('reach of a saved account', () => {
  const data = join(import.meta.dirname, '../../../shared/data/aws');
  const skip = existsSync(data) ? false : 'needs the test data in ../shared/data/aws';

  it('finds in one demo account what its diagram shows', { skip }, async () => {
    const report = await reachAws(join(data, 'cloudmapper-demo'), { clock });
    const found = lines(report);
    assert.equal(report.pairs.length, 41);
    for (const expected of [
      'internet internet -> webalb tcp 443?',
      'internet 1.1.1.1/32, 2.2.2.0/28 -> Bastion tcp 22?',
      'Web1 -> database tcp 5432',
      'Web2 -> database tcp 5432',
      'webalb -> Web1 tcp 8000?',
      'Bastion -> eni-00000001 tcp 22, tcp 443',
    ]) {
      assert.ok(found.includes(expected), expected);
    }
    const toDatabase = found.filter((line) => line.includes('-> database'));
    assert.equal(toDatabase.length, 2, 'nobody else reaches the database');
    const verdicts = Object.groupBy(report.exposures, ({ verdict }) => verdict);
    assert.deepEqual(
      [verdicts.exposed?.length ?? 0, verdicts.possible?.length, verdicts['not-exposed']?.length],
      [0, 3, 8],
    );
    assert.ok(report.problems.some(({ message }) => message.includes('sg-09920178')));
  });

  it('finds the one database of a hybrid account that some public addresses reach', { skip }, async () => {
    const report = await reachAws(join(data, 'hybrid-cloud'), { clock });
    assert.equal(report.pairs.length, 25);
    assert.deepEqual(
      report.exposures
        .filter(({ verdict }) => verdict !== 'not-exposed')
        .map(({ name, verdict }) => `${name} ${verdict}`)
        .sort(),
      ['publices possible', 'test-rds exposed'],
    );
    const internet = lines(report).filter((line) => line.startsWith('internet'));
    assert.deepEqual(internet, [
      'internet 67.170.86.87/32, 104.236.156.171/32, 107.170.243.58/32, 162.243.144.192/32 -> test-rds tcp 3306',
    ]);
    assert.ok(lines(report).includes('network 10.193.0.0/16 -> test-rds tcp 3306?'));
    assert.ok(lines(report).includes('border_01 -> core_01 all any, tcp 22'));
  });
});
