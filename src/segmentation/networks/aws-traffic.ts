import { formatPorts, type PortSet, portSet } from '#base';

/**
 * A set of packets by IP protocol and by a number of 16 bits: the destination port of TCP, UDP, SCTP and DCCP, type and code of ICMP
 * (`type * 256 + code`), and nothing (always the full range) for other protocols. `rest` stands for every protocol not in `named`.
 */
export interface Traffic {
  readonly rest: PortSet;
  readonly named: ReadonlyMap<number, PortSet>;
}

/** No packet. */
export const NO_TRAFFIC: Traffic = { rest: portSet.empty, named: new Map() };

/** Every packet. */
export const ALL_TRAFFIC: Traffic = { rest: portSet.full, named: new Map() };

/** The packets of one protocol with numbers in `ports`. */
export function trafficOf(protocol: number, ports: PortSet): Traffic {
  return { rest: portSet.empty, named: new Map([[protocol, ports]]) };
}

/** Packets in both. */
export function intersectTraffic(a: Traffic, b: Traffic): Traffic {
  return combine(a, b, portSet.intersect);
}

/** Packets in either. */
export function uniteTraffic(a: Traffic, b: Traffic): Traffic {
  return combine(a, b, portSet.union);
}

/** Packets in `a` that are not in `b`. */
export function subtractTraffic(a: Traffic, b: Traffic): Traffic {
  return combine(a, b, portSet.subtract);
}

/** True when there is no packet. */
export function isNoTraffic(traffic: Traffic): boolean {
  return traffic.rest.length === 0 && [...traffic.named.values()].every((ports) => ports.length === 0);
}

function combine(a: Traffic, b: Traffic, operation: (x: PortSet, y: PortSet) => PortSet): Traffic {
  const named = new Map<number, PortSet>();
  for (const protocol of new Set([...a.named.keys(), ...b.named.keys()]))
    named.set(protocol, operation(a.named.get(protocol) ?? a.rest, b.named.get(protocol) ?? b.rest));
  return { rest: operation(a.rest, b.rest), named };
}

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };

/** One line of a traffic set for people and reports. */
export interface TrafficLine {
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `all`. */
  readonly protocol: string;
  /** Ports as `22,80-90`; `any`; for ICMP `any` or `type 8 code 0-255`. */
  readonly ports: string;
}

/** The lines of a traffic set, by protocol number, `all` first. */
export function trafficLines(traffic: Traffic): TrafficLine[] {
  const lines: TrafficLine[] = traffic.rest.length > 0 ? [{ protocol: 'all', ports: 'any' }] : [];
  for (const [protocol, ports] of [...traffic.named].sort(([a], [b]) => a - b)) {
    // What the line for all protocols says already is not repeated.
    if (ports.length === 0 || (traffic.rest.length > 0 && portSet.equals(ports, portSet.full))) continue;
    const isIcmp = protocol === 1 || protocol === 58;
    lines.push({ protocol: NAMES[protocol] ?? String(protocol), ports: isIcmp ? icmpText(ports) : formatPorts(ports) });
  }
  return lines;
}

function icmpText(ports: PortSet): string {
  if (portSet.equals(ports, portSet.full)) return 'any';
  return ports
    .map(({ from, to }) => {
      const type = from >> 8;
      if (type !== to >> 8) return `type ${type}-${to >> 8}`;
      return (from & 255) === 0 && (to & 255) === 255 ? `type ${type}` : `type ${type} code ${from & 255}-${to & 255}`;
    })
    .join(',');
}

/** Protocol number of AWS's `IpProtocol` or `Protocol`: a name, a number, or `-1` for all. */
export function protocolNumber(text: string): number | undefined {
  const known = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 }[text.toLowerCase()];
  if (known !== undefined) return known;
  return /^(-1|\d{1,3})$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}

/**
 * The packets of one rule. For TCP and UDP, `from` to `to` are ports; for ICMP they are type and code, -1 meaning any; other
 * protocols have neither. A reversed or impossible range is undefined: the caller names it, and it allows nothing.
 */
export function ruleTraffic(protocol: number, from: number | undefined, to: number | undefined): Traffic | undefined {
  if (protocol === -1) return ALL_TRAFFIC;
  if (protocol === 1 || protocol === 58) {
    if (from === undefined || from === -1) return trafficOf(protocol, portSet.full);
    if (from < 0 || from > 255) return undefined;
    const code = to === undefined || to === -1 ? undefined : to;
    if (code !== undefined && (code < 0 || code > 255)) return undefined;
    return trafficOf(protocol, [{ from: from * 256 + (code ?? 0), to: from * 256 + (code ?? 255) }]);
  }
  if (protocol !== 6 && protocol !== 17) return trafficOf(protocol, portSet.full);
  if (from === undefined || to === undefined || from === -1) return trafficOf(protocol, portSet.full);
  return from < 0 || to > 65_535 || from > to ? undefined : trafficOf(protocol, [{ from, to }]);
}
