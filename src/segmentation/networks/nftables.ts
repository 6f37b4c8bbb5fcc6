import {
  err,
  type IpSet,
  ipSet,
  type Json,
  ok,
  parseAddress,
  parseCidr,
  ipSetOf,
  type RangeSet,
  type Result,
} from '#base';
import { get, type NftChain, type NftTable, only as onlyEntry, readAddresses, readTable } from './nftables-read.ts';
import {
  ALGEBRA,
  type Box,
  type Dimension,
  intersectBoxes,
  only,
  type Region,
  subtractRegion,
} from './packet-space.ts';

/** Numbers of connection tracking states in the packet space. */
export const CT_STATES = { new: 0, established: 1, related: 2, invalid: 3, untracked: 4 } as const;
/** Numbers of connection tracking directions. */
export const CT_DIRECTIONS = { original: 0, reply: 1 } as const;
/** IP protocol numbers by nft's names. */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  'ipv6-icmp': 58,
  icmpv6: 58,
  sctp: 132,
};
/** ICMPv6 types by nft's names, RFC 4443, RFC 4861, RFC 3810. */
const ICMPV6_TYPES: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'mld2-listener-report': 143,
};

const V4: IpSet = networkSet('0.0.0.0/0');
const V6: IpSet = networkSet('::/0');

/** The filter of one table: what each base chain accepts, by hook. */
export interface NftFilter {
  readonly accepts: ReadonlyMap<string, Region>;
  /** Hooks whose chain would let packets pass if its last rules went missing. */
  readonly openHooks: readonly string[];
}

/** One packet, as a firewall on the host sees it. Values as in the packet space. */
export type Packet = { readonly [D in Dimension]?: bigint };

/**
 * What an nftables table lets through, worked out from its JSON alone: from commands, or from what `nft -j list table`
 * printed. Shares nothing with the renderer. Refuses what it does not understand instead of guessing.
 * @see libnftables-json(5)
 */
export function readNftFilter(document: Json, table: { family: string; name: string }): Result<NftFilter, string> {
  const read = readTable(document, table.family, table.name);
  if (!read.ok) return read;
  const accepts = new Map<string, Region>();
  const openHooks: string[] = [];
  for (const chain of read.value.chains.values()) {
    if (chain.type !== 'filter') return err(`chain \`${chain.name}\` of type \`${chain.type}\` is not understood`);
    if (accepts.has(chain.hook)) return err(`there are two chains at hook \`${chain.hook}\``);
    const region = acceptedBy(chain, read.value);
    if (!region.ok) return region;
    accepts.set(chain.hook, region.value);
    if (chain.policy !== 'drop') openHooks.push(chain.hook);
  }
  return ok({ accepts, openHooks });
}

/** What happens to one packet at a hook. Without a chain there, nftables lets it pass. */
export function packetVerdict(filter: NftFilter, hook: string, packet: Packet): 'accept' | 'drop' {
  const region = filter.accepts.get(hook);
  if (region === undefined) return 'accept';
  const isInside = (box: Box): boolean =>
    Object.entries(packet).every(([name, value]) => {
      const dimension = name as Dimension;
      const set = box[dimension];
      return set === undefined || value === undefined || ALGEBRA[dimension].has(set, value);
    });
  return region.some(isInside) ? 'accept' : 'drop';
}

function acceptedBy(chain: NftChain, table: NftTable): Result<Region, string> {
  const accepted: Box[] = [];
  let rest: Region = [{}];
  for (const [index, { expr }] of chain.rules.entries()) {
    const rule = readRule(expr, table);
    if (!rule.ok) return err(`rule ${index + 1} of chain \`${chain.name}\`: ${rule.error}`);
    const { verdict, box } = rule.value;
    if (verdict === undefined || box === undefined) continue;
    if (verdict === 'accept') accepted.push(...rest.flatMap((one) => intersectBoxes(one, box) ?? []));
    rest = subtractRegion(rest, [box]);
  }
  if (chain.policy === 'accept') return ok([...accepted, ...rest]);
  return chain.policy === 'drop' ? ok(accepted) : err(`the policy \`${chain.policy}\` is not understood`);
}

/** `box` undefined: the rule can match no packet. */
interface ReadRule {
  readonly verdict: 'accept' | 'drop' | undefined;
  readonly box: Box | undefined;
}

const HARMLESS = new Set(['counter', 'set', 'log', 'limit']);

function readRule(expr: readonly Json[], table: NftTable): Result<ReadRule, string> {
  const matches: Json[] = [];
  let verdict: ReadRule['verdict'];
  let isLimited = false;
  for (const statement of expr) {
    const [kind, body] = onlyEntry(statement);
    if (verdict !== undefined) return err('something follows the verdict');
    if (kind === 'match') matches.push(body);
    else if (kind === 'accept' || kind === 'drop') verdict = kind;
    else if (kind === 'reject') verdict = 'drop';
    else if (HARMLESS.has(kind)) isLimited ||= kind === 'limit' || kind === 'set';
    else return err(`\`${kind}\` is not understood`);
  }
  if (verdict === undefined) return ok({ verdict, box: {} });
  // A limit or a set update can stop a rule half-way, so its verdict would depend on more than the packet.
  if (isLimited) return err('a verdict that depends on a limit or a set update is not understood');
  let box: Box | undefined = {};
  for (const match of matches) {
    const one = readMatch(match, table);
    if (!one.ok) return one;
    box = box === undefined || one.value === undefined ? undefined : intersectBoxes(box, one.value);
  }
  return ok({ verdict, box });
}

/** Undefined: no packet can match, as with an empty set. */
function readMatch(match: Json, table: NftTable): Result<Box | undefined, string> {
  const operator = get(match, 'op');
  if (operator !== '==' && operator !== '!=' && operator !== 'in')
    return err(`the operator \`${String(operator)}\` is not understood`);
  const left = readLeft(get(match, 'left'));
  if (left === undefined) return err(`a match on \`${JSON.stringify(get(match, 'left'))}\` is not understood`);
  const values = readRight(get(match, 'right'), left, table);
  if (!values.ok) return values;
  const inside = ALGEBRA[left.dimension].intersect(left.universe, values.value);
  const set = operator === '!=' ? ALGEBRA[left.dimension].subtract(left.universe, values.value) : inside;
  return ok(set.length === 0 ? undefined : { ...left.implies, [left.dimension]: set });
}

interface Left {
  readonly dimension: Dimension;
  /** All values the field can have where the match applies at all. */
  readonly universe: RangeSet<bigint>;
  /** What nft checks before it reads the field, for example that the packet is TCP. */
  readonly implies: Box;
  /** A name of a value in nft's JSON; undefined when it is none. */
  readonly number: (value: Json) => number | undefined;
}

function readLeft(left: Json): Left | undefined {
  const [kind, body] = onlyEntry(left);
  const key = get(body, 'key');
  if (kind === 'meta' && key === 'l4proto') return simple('protocol', named(PROTOCOL_NUMBERS));
  if (kind === 'meta' && (key === 'iifname' || key === 'oifname')) {
    return simple('loopback', (value) => (value === 'lo' ? 1 : undefined));
  }
  if (kind === 'ct' && key === 'state') return simple('state', named(CT_STATES));
  if (kind === 'ct' && key === 'direction') return simple('direction', named(CT_DIRECTIONS));
  return kind === 'payload' ? readPayload(get(body, 'protocol'), get(body, 'field')) : undefined;
}

function readPayload(protocol: Json, field: Json): Left | undefined {
  if ((protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr')) {
    return { dimension: field, universe: protocol === 'ip' ? V4 : V6, implies: {}, number: () => undefined };
  }
  if ((protocol === 'tcp' || protocol === 'udp') && (field === 'sport' || field === 'dport')) {
    return { ...simple(field, named({})), implies: { protocol: only(PROTOCOL_NUMBERS[protocol] ?? 0) } };
  }
  if (protocol === 'icmpv6' && field === 'type') {
    return { ...simple('icmpType', named(ICMPV6_TYPES)), implies: { protocol: only(58) } };
  }
  return undefined;
}

function simple(dimension: Dimension, number: Left['number']): Left {
  return { dimension, universe: ALGEBRA[dimension].full, implies: {}, number };
}

function named(names: Readonly<Record<string, number>>): Left['number'] {
  return (value) => {
    if (typeof value === 'number') return value;
    return typeof value === 'string' && Object.hasOwn(names, value) ? names[value] : undefined;
  };
}

function readRight(right: Json, left: Left, table: NftTable): Result<RangeSet<bigint>, string> {
  let elements: readonly Json[] = [right];
  if (typeof right === 'string' && right.startsWith('@')) {
    const set = table.sets.get(right.slice(1));
    if (set === undefined || set.isDynamic) return err(`the set \`${right}\` is unknown, or changes by itself`);
    elements = set.elements;
  } else {
    const [kind, body] = onlyEntry(right);
    if (kind === 'set' && Array.isArray(body)) elements = body;
  }
  if (left.dimension === 'saddr' || left.dimension === 'daddr') {
    const addresses = readAddresses(elements);
    if (addresses.ok && !ipSet.equals(ipSet.intersect(addresses.value, left.universe), addresses.value)) {
      return err('addresses of one family compared with the other');
    }
    return addresses;
  }
  const ranges: { from: bigint; to: bigint }[] = [];
  for (const element of elements) {
    const [kind, body] = onlyEntry(element);
    const ends = kind === 'range' && Array.isArray(body) && body.length === 2 ? body : [element, element];
    const [from, to] = ends.map((end: Json) => left.number(end));
    if (from === undefined || to === undefined || from > to)
      return err(`the value \`${JSON.stringify(element)}\` is not understood`);
    ranges.push({ from: BigInt(from), to: BigInt(to) });
  }
  try {
    return ok(ALGEBRA[left.dimension].of(ranges));
  } catch {
    return err(`the value \`${JSON.stringify(right)}\` is out of range`);
  }
}

function networkSet(text: string): IpSet {
  const cidr = parseCidr(text);
  return cidr.ok ? ipSetOf([cidr.value]) : ipSet.empty;
}

/** The place of an address in the packet space. */
export function addressValue(text: string): bigint | undefined {
  const address = parseAddress(text);
  return address.ok ? ipSetOf([address.value])[0]?.from : undefined;
}
