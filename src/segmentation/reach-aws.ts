import { importAws } from '#assets';
import { type Address, type Clock, ipSet, ipSetHas, type Problem } from '#base';
import type { Asset } from '#model';
import { aclConnections } from './networks/aws-acl.ts';
import { type Attachment, type Endpoint, type Estate, readEstate, routedTo } from './networks/aws-estate.ts';
import {
  type Exposure,
  exposureOf,
  exposureOutside,
  INTERNET,
  networksText,
  tableOf,
} from './networks/aws-exposure.ts';
import type { GroupRule } from './networks/aws-security-group.ts';
import {
  ALL_TRAFFIC,
  intersectTraffic,
  isNoTraffic,
  NO_TRAFFIC,
  type Traffic,
  trafficLines,
  uniteTraffic,
} from './networks/aws-traffic.ts';

/** The rule that lets a flow through. */
export interface ReachRule {
  readonly securityGroup: string;
  /** For example `ingress tcp 5432 from sg-1`. */
  readonly text: string;
}

/** Packets of one protocol that one source may send to one destination. */
export interface ReachFlow {
  readonly protocol: string;
  readonly ports: string;
  /** The destination's rule first, then the rules that let the source send. */
  readonly rules: readonly ReachRule[];
}

/** Who reaches whom. */
export interface ReachPair {
  readonly from:
    | { readonly kind: 'asset'; readonly id: string; readonly name: string }
    | { readonly kind: 'internet' | 'network'; readonly networks: string };
  readonly to: { readonly id: string; readonly name: string; readonly kind: string };
  readonly flows: readonly ReachFlow[];
  /** `possible`: depends on something that the import does not show; `note` says what. */
  readonly certainty: 'certain' | 'possible';
  readonly note?: string;
}

/** What an imported network lets through today. */
export interface ReachReport {
  readonly pairs: readonly ReachPair[];
  /** One per endpoint, exposed or not. */
  readonly exposures: readonly Exposure[];
  readonly problems: readonly Problem[];
}

/** Pairs beyond this number are not listed; a problem says so. */
const MAX_PAIRS = 200_000;

/**
 * Who reaches whom by security groups, network ACLs and routes: `from` is a directory of saved AWS output, or assets imported before.
 * What is not understood or not in the import is named and allows nothing, except that missing ACLs and route tables make an answer
 * `possible` instead of wrongly denying it. Routes to middleboxes and transit gateways are not followed.
 */
export async function reachAws(from: string | readonly Asset[], { clock }: { clock: Clock }): Promise<ReachReport> {
  if (typeof from !== 'string') return reachOf(from);
  const report = await importAws(from, { clock });
  const reach = reachOf(report.assets);
  return { ...reach, problems: [...report.problems, ...reach.problems] };
}

/** `reachAws` for assets that were imported before. */
function reachOf(assets: readonly Asset[]): ReachReport {
  const estate = readEstate(assets);
  const problems = [...estate.problems, ...missingGroups(estate)];
  const placed = new Set(estate.endpoints.map(({ assetId }) => assetId));
  const exposures = [
    ...estate.endpoints.map((endpoint) => exposureOf(endpoint, estate)),
    ...assets.filter((a) => a.attributes['publiclyAccessible'] === true && !placed.has(a.id)).map(exposureOutside),
  ];
  const pairs: ReachPair[] = exposures.flatMap(fromInternet);
  for (const to of estate.endpoints) {
    // A function accepts no connections at its interface; it only opens them.
    if (to.kind === 'function') continue;
    pairs.push(...fromNetworks(to, estate));
    for (const from of estate.endpoints) {
      // An interface endpoint is one-way: it never opens a connection.
      if (from.kind === 'network.endpoint') continue;
      const pair = from.assetId === to.assetId ? undefined : between(from, to, estate);
      if (pair !== undefined) pairs.push(pair);
    }
    if (pairs.length > MAX_PAIRS) {
      problems.push({ code: 'aws-reach-bounded', message: `more than ${MAX_PAIRS} pairs; the rest is not listed` });
      break;
    }
  }
  return { pairs, exposures, problems };
}

function missingGroups(estate: Estate): Problem[] {
  const missing = new Set<string>();
  for (const endpoint of estate.endpoints)
    for (const attachment of endpoint.attachments)
      for (const id of attachment.groups) if (!estate.rules.has(`${endpoint.scope} ${id}`)) missing.add(id);
  return [...missing].sort().map((id) => ({
    code: 'aws-security-group-unknown',
    message: `the security group \`${id}\` is used but not in the import; it counts as closed`,
    hint: 'save `aws ec2 describe-security-groups` of the same account and region',
  }));
}

function fromInternet(exposure: Exposure): ReachPair[] {
  if (exposure.verdict === 'not-exposed') return [];
  const bySource = Map.groupBy(exposure.flows, (flow) => flow.from);
  return [...bySource].map(([networks, flows]) => ({
    from: { kind: 'internet' as const, networks },
    to: { id: exposure.assetId, name: exposure.name, kind: exposure.kind },
    flows: flows.map(({ protocol, ports, securityGroup, rule }) => ({
      protocol,
      ports,
      rules: [{ securityGroup, text: rule }],
    })),
    certainty: exposure.verdict === 'exposed' ? ('certain' as const) : ('possible' as const),
    ...(exposure.verdict === 'exposed'
      ? {}
      : {
          note: exposure.stages
            .filter(({ outcome }) => outcome === 'unknown')
            .map(({ detail }) => detail)
            .join('; '),
        }),
  }));
}

const LOOPBACKS: readonly Address[] = [
  { family: 4, value: 0x7f000001n },
  { family: 6, value: 1n },
];

/** Private networks outside the import's VPCs that a rule admits: reachable when a VPN, peering or other private way leads there. */
function fromNetworks(to: Endpoint, estate: Estate): ReachPair[] {
  const known = [...estate.vpcAddresses.values()].reduce(ipSet.union, ipSet.empty);
  return to.attachments.flatMap((attachment) =>
    rulesOf(attachment, 'ingress', estate).flatMap((rule): ReachPair[] => {
      if (ipSet.equals(rule.addresses, ipSet.empty)) return [];
      const outside = ipSet.subtract(ipSet.subtract(rule.addresses, INTERNET), known);
      // A rule that even admits loopback is for everybody; that it also covers every private network says nothing.
      if (outside.length === 0 || LOOPBACKS.some((address) => ipSetHas(rule.addresses, address))) return [];
      const rules = [{ securityGroup: rule.groupId, text: rule.text }];
      return [
        {
          from: { kind: 'network', networks: networksText(outside) },
          to: { id: to.assetId, name: to.name, kind: to.kind },
          flows: trafficLines(rule.traffic).map((line) => ({ ...line, rules })),
          certainty: 'possible',
          note: 'needs a private route to that network',
        },
      ];
    }),
  );
}

interface Path {
  readonly flows: readonly ReachFlow[];
  readonly notes: ReadonlySet<string>;
}

function between(from: Endpoint, to: Endpoint, estate: Estate): ReachPair | undefined {
  const paths = from.attachments.flatMap((source) =>
    to.attachments.flatMap((target) => path(source, target, estate) ?? []),
  );
  const best = paths.find(({ notes }) => notes.size === 0) ?? paths[0];
  if (best === undefined) return undefined;
  const flows = new Map(paths.flatMap((item) => item.flows).map((flow) => [JSON.stringify(flow), flow]));
  const notes = [...best.notes].join('; ');
  return {
    from: { kind: 'asset', id: from.assetId, name: from.name },
    to: { id: to.assetId, name: to.name, kind: to.kind },
    flows: [...flows.values()],
    certainty: notes === '' ? 'certain' : 'possible',
    ...(notes === '' ? {} : { note: notes }),
  };
}

function path(source: Attachment, target: Attachment, estate: Estate): Path | undefined {
  const notes = new Set<string>();
  if (!areConnected(source, target, { estate, notes })) return undefined;
  // What may arrive is asked first: most groups let everything leave, and hardly anything in.
  const incoming = rulesOf(target, 'ingress', estate).filter((rule) => matches(rule, source, notes));
  if (incoming.length === 0) return undefined;
  const outgoing = rulesOf(source, 'egress', estate).filter((rule) => matches(rule, target, notes));
  if (outgoing.length === 0) return undefined;
  const way = aclsBetween(source, target, { estate, notes });
  const flows = incoming.flatMap((rule) => {
    const sending = outgoing.filter((other) => !isNoTraffic(intersectTraffic(rule.traffic, other.traffic)));
    const sent = sending.map(({ traffic }) => traffic).reduce(uniteTraffic, NO_TRAFFIC);
    const through = intersectTraffic(intersectTraffic(rule.traffic, sent), way);
    const rules = [rule, ...sending].map(({ groupId, text }) => ({ securityGroup: groupId, text }));
    return trafficLines(through).map((line) => ({ ...line, rules }));
  });
  return flows.length === 0 ? undefined : { flows, notes };
}

type Rules = Readonly<Record<GroupRule['direction'], readonly GroupRule[]>>;

/** Each attachment is asked as often as there are others; its rules stay the same. */
const rulesByAttachment = new WeakMap<Attachment, Rules>();

function rulesOf(attachment: Attachment, direction: GroupRule['direction'], estate: Estate): readonly GroupRule[] {
  const known = rulesByAttachment.get(attachment);
  if (known !== undefined) return known[direction];
  const scope = attachment.vpcId.split(' ').slice(0, 2).join(' ');
  const all = attachment.groups.flatMap((id) => estate.rules.get(`${scope} ${id}`) ?? []);
  const rules: Rules = {
    ingress: all.filter((rule) => rule.direction === 'ingress'),
    egress: all.filter((rule) => rule.direction === 'egress'),
  };
  rulesByAttachment.set(attachment, rules);
  return rules[direction];
}

const ONLY_BY_SUBNET = 'an address is only known by its subnet';

/** A rule matches a peer by its addresses, or by a group it carries: that stands for its private addresses. */
function matches(rule: GroupRule, peer: Attachment, notes: Set<string>): boolean {
  if (rule.groups.some((id) => peer.groups.includes(id))) return true;
  if (ipSet.intersect(rule.addresses, peer.addresses).length === 0) return false;
  const covered = ipSet.equals(ipSet.intersect(rule.addresses, peer.addresses), peer.addresses);
  if (!peer.isExact && !covered) notes.add(ONLY_BY_SUBNET);
  return true;
}

interface Question {
  readonly estate: Estate;
  readonly notes: Set<string>;
}

function areConnected(source: Attachment, target: Attachment, { estate, notes }: Question): boolean {
  if (source.vpcId === target.vpcId) return true;
  const peering = estate.peerings.get(`${source.vpcId} ${target.vpcId}`);
  if (peering === undefined) return false;
  for (const [near, far] of [
    [source, target],
    [target, source],
  ] as const) {
    const tables = near.subnetIds.flatMap((id) => tableOf(id, near, estate) ?? []);
    if (tables.length === 0) notes.add('the routes of the peering are not in the import');
    else if (!tables.some((table) => ipSet.intersect(routedTo(table, peering), far.addresses).length > 0)) return false;
  }
  return true;
}

/** What the ACLs of both subnets let begin and be answered. Inside one subnet no ACL applies. */
function aclsBetween(source: Attachment, target: Attachment, { estate, notes }: Question): Traffic {
  if (source.subnetIds.some((id) => target.subnetIds.includes(id))) return ALL_TRAFFIC;
  let way = ALL_TRAFFIC;
  for (const [attachment, remote, opens] of [
    [source, target, 'local'],
    [target, source, 'remote'],
  ] as const)
    way = intersectTraffic(way, aclWay(attachment, remote, { estate, notes, opens }));
  return way;
}

function aclWay(
  attachment: Attachment,
  remote: Attachment,
  { estate, notes, opens }: Question & { opens: 'local' | 'remote' },
): Traffic {
  const acls = attachment.subnetIds.flatMap((id) => estate.acls.get(id) ?? []);
  if (acls.length === 0) {
    notes.add('a network ACL is not in the import');
    return ALL_TRAFFIC;
  }
  return acls
    .map((acl) => {
      const answers = aclConnections(acl, remote.addresses, opens).map(({ traffic }) => traffic);
      const isSame = new Set(answers.map((traffic) => JSON.stringify(trafficLines(traffic)))).size < 2;
      if (!remote.isExact && !isSame) notes.add(ONLY_BY_SUBNET);
      return answers.reduce(uniteTraffic, NO_TRAFFIC);
    })
    .reduce(uniteTraffic, NO_TRAFFIC);
}
