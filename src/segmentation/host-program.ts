import { createHash } from 'node:crypto';
import {
  canonicalJson,
  formatAddress,
  type IpSet,
  ipSetToRanges,
  type Json,
  ok,
  type PortSet,
  type Problem,
  portSet,
  type Result,
} from '#base';
import { hostIntent, type HostIntent, type HostService, servicesOf } from './host-intent.ts';
import { nftText } from './nft-text.ts';
import type { Plan } from './plan.ts';

/** The name of the only nftables table Cordon ever touches. */
export const CORDON_TABLE: { readonly family: 'inet'; readonly name: 'cordon' } = { family: 'inet', name: 'cordon' };

/** Sets with the flows a host denied: what the agent reads with `nft -j list set inet cordon <name>` and reports. */
const DENIED_SETS = ['denied_in4', 'denied_in6', 'denied_out4', 'denied_out6'] as const;

/** A host's firewall: one nftables transaction that replaces table `inet cordon` and nothing else. */
export interface Program {
  readonly workloadId: string;
  readonly mode: HostIntent['mode'];
  /** SHA-256 of the canonical document, hexadecimal. Equal programs have equal versions. */
  readonly version: string;
  /** For `nft -j -f -`, see libnftables-json(5). */
  readonly document: { readonly nftables: readonly Json[] };
  /** The same, for people. */
  readonly text: string;
}

/** One element per address or range; netlink messages of thousands of elements are refused by some kernels. */
const CHUNK = 500;

const FAMILIES = [
  { family: 4, suffix: '4', type: 'ipv4_addr', protocol: 'ip', nfproto: 'ipv4' },
  { family: 6, suffix: '6', type: 'ipv6_addr', protocol: 'ip6', nfproto: 'ipv6' },
] as const;

/** Neighbour discovery and multicast listener messages without which IPv6 does not work. No redirects, and no host acts as a router. */
const NEIGHBOUR_DISCOVERY = {
  input: ['mld-listener-query', 'nd-router-advert', 'nd-neighbor-solicit', 'nd-neighbor-advert'],
  output: [
    'mld-listener-report',
    'mld-listener-done',
    'nd-router-solicit',
    'nd-neighbor-solicit',
    'nd-neighbor-advert',
    'mld2-listener-report',
  ],
} as const;

const ACCEPT: Json = { accept: null };
const DROP: Json = { drop: null };

/** Renders the program of one host. Deterministic. Refuses what `hostIntent` refuses. */
export function hostProgram(plan: Plan, workloadId: string): Result<Program, Problem> {
  const intent = hostIntent(plan, workloadId);
  return intent.ok ? ok(renderProgram(intent.value)) : intent;
}

function renderProgram(intent: HostIntent): Program {
  const commands: Json[] = [
    // Deleting needs the table to exist, and adding twice is harmless: the three together are an idempotent replacement.
    { add: { table: CORDON_TABLE } },
    { delete: { table: CORDON_TABLE } },
    { add: { table: CORDON_TABLE } },
    ...DENIED_SETS.map(deniedSet),
    ...chain('input', intent),
    ...chain('output', intent),
    ...(intent.mode === 'quarantine' ? [baseChain('forward')] : []),
  ];
  const document = { nftables: commands };
  return {
    workloadId: intent.workload.id,
    mode: intent.mode,
    version: createHash('sha256').update(canonicalJson(document)).digest('hex'),
    document,
    text: nftText(document),
  };
}

function chain(hook: 'input' | 'output', intent: HostIntent): Json[] {
  const rule = (expr: readonly Json[], comment?: string): Json => ({
    add: { rule: { ...inTable, chain: hook, ...(comment === undefined ? {} : { comment }), expr } },
  });
  const services = servicesOf(hook === 'input' ? intent.ingress : intent.egress);
  const parts = services.map((service, index) => serviceCommands(service, { hook, index }, rule));
  return [
    baseChain(hook),
    ...parts.flatMap(({ sets }) => sets),
    rule([match({ meta: { key: hook === 'input' ? 'iifname' : 'oifname' } }, 'lo'), ACCEPT]),
    rule([match(payload('icmpv6', 'type'), { set: NEIGHBOUR_DISCOVERY[hook] }), ACCEPT]),
    rule([match({ ct: { key: 'state' } }, 'invalid'), DROP]),
    ...replies(hook, intent).map((expr) => rule(expr)),
    ...parts.flatMap(({ rules }) => rules),
    ...FAMILIES.map((family) => rule(countDenied(hook, family))),
    rule([{ counter: null }, DROP], 'denied'),
  ];
}

/**
 * Only replies are let through by connection tracking. Packets in the direction of the opener are checked against the sets
 * every time, so that taking a permission away cuts connections that are already open.
 */
function replies(hook: 'input' | 'output', intent: HostIntent): Json[][] {
  const isReply = [
    match({ ct: { key: 'state' } }, 'established'),
    match({ ct: { key: 'direction' } }, 'reply'),
    ACCEPT,
  ];
  if (intent.mode === 'enforce') {
    const errors = match({ meta: { key: 'l4proto' } }, { set: ['icmp', 'ipv6-icmp'] });
    return [isReply, [match({ ct: { key: 'state' } }, 'related'), errors, ACCEPT]];
  }
  // Quarantined: replies of the Cordon server, and nobody else's. A quarantined server host may still answer its agents.
  const answers = hook === 'input' ? [intent.server.addresses] : intent.ingress.map(({ peers }) => peers);
  const [field, port] = hook === 'input' ? ['saddr', 'sport'] : ['daddr', 'sport'];
  return answers.flatMap((peers) =>
    FAMILIES.flatMap(({ family, protocol }) => {
      const elements = elementsOf(peers, family);
      if (elements.length === 0) return [];
      return [
        [
          match(payload(protocol, field), { set: elements }),
          match(payload('tcp', port), intent.server.port),
          ...isReply,
        ],
      ];
    }),
  );
}

function serviceCommands(
  { protocol, ports, peers, policyIds }: HostService,
  { hook, index }: { hook: 'input' | 'output'; index: number },
  rule: (expr: readonly Json[], comment: string) => Json,
): { sets: Json[]; rules: Json[] } {
  const sets: Json[] = [];
  const rules: Json[] = [];
  for (const { family, suffix, type, protocol: ip } of FAMILIES) {
    const elements = elementsOf(peers, family);
    if (elements.length === 0) continue;
    const name = `${hook === 'input' ? 'in' : 'out'}_${protocol}_${index}_v${suffix}`;
    sets.push({ add: { set: { ...inTable, name, type, flags: ['interval'] } } });
    for (let start = 0; start < elements.length; start += CHUNK) {
      sets.push({ add: { element: { ...inTable, name, elem: elements.slice(start, start + CHUNK) } } });
    }
    const peer = match(payload(ip, hook === 'input' ? 'saddr' : 'daddr'), `@${name}`);
    rules.push(rule([matchPorts(protocol, ports), peer, ACCEPT], policyIds.join(' ').slice(0, 120)));
  }
  return { sets, rules };
}

function matchPorts(protocol: string, ports: PortSet): Json {
  if (portSet.equals(ports, portSet.full)) return match({ meta: { key: 'l4proto' } }, protocol);
  const items = ports.map(({ from, to }): Json => (from === to ? from : { range: [from, to] }));
  const [only] = items;
  return match(payload(protocol, 'dport'), items.length === 1 && only !== undefined ? only : { set: items });
}

const inTable = { family: CORDON_TABLE.family, table: CORDON_TABLE.name };

function baseChain(hook: 'input' | 'output' | 'forward'): Json {
  return { add: { chain: { ...inTable, name: hook, type: 'filter', hook, prio: 0, policy: 'drop' } } };
}

function deniedSet(name: (typeof DENIED_SETS)[number]): Json {
  const address = name.endsWith('4') ? 'ipv4_addr' : 'ipv6_addr';
  return {
    add: {
      set: {
        ...inTable,
        name,
        type: [address, 'inet_service', 'inet_proto'],
        flags: ['timeout'],
        timeout: 900,
        size: 16_384,
      },
    },
  };
}

/** Remembers who was denied what. A full set forgets, but never lets through: the drop follows in any case. */
function countDenied(hook: 'input' | 'output', family: (typeof FAMILIES)[number]): Json[] {
  const address = payload(family.protocol, hook === 'input' ? 'saddr' : 'daddr');
  const elem = { concat: [address, payload('th', 'dport'), { meta: { key: 'l4proto' } }] };
  const set = `@denied_${hook === 'input' ? 'in' : 'out'}${family.suffix}`;
  return [
    match({ meta: { key: 'nfproto' } }, family.nfproto),
    match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }),
    { set: { op: 'update', elem, set, stmt: [{ counter: null }] } },
  ];
}

function elementsOf(peers: IpSet, family: 4 | 6): Json[] {
  return ipSetToRanges(peers)
    .filter(({ from }) => from.family === family)
    .map(({ from, to }): Json => {
      const first = formatAddress(from);
      const last = formatAddress(to);
      return first === last ? first : { range: [first, last] };
    });
}

function match(left: Json, right: Json): Json {
  return { match: { op: '==', left, right } };
}

function payload(protocol: string, field: string): Json {
  return { payload: { protocol, field } };
}
