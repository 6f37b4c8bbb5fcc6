import { type IpSet, ipSet, ipSetOf, type Json, parseAddress, parseCidr, type Problem } from '#base';
import type { Asset } from '#model';
import { type Acl, readAcl } from './aws-acl.ts';
import { jsonNumber, jsonObjects, jsonText, jsonTexts } from './aws-json.ts';
import { type GroupRule, groupRules, type RuleReader } from './aws-security-group.ts';

/** Where packets for a destination leave a subnet. */
export interface Route {
  readonly destination: IpSet;
  readonly prefix: number;
  /** `local`, `igw-…`, `nat-…`, `pcx-…`, or what else AWS names. */
  readonly target: string;
  readonly isActive: boolean;
}

/** The routes of a subnet. */
export interface RouteTable {
  readonly id: string;
  readonly routes: readonly Route[];
}

/** One place where an asset touches a network. */
export interface Attachment {
  readonly vpcId: string;
  /** Subnets it is in, or may be in when its interfaces are not in the import. */
  readonly subnetIds: readonly string[];
  /** Its private addresses, or its subnets' when those are not in the import. */
  readonly addresses: IpSet;
  /** True when `addresses` are exactly its own. */
  readonly isExact: boolean;
  readonly publicIps: readonly string[];
  readonly hasPublicIpv6: boolean;
  readonly groups: readonly string[];
}

/** Something that opens or accepts connections. */
export interface Endpoint {
  readonly assetId: string;
  readonly name: string;
  readonly kind: string;
  readonly scope: string;
  readonly attachments: readonly Attachment[];
  /** The provider says that it has a public address, whether or not the address is in the import. */
  readonly isPublic: boolean;
  /** TCP ports it listens on; undefined when not known. */
  readonly listens: readonly number[] | undefined;
}

/** A network as far as the import shows it. All keys are `account region id`. */
export interface Estate {
  readonly endpoints: readonly Endpoint[];
  readonly rules: ReadonlyMap<string, readonly GroupRule[]>;
  readonly acls: ReadonlyMap<string, Acl>;
  readonly tables: ReadonlyMap<string, RouteTable>;
  /** Main route table by VPC. */
  readonly mainTables: ReadonlyMap<string, RouteTable>;
  readonly vpcAddresses: ReadonlyMap<string, IpSet>;
  /** Pairs of VPC keys with an active peering connection -> its id. */
  readonly peerings: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

/** The account and region of an asset, as the prefix of its network's keys. */
function scopeOf(asset: Pick<Asset, 'account' | 'region'>): string {
  return `${asset.account} ${asset.region}`;
}

/** Reads the network out of imported assets. What it does not understand is a problem and allows nothing. */
export function readEstate(assets: readonly Asset[]): Estate {
  const problems: Problem[] = [];
  const aws = assets.filter((asset) => asset.provider === 'aws').sort((a, b) => (a.id < b.id ? -1 : 1));
  const of = (kind: string): Asset[] => aws.filter((asset) => asset.kind === kind);
  const prefixLists = new Map(
    of('network.prefix-list').map((asset) => [native(asset), jsonTexts(asset.attributes['cidrs'])]),
  );
  const subnets = new Map(of('network.subnet').map((asset) => [key(asset, native(asset)), subnetAddresses(asset)]));
  const reader: RuleReader = { prefixLists, problems };
  const acls = new Map<string, Acl>();
  for (const asset of of('network.acl')) {
    const acl = readAcl(native(asset), asset.attributes['entries'], problems);
    for (const subnet of jsonTexts(asset.attributes['subnetIds'])) acls.set(key(asset, subnet), acl);
  }
  const tables = new Map<string, RouteTable>();
  const mainTables = new Map<string, RouteTable>();
  for (const asset of of('network.route-table')) {
    const table: RouteTable = { id: native(asset), routes: routesOf(asset.attributes['routes'], prefixLists) };
    for (const subnet of jsonTexts(asset.attributes['subnetIds'])) tables.set(key(asset, subnet), table);
    if (asset.attributes['isMain'] === true)
      mainTables.set(key(asset, jsonText(asset.attributes['vpcId']) ?? ''), table);
  }
  return {
    endpoints: endpointsOf(aws, subnets),
    rules: rulesOf(of('network.security-group'), reader),
    acls,
    tables,
    mainTables,
    vpcAddresses: new Map(
      of('network.vpc').map((asset) => [key(asset, native(asset)), cidrSet(asset.attributes['cidrs'])]),
    ),
    peerings: peeringsOf(of('network.peering')),
    problems,
  };
}

function rulesOf(groups: readonly Asset[], reader: RuleReader): Map<string, GroupRule[]> {
  return new Map(
    groups.map((asset) => [
      key(asset, native(asset)),
      (['ingress', 'egress'] as const).flatMap((direction) =>
        groupRules(native(asset), direction, { permissions: asset.attributes[direction], reader }),
      ),
    ]),
  );
}

function peeringsOf(peerings: readonly Asset[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const asset of peerings) {
    const [a, b] = jsonTexts(asset.attributes['vpcIds']);
    if (asset.attributes['status'] !== 'active' || a === undefined || b === undefined) continue;
    found.set(`${key(asset, a)} ${key(asset, b)}`, native(asset));
    found.set(`${key(asset, b)} ${key(asset, a)}`, native(asset));
  }
  return found;
}

/** Kinds that accept or open connections in a VPC. Terminated instances do neither. */
const ENDPOINT_KINDS: ReadonlySet<string> = new Set([
  'compute.instance',
  'network.interface',
  'network.endpoint',
  'database',
  'warehouse',
  'cache',
  'search.domain',
  'stream',
  'load-balancer',
  'function',
]);

function endpointsOf(assets: readonly Asset[], subnets: ReadonlyMap<string, IpSet>): Endpoint[] {
  const instances = new Set(assets.filter(({ kind }) => kind === 'compute.instance').map(({ id }) => id));
  return assets.flatMap((asset) => {
    if (!ENDPOINT_KINDS.has(asset.kind) || asset.attributes['state'] === 'terminated') return [];
    // An interface of an instance is part of the instance.
    const isPart = asset.relations.some(({ type, to }) => type === 'attached-to' && instances.has(to));
    if (asset.kind === 'network.interface' && isPart) return [];
    const attachments = attachmentsOf(asset, subnets);
    // A gateway endpoint is a route, not something with an interface.
    if (attachments.length === 0 || asset.attributes['endpointType'] === 'Gateway') return [];
    return [
      {
        assetId: asset.id,
        name: asset.name,
        kind: asset.kind,
        scope: scopeOf(asset),
        attachments,
        isPublic: asset.attributes['publiclyAccessible'] === true || asset.attributes['scheme'] === 'internet-facing',
        listens: listensOf(asset),
      },
    ];
  });
}

function attachmentsOf(asset: Asset, subnets: ReadonlyMap<string, IpSet>): Attachment[] {
  const { attributes } = asset;
  const listed = jsonObjects(attributes['interfaces']);
  if (listed.length > 0) return listed.map((item) => attachment(asset, item, subnets));
  return jsonText(attributes['vpcId']) === undefined ? [] : [attachment(asset, attributes, subnets)];
}

function attachment(
  asset: Asset,
  facts: { readonly [key: string]: Json },
  subnets: ReadonlyMap<string, IpSet>,
): Attachment {
  const one = jsonText(facts['subnetId']);
  const subnetIds = one === undefined ? jsonTexts(facts['subnetIds']) : [one];
  const privateIp = jsonText(facts['privateIp']);
  const ipv6 = jsonTexts(facts['ipv6']);
  const own = addressSet([...jsonTexts(facts['privateIps']), ...ipv6, ...(privateIp === undefined ? [] : [privateIp])]);
  const publicIp = jsonText(facts['publicIp']);
  const wide = subnetIds.map((id) => subnets.get(key(asset, id)) ?? ipSet.empty).reduce(ipSet.union, ipSet.empty);
  return {
    vpcId: key(asset, jsonText(facts['vpcId']) ?? jsonText(asset.attributes['vpcId']) ?? ''),
    subnetIds: subnetIds.map((id) => key(asset, id)),
    addresses: own.length > 0 ? own : wide,
    isExact: own.length > 0,
    publicIps: [...new Set([...jsonTexts(facts['publicIps']), ...(publicIp === undefined ? [] : [publicIp])])].sort(),
    hasPublicIpv6: ipv6.length > 0,
    groups: jsonTexts(facts['securityGroups']),
  };
}

function listensOf(asset: Asset): number[] | undefined {
  const port = jsonNumber(asset.attributes['port']);
  if (port !== undefined && port > 0) return [port];
  const listeners = jsonObjects(asset.attributes['listeners']).flatMap((item) => jsonNumber(item['port']) ?? []);
  return listeners.length > 0 ? listeners : undefined;
}

function routesOf(routes: Json | undefined, prefixLists: ReadonlyMap<string, readonly string[]>): Route[] {
  return jsonObjects(routes).flatMap((route): Route[] => {
    const list = jsonText(route['DestinationPrefixListId']);
    const texts =
      list === undefined
        ? [jsonText(route['DestinationCidrBlock']) ?? jsonText(route['DestinationIpv6CidrBlock']) ?? '']
        : (prefixLists.get(list) ?? []);
    const target = [
      'GatewayId',
      'NatGatewayId',
      'VpcPeeringConnectionId',
      'TransitGatewayId',
      'NetworkInterfaceId',
      'EgressOnlyInternetGatewayId',
    ]
      .map((name) => jsonText(route[name]))
      .find((value) => value !== undefined);
    return texts.flatMap((text) => {
      const cidr = parseCidr(text, { hostBits: 'clear' });
      if (!cidr.ok) return [];
      const isActive = route['State'] === undefined || route['State'] === 'active';
      return [{ destination: ipSetOf([cidr.value]), prefix: cidr.value.prefix, target: target ?? 'unknown', isActive }];
    });
  });
}

/** The addresses that a table sends to `target`, or to any of a kind such as `igw-`: longest prefix first, and a black hole swallows its part. */
export function routedTo(table: RouteTable, target: string): IpSet {
  let decided = ipSet.empty;
  let found = ipSet.empty;
  for (const route of [...table.routes].sort((a, b) => b.prefix - a.prefix)) {
    const part = ipSet.subtract(route.destination, decided);
    if (route.isActive && (target.endsWith('-') ? route.target.startsWith(target) : route.target === target))
      found = ipSet.union(found, part);
    decided = ipSet.union(decided, route.destination);
  }
  return found;
}

function subnetAddresses(asset: Asset): IpSet {
  const cidr = jsonText(asset.attributes['cidr']);
  return cidrSet([...(cidr === undefined ? [] : [cidr]), ...jsonTexts(asset.attributes['ipv6Cidrs'])]);
}

function cidrSet(texts: Json | undefined): IpSet {
  return ipSetOf(
    jsonTexts(texts).flatMap((text) => {
      const cidr = parseCidr(text, { hostBits: 'clear' });
      return cidr.ok ? [cidr.value] : [];
    }),
  );
}

function addressSet(texts: readonly string[]): IpSet {
  return ipSetOf(
    texts.flatMap((text) => {
      const address = parseAddress(text);
      return address.ok ? [address.value] : [];
    }),
  );
}

function native(asset: Asset): string {
  return jsonText(asset.attributes['nativeId']) ?? asset.name;
}

function key(asset: Pick<Asset, 'account' | 'region'>, id: string): string {
  return `${scopeOf(asset)} ${id}`;
}
