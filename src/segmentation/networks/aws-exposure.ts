import {
  type IpSet,
  formatAddress,
  formatCidr,
  ipSet,
  ipSetOf,
  ipSetToCidrs,
  ipSetToRanges,
  parseCidr,
  portSet,
} from '#base';
import type { Asset } from '#model';
import { type AclAnswer, aclConnections } from './aws-acl.ts';
import { type Attachment, type Endpoint, type Estate, type RouteTable, routedTo } from './aws-estate.ts';
import type { GroupRule } from './aws-security-group.ts';
import {
  ALL_TRAFFIC,
  intersectTraffic,
  isNoTraffic,
  type Traffic,
  type TrafficLine,
  trafficLines,
  trafficOf,
} from './aws-traffic.ts';

/** The stages a connection from the internet passes, in order. */
const EXPOSURE_STAGES = ['public-address', 'route', 'network-acl', 'security-group', 'listener'] as const;

/** What one stage says. `unknown`: the import does not show it; nothing is concluded from that. */
export interface StageResult {
  readonly stage: (typeof EXPOSURE_STAGES)[number];
  readonly outcome: 'pass' | 'fail' | 'unknown';
  readonly detail: string;
}

/** One thing the internet can open. */
export interface ExposedFlow extends TrafficLine {
  /** `internet` when every public address may, else the networks that may. */
  readonly from: string;
  readonly securityGroup: string;
  readonly rule: string;
  /** One source address for which this holds. */
  readonly witness: string;
}

/** Whether the internet reaches an asset, and how. */
export interface Exposure {
  readonly assetId: string;
  readonly name: string;
  readonly kind: string;
  /** `possible`: every stage that the import shows lets it pass, but not every stage is shown. */
  readonly verdict: 'exposed' | 'possible' | 'not-exposed';
  readonly stages: readonly StageResult[];
  readonly flows: readonly ExposedFlow[];
  /** A source, each stage it passes, and the asset; empty when not exposed. */
  readonly witnessPath: readonly string[];
}

/** Addresses that are not the public internet: RFC 6890 and its kin, and all IPv6 outside global unicast. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
  '::/3',
  '4000::/2',
  '8000::/1',
];

/** Every address a packet from the internet can carry. */
export const INTERNET: IpSet = ipSet.complement(
  ipSetOf(
    NOT_PUBLIC.flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr.ok ? [cidr.value] : [];
    }),
  ),
);

const IPV4 = ipSetOf([{ family: 4, value: 0n, prefix: 0 }]);

/** Judges the exposure of an endpoint to the internet through the best of its attachments. */
export function exposureOf(endpoint: Endpoint, estate: Estate): Exposure {
  const found = endpoint.attachments.map((attachment) => judge(endpoint, attachment, estate));
  const rank = { exposed: 0, possible: 1, 'not-exposed': 2 } as const;
  const [best] = found.sort((a, b) => rank[a.verdict] - rank[b.verdict] || b.stages.length - a.stages.length);
  const nothing = { verdict: 'not-exposed' as const, stages: [], flows: [], witnessPath: [] };
  return { assetId: endpoint.assetId, name: endpoint.name, kind: endpoint.kind, ...(best ?? nothing) };
}

/** The exposure of an asset with a public address outside every network: only its access policy stands before it. */
export function exposureOutside(asset: Pick<Asset, 'id' | 'name' | 'kind'>): Exposure {
  return {
    assetId: asset.id,
    name: asset.name,
    kind: asset.kind,
    verdict: 'possible',
    stages: [
      { stage: 'public-address', outcome: 'pass', detail: 'it is outside every VPC, with a public address' },
      { stage: 'security-group', outcome: 'unknown', detail: 'no security group applies; its access policy decides' },
    ],
    flows: [],
    witnessPath: [],
  };
}

type Judged = Pick<Exposure, 'verdict' | 'stages' | 'flows' | 'witnessPath'>;

function judge(endpoint: Endpoint, attachment: Attachment, estate: Estate): Judged {
  const stages: StageResult[] = [];
  const stop = (result: StageResult): Judged => ({
    verdict: 'not-exposed',
    stages: [...stages, result],
    flows: [],
    witnessPath: [],
  });
  const address = addressStage(endpoint, attachment);
  if (address.outcome === 'fail') return stop(address);
  stages.push(address);
  const { result: route, remote } = routeStage(endpoint, attachment, estate);
  if (route.outcome === 'fail') return stop(route);
  stages.push(route);
  const { result: acl, answers } = aclStage(attachment, remote, estate);
  if (acl.outcome === 'fail') return stop(acl);
  stages.push(acl);
  const groups = groupStage(attachment, answers, estate);
  if (groups.flows.length === 0)
    // A group that is not in the import could open it: closed is then not proven.
    return { ...stop(groups.result), verdict: groups.result.outcome === 'unknown' ? 'possible' : 'not-exposed' };
  stages.push(groups.result);
  const flows = listening(endpoint, groups.flows);
  const listener: StageResult = {
    stage: 'listener',
    outcome: endpoint.listens === undefined ? 'unknown' : flows.length === 0 ? 'fail' : 'pass',
    detail:
      endpoint.listens === undefined
        ? 'what listens is not in the import'
        : `listens on tcp ${endpoint.listens.join(', ')}`,
  };
  if (listener.outcome === 'fail') return stop(listener);
  stages.push(listener);
  // That nobody saw a listener does not weaken the verdict: a port that is open to the internet is exposed.
  const isSure = stages.every(({ stage, outcome }) => outcome === 'pass' || stage === 'listener');
  const exposed = flows.flatMap((flow) => exposedFlows(flow, remote));
  const first = exposed[0];
  const path =
    first === undefined
      ? []
      : [
          first.witness,
          ...stages.slice(0, 4).map(({ detail }) => detail),
          `${endpoint.name} ${first.protocol} ${first.ports}`,
        ];
  return { verdict: isSure ? 'exposed' : 'possible', stages, flows: exposed, witnessPath: path };
}

function addressStage(endpoint: Endpoint, attachment: Attachment): StageResult {
  const stage = 'public-address';
  if (attachment.publicIps.length > 0)
    return { stage, outcome: 'pass', detail: `public address ${attachment.publicIps.join(', ')}` };
  if (attachment.hasPublicIpv6) return { stage, outcome: 'pass', detail: 'an IPv6 address' };
  if (endpoint.isPublic) return { stage, outcome: 'pass', detail: 'the provider gives it a public address' };
  return { stage, outcome: 'fail', detail: 'it has no public address' };
}

function routeStage(
  endpoint: Endpoint,
  attachment: Attachment,
  estate: Estate,
): { result: StageResult; remote: IpSet } {
  const hasV4 = attachment.publicIps.length > 0 || endpoint.isPublic;
  const families = attachment.hasPublicIpv6 ? (hasV4 ? ipSet.full : ipSet.complement(IPV4)) : IPV4;
  const all = ipSet.intersect(INTERNET, families);
  const tables = attachment.subnetIds.map((id) => tableOf(id, attachment, estate));
  const known = tables.filter((table): table is RouteTable => table !== undefined);
  if (known.length === 0 || known.length < tables.length)
    return {
      result: { stage: 'route', outcome: 'unknown', detail: 'the route table is not in the import' },
      remote: all,
    };
  const remote = ipSet.intersect(all, known.map((table) => routedTo(table, 'igw-')).reduce(ipSet.union, ipSet.empty));
  const names = [...new Set(known.map(({ id }) => id))].join(', ');
  if (remote.length === 0)
    return {
      result: { stage: 'route', outcome: 'fail', detail: `${names} has no route to an internet gateway` },
      remote,
    };
  const gateways = known.flatMap(({ routes }) =>
    routes.map(({ target }) => target).filter((target) => target.startsWith('igw-')),
  );
  return {
    result: { stage: 'route', outcome: 'pass', detail: `${names} routes to ${[...new Set(gateways)].join(', ')}` },
    remote,
  };
}

/** The route table of a subnet: its own, else the main one of its VPC. */
export function tableOf(subnetId: string, attachment: Attachment, estate: Estate): RouteTable | undefined {
  return estate.tables.get(subnetId) ?? estate.mainTables.get(attachment.vpcId);
}

function aclStage(
  attachment: Attachment,
  remote: IpSet,
  estate: Estate,
): { result: StageResult; answers: AclAnswer[] } {
  const acls = attachment.subnetIds.flatMap((id) => estate.acls.get(id) ?? []);
  if (acls.length === 0 || acls.length < attachment.subnetIds.length)
    return {
      result: { stage: 'network-acl', outcome: 'unknown', detail: 'the network ACL is not in the import' },
      answers: [{ addresses: remote, traffic: ALL_TRAFFIC }],
    };
  const answers = acls.flatMap((acl) => aclConnections(acl, remote)).filter(({ traffic }) => !isNoTraffic(traffic));
  const names = [...new Set(acls.map(({ id }) => id))].join(', ');
  const detail =
    answers.length === 0
      ? `${names} lets no connection from the internet in and its answer out`
      : `${names} lets it pass`;
  return { result: { stage: 'network-acl', outcome: answers.length === 0 ? 'fail' : 'pass', detail }, answers };
}

interface Passed {
  readonly rule: GroupRule;
  readonly addresses: IpSet;
  readonly traffic: Traffic;
}

function groupStage(
  attachment: Attachment,
  answers: readonly AclAnswer[],
  estate: Estate,
): { result: StageResult; flows: Passed[] } {
  const scope = attachment.vpcId.split(' ').slice(0, 2).join(' ');
  const missing = attachment.groups.filter((id) => !estate.rules.has(`${scope} ${id}`));
  const rules = attachment.groups
    .flatMap((id) => estate.rules.get(`${scope} ${id}`) ?? [])
    .filter(({ direction }) => direction === 'ingress');
  const flows = rules.flatMap((rule) => passed(rule, answers));
  const names = [...new Set(flows.map(({ rule }) => rule.groupId))].join(', ');
  const absent = missing.length === 0 ? '' : `; ${missing.join(', ')} is not in the import and counts as closed`;
  const closed = `${attachment.groups.join(', ') || 'no security group'} lets nothing from the internet in`;
  const detail = (flows.length === 0 ? closed : `${names} lets it in`) + absent;
  return {
    result: {
      stage: 'security-group',
      outcome: flows.length > 0 ? 'pass' : missing.length > 0 ? 'unknown' : 'fail',
      detail,
    },
    flows,
  };
}

/** What a rule lets through of what came so far; addresses with the same packets are one flow. */
function passed(rule: GroupRule, answers: readonly AclAnswer[]): Passed[] {
  const found = new Map<string, Passed>();
  for (const answer of answers) {
    const addresses = ipSet.intersect(answer.addresses, rule.addresses);
    const traffic = intersectTraffic(answer.traffic, rule.traffic);
    if (addresses.length === 0 || isNoTraffic(traffic)) continue;
    const key = JSON.stringify(trafficLines(traffic));
    found.set(key, { rule, traffic, addresses: ipSet.union(addresses, found.get(key)?.addresses ?? ipSet.empty) });
  }
  return [...found.values()];
}

function listening(endpoint: Endpoint, flows: readonly Passed[]): Passed[] {
  if (endpoint.listens === undefined) return [...flows];
  const ports = trafficOf(6, portSet.of(endpoint.listens.map((port) => ({ from: port, to: port }))));
  return flows
    .map((flow) => ({ ...flow, traffic: intersectTraffic(flow.traffic, ports) }))
    .filter(({ traffic }) => !isNoTraffic(traffic));
}

function exposedFlows({ rule, addresses, traffic }: Passed, remote: IpSet): ExposedFlow[] {
  const first = ipSetToRanges(addresses)[0];
  const from = ipSet.equals(addresses, remote) ? 'internet' : networksText(addresses);
  const witness = first === undefined ? '' : formatAddress(first.from);
  return trafficLines(traffic).map((line) => ({
    ...line,
    from,
    securityGroup: rule.groupId,
    rule: rule.text,
    witness,
  }));
}

/** Networks as text, at most eight by name. */
export function networksText(addresses: IpSet): string {
  const cidrs = ipSetToCidrs(addresses).map(formatCidr);
  return cidrs.length <= 8 ? cidrs.join(', ') : `${cidrs.slice(0, 8).join(', ')} and ${cidrs.length - 8} more`;
}
