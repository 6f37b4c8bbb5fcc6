import { type IpSet, ipSet, ipSetOf, type Json, parseCidr, type PortSet, portSet, type Problem } from '#base';
import { jsonNumber, jsonObjects, jsonText } from './aws-json.ts';
import {
  intersectTraffic,
  NO_TRAFFIC,
  protocolNumber,
  ruleTraffic,
  subtractTraffic,
  type Traffic,
  uniteTraffic,
} from './aws-traffic.ts';

/** One entry of a network ACL. */
export interface AclEntry {
  readonly number: number;
  readonly isEgress: boolean;
  readonly isAllow: boolean;
  readonly addresses: IpSet;
  readonly traffic: Traffic;
}

/** A stateless, ordered packet filter in front of a subnet. */
export interface Acl {
  readonly id: string;
  /** In order of rule number. */
  readonly entries: readonly AclEntry[];
}

/** Packets that a set of remote addresses may send or get, uniform over the set. */
export interface AclAnswer {
  readonly addresses: IpSet;
  readonly traffic: Traffic;
}

/** Ports that a client may choose for the answers to come back to; the widest range of the operating systems and load balancers in use. */
const EPHEMERAL = portSet.of([{ from: 1024, to: 65_535 }]);

/** Reads `Entries` of an ACL. An entry that cannot be read is a problem, and denies everything it might have been about. */
export function readAcl(id: string, entries: Json | undefined, problems: Problem[]): Acl {
  const read = jsonObjects(entries).map((entry): AclEntry => {
    const protocol = protocolNumber(jsonText(entry['Protocol']) ?? '');
    const range = entry['PortRange'] ?? entry['IcmpTypeCode'];
    const [object] = jsonObjects(range === undefined ? undefined : [range]);
    const from = jsonNumber(object?.['From'] ?? object?.['Type']);
    const to = jsonNumber(object?.['To'] ?? object?.['Code']);
    const traffic = protocol === undefined ? undefined : ruleTraffic(protocol, from, to);
    const text = jsonText(entry['CidrBlock']) ?? jsonText(entry['Ipv6CidrBlock']) ?? '';
    const cidr = parseCidr(text, { hostBits: 'clear' });
    const isReadable = traffic !== undefined && cidr.ok;
    if (!isReadable) {
      const number = jsonNumber(entry['RuleNumber']) ?? 0;
      const message = `\`${id}\` has an entry with protocol, ports or network that cannot be read, number ${number}`;
      const hint = 'the entry denies what it might be about in this report; check it by hand';
      problems.push({ code: 'aws-rule-unreadable', message, hint });
    }
    return {
      number: jsonNumber(entry['RuleNumber']) ?? 0,
      isEgress: entry['Egress'] === true,
      isAllow: isReadable && entry['RuleAction'] === 'allow',
      addresses: cidr.ok ? ipSetOf([cidr.value]) : ipSet.full,
      traffic: traffic ?? { rest: portSet.full, named: new Map() },
    };
  });
  return { id, entries: read.sort((a, b) => a.number - b.number) };
}

/**
 * What the ACL lets through between the subnet and `remote` in one direction: the first entry that matches decides, nothing matching
 * denies. `remote` is split where entries begin and end, so each answer holds for all its addresses.
 */
function askAcl(acl: Acl, direction: 'ingress' | 'egress', remote: IpSet): AclAnswer[] {
  const entries = acl.entries.filter((entry) => entry.isEgress === (direction === 'egress'));
  let atoms = [remote];
  for (const { addresses } of entries)
    atoms = atoms
      .flatMap((atom) => [ipSet.intersect(atom, addresses), ipSet.subtract(atom, addresses)])
      .filter((set) => set.length > 0);
  return atoms.map((atom) => {
    let undecided: Traffic = { rest: portSet.full, named: new Map() };
    let allowed = NO_TRAFFIC;
    for (const entry of entries) {
      if (ipSet.intersect(atom, entry.addresses).length === 0) continue;
      if (entry.isAllow) allowed = uniteTraffic(allowed, intersectTraffic(undecided, entry.traffic));
      undecided = subtractTraffic(undecided, entry.traffic);
    }
    return { addresses: atom, traffic: allowed };
  });
}

/**
 * Connections that the ACL of the accepting side lets begin and be answered, by remote address. The ACL is stateless: TCP and UDP need
 * the way back to the client's ephemeral ports, other protocols a way back of the same protocol.
 */
export function aclConnections(acl: Acl, remote: IpSet, opens: 'remote' | 'local' = 'remote'): AclAnswer[] {
  const [there, back] = opens === 'remote' ? (['ingress', 'egress'] as const) : (['egress', 'ingress'] as const);
  return askAcl(acl, there, remote).flatMap((forward) =>
    askAcl(acl, back, forward.addresses).map((answer) => ({
      addresses: answer.addresses,
      traffic: answered(forward.traffic, answer.traffic),
    })),
  );
}

function answered(forward: Traffic, back: Traffic): Traffic {
  const named = new Map<number, PortSet>();
  for (const protocol of new Set([6, 17, ...forward.named.keys(), ...back.named.keys()])) {
    const answers = back.named.get(protocol) ?? back.rest;
    const way = protocol === 6 || protocol === 17 ? portSet.intersect(answers, EPHEMERAL) : answers;
    named.set(protocol, way.length === 0 ? portSet.empty : (forward.named.get(protocol) ?? forward.rest));
  }
  return { rest: back.rest.length === 0 ? portSet.empty : forward.rest, named };
}
