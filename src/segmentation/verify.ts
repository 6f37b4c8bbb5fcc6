import { err, formatAddress, ipSetToRanges, type Json, ok, type PortSet, type Problem, type Result } from '#base';
import { hostIntent, type HostIntent, type HostPiece } from './host-intent.ts';
import { CORDON_TABLE, type Program } from './host-program.ts';
import { CT_DIRECTIONS, CT_STATES, PROTOCOL_NUMBERS, readNftFilter } from './networks/nftables.ts';
import { ALGEBRA, type Box, type Dimension, only, type Region, subtractRegion } from './networks/packet-space.ts';
import type { Plan } from './plan.ts';

/** A packet on which a firewall and the plan disagree. */
export interface Witness {
  readonly hook: string;
  /** What the firewall does with it; the plan says the opposite. */
  readonly firewall: 'accepts' | 'drops';
  /** One value per dimension that matters, for people: `protocol tcp`, `saddr 10.0.0.1`. */
  readonly packet: Readonly<Record<string, string>>;
}

/** Why a firewall is not what the plan says. */
export type VerifyProblem = Problem & { readonly witness?: Witness };

/** ICMPv6 types that must pass, RFC 4861 and RFC 3810: written down here again, on purpose. */
const NEIGHBOUR_TYPES = { input: [130, 134, 135, 136], output: [131, 132, 133, 135, 136, 143] } as const;

/**
 * Translation validation: checks that a program, or what `nft -j list table inet cordon` printed on the host, accepts exactly
 * the packets the plan allows that workload, by the independent semantics of `networks/nftables`.
 * Fails with `program-unreadable` (something in it is not understood), `program-differs` (with a witness), or what `hostIntent` refuses.
 */
export function verifyProgram(program: Program | Json, plan: Plan, workloadId: string): Result<true, VerifyProblem> {
  const intent = hostIntent(plan, workloadId);
  if (!intent.ok) return intent;
  const document = isProgram(program) ? program.document : program;
  const filter = readNftFilter(document, CORDON_TABLE);
  if (!filter.ok) return err(unreadable(workloadId, filter.error));
  const expected = expectedRegions(intent.value);
  for (const [hook, region] of expected) {
    const actual = filter.value.accepts.get(hook) ?? [{}];
    const tooMuch = subtractRegion(actual, region);
    if (tooMuch[0] !== undefined) return err(differs(workloadId, { hook, firewall: 'accepts', box: tooMuch[0] }));
    const tooLittle = subtractRegion(region, actual);
    if (tooLittle[0] !== undefined) return err(differs(workloadId, { hook, firewall: 'drops', box: tooLittle[0] }));
  }
  const [open] = filter.value.openHooks;
  if (open !== undefined) return err(unreadable(workloadId, `the policy of the chain at ${open} is not \`drop\``));
  const extra = [...filter.value.accepts.keys()].find((hook) => !expected.has(hook));
  if (extra !== undefined)
    return err(unreadable(workloadId, `a chain at hook \`${extra}\` does not belong to the plan`));
  return ok(true);
}

function isProgram(value: Program | Json): value is Program {
  return typeof value === 'object' && value !== null && 'document' in value && 'version' in value;
}

function expectedRegions(intent: HostIntent): Map<string, Region> {
  const regions = new Map<string, Region>([
    ['input', expectedRegion('input', intent)],
    ['output', expectedRegion('output', intent)],
  ]);
  if (intent.mode === 'quarantine') regions.set('forward', []);
  return regions;
}

function expectedRegion(hook: 'input' | 'output', intent: HostIntent): Region {
  const peer = hook === 'input' ? 'saddr' : 'daddr';
  const reply: Box = { state: only(CT_STATES.established), direction: only(CT_DIRECTIONS.reply) };
  const tracked = ALGEBRA.state.complement(only(CT_STATES.invalid));
  const icmpTypes = ALGEBRA.icmpType.of(
    NEIGHBOUR_TYPES[hook].map((type) => ({ from: BigInt(type), to: BigInt(type) })),
  );
  const pieces = hook === 'input' ? intent.ingress : intent.egress;
  const region: Box[] = [{ loopback: only(1) }, { protocol: only(58), icmpType: icmpTypes }];
  for (const { protocol, ports, peers } of pieces) {
    region.push({ protocol: protocolSet(protocol), dport: wide(ports), [peer]: peers, state: tracked });
  }
  if (intent.mode === 'enforce') {
    const icmp = ALGEBRA.protocol.of([1n, 58n].map((number) => ({ from: number, to: number })));
    return [...region, reply, { state: only(CT_STATES.related), protocol: icmp }];
  }
  const others: readonly Pick<HostPiece, 'peers'>[] =
    hook === 'input' ? [{ peers: intent.server.addresses }] : intent.ingress;
  const answers = others.map(
    ({ peers }): Box => ({ ...reply, protocol: protocolSet('tcp'), sport: only(intent.server.port), [peer]: peers }),
  );
  return [...region, ...answers];
}

function protocolSet(name: 'tcp' | 'udp'): NonNullable<Box['protocol']> {
  return only(PROTOCOL_NUMBERS[name] ?? 0);
}

function wide(ports: PortSet): NonNullable<Box['dport']> {
  return ports.map(({ from, to }) => ({ from: BigInt(from), to: BigInt(to) }));
}

function unreadable(workloadId: string, reason: string): Problem {
  return {
    code: 'program-unreadable',
    message: `the firewall of \`${workloadId}\` cannot be verified: ${reason}`,
    hint: 'apply the program of the plan again; Cordon does not vouch for rules it did not write',
  };
}

function differs(
  workloadId: string,
  { hook, firewall, box }: { hook: string; firewall: Witness['firewall']; box: Box },
): VerifyProblem {
  const packet = describe(box);
  const text = Object.entries(packet)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  return {
    code: 'program-differs',
    message: `the firewall of \`${workloadId}\` ${firewall} a packet at ${hook} that the plan ${firewall === 'accepts' ? 'denies' : 'allows'}: ${text === '' ? 'any' : text}`,
    hint: 'apply the program of the plan again',
    witness: { hook, firewall, packet },
  };
}

function describe(box: Box): Record<string, string> {
  const packet: Record<string, string> = {};
  for (const [name, set] of Object.entries(box)) {
    const first = set[0];
    if (first === undefined) continue;
    const dimension = name as Dimension;
    packet[name] = valueText(dimension, first.from, set);
  }
  return packet;
}

function valueText(dimension: Dimension, value: bigint, set: NonNullable<Box[Dimension]>): string {
  const nameIn = (names: Readonly<Record<string, number>>): string =>
    Object.entries(names).find(([, number]) => BigInt(number) === value)?.[0] ?? String(value);
  switch (dimension) {
    case 'saddr':
    case 'daddr': {
      const [range] = ipSetToRanges(set);
      return range === undefined ? 'none' : formatAddress(range.from);
    }
    case 'state':
      return nameIn(CT_STATES);
    case 'direction':
      return nameIn(CT_DIRECTIONS);
    case 'protocol':
      return nameIn(PROTOCOL_NUMBERS);
    default:
      return String(value);
  }
}
