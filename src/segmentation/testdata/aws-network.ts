import type { Json } from '#base';
import type { Asset } from '#model';

type Facts = { readonly [key: string]: Json };

/** An imported AWS resource, as far as reachability looks at it. */
export function awsAsset(kind: string, native: string, attributes: Facts = {}): Asset {
  return {
    id: `arn:${native}`,
    kind,
    name: native,
    provider: 'aws',
    account: '1',
    region: 'eu-west-1',
    labels: {},
    attributes: { nativeId: native, ...attributes },
    relations: [],
    source: 'test.json',
    observedAt: 0,
    computedTier: 3,
    impact: 0,
    confidence: 0,
    ledger: [],
  };
}

/** `IpPermissions`: a protocol, a port or a range of them, and who. */
export function allow(
  protocol: string,
  ports: number | readonly [number, number] | undefined,
  ...peers: readonly string[]
): Facts {
  const [from, to] = typeof ports === 'number' ? [ports, ports] : (ports ?? [undefined, undefined]);
  return {
    IpProtocol: protocol,
    ...(from === undefined || to === undefined ? {} : { FromPort: from, ToPort: to }),
    IpRanges: peers.filter((peer) => /^[\d.]+\//.test(peer)).map((CidrIp) => ({ CidrIp })),
    Ipv6Ranges: peers.filter((peer) => peer.includes(':')).map((CidrIpv6) => ({ CidrIpv6 })),
    UserIdGroupPairs: peers.filter((peer) => peer.startsWith('sg-')).map((GroupId) => ({ GroupId })),
    PrefixListIds: peers.filter((peer) => peer.startsWith('pl-')).map((PrefixListId) => ({ PrefixListId })),
  };
}

/** An entry of a network ACL. */
export function entry(
  number: number,
  rule: 'allow' | 'deny',
  direction: 'in' | 'out',
  more: { readonly protocol?: string; readonly ports?: readonly [number, number]; readonly network?: string } = {},
): Facts {
  const { protocol = '-1', ports, network = '0.0.0.0/0' } = more;
  return {
    RuleNumber: number,
    RuleAction: rule,
    Egress: direction === 'out',
    Protocol: protocol,
    ...(network.includes(':') ? { Ipv6CidrBlock: network } : { CidrBlock: network }),
    ...(ports === undefined ? {} : { PortRange: { From: ports[0], To: ports[1] } }),
  };
}

/** An ACL that lets everything pass, as the default one of a VPC does. */
export const OPEN_ACL: readonly Facts[] = [
  entry(100, 'allow', 'in'),
  entry(100, 'allow', 'out'),
  entry(32_767, 'deny', 'in'),
  entry(32_767, 'deny', 'out'),
];

const EVERYTHING: readonly Facts[] = [allow('-1', undefined, '0.0.0.0/0', '::/0')];

/** What differs from the network of `network`. */
export interface Changes {
  readonly web?: Facts;
  readonly db?: Facts;
  readonly webEgress?: readonly Json[];
  readonly dbIngress?: readonly Json[];
  readonly acls?: { readonly web?: readonly Json[] | null; readonly db?: readonly Json[] | null };
  readonly routes?: readonly Json[] | null;
  readonly more?: readonly Asset[];
  /** Native ids to leave out. */
  readonly without?: readonly string[];
}

/**
 * Two instances in one VPC: `web` (10.0.1.10, `sg-web`) in `subnet-web`, `db` (10.0.2.10, `sg-db`) in `subnet-db`. `sg-db` admits tcp 5432 from
 * `sg-web`, everything may leave, and no filter but these stands between.
 */
export function network(changes: Changes = {}): Asset[] {
  const {
    web,
    db,
    webEgress = EVERYTHING,
    dbIngress = [allow('tcp', 5432, 'sg-web')],
    acls = {},
    routes,
    more = [],
    without = [],
  } = changes;
  const instance = (name: string, address: string): Facts => ({
    vpcId: 'vpc-1',
    subnetId: `subnet-${name}`,
    privateIp: address,
    securityGroups: [`sg-${name}`],
    state: 'running',
  });
  const aclOf = (name: 'web' | 'db'): Asset[] => {
    const entries = acls[name] === undefined ? OPEN_ACL : acls[name];
    return entries === null
      ? []
      : [awsAsset('network.acl', `acl-${name}`, { entries: [...entries], subnetIds: [`subnet-${name}`] })];
  };
  const all = [
    awsAsset('network.vpc', 'vpc-1', { cidrs: ['10.0.0.0/16'] }),
    awsAsset('network.subnet', 'subnet-web', { cidr: '10.0.1.0/24' }),
    awsAsset('network.subnet', 'subnet-db', { cidr: '10.0.2.0/24' }),
    ...aclOf('web'),
    ...aclOf('db'),
    ...(routes === null
      ? []
      : [
          awsAsset('network.route-table', 'rtb-1', {
            vpcId: 'vpc-1',
            isMain: true,
            subnetIds: [],
            routes:
              routes === undefined
                ? [{ DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', State: 'active' }]
                : [...routes],
          }),
        ]),
    awsAsset('network.security-group', 'sg-web', { ingress: [], egress: [...webEgress] }),
    awsAsset('network.security-group', 'sg-db', { ingress: [...dbIngress], egress: [...EVERYTHING] }),
    awsAsset('compute.instance', 'web', { ...instance('web', '10.0.1.10'), ...web }),
    awsAsset('compute.instance', 'db', { ...instance('db', '10.0.2.10'), ...db }),
    ...more,
  ];
  return all.filter((one) => !without.includes(one.name));
}
