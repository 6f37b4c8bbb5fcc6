import { type PortSet, portSet } from '#base';

/** The transport protocols of the network profile. Everything else is never permitted by policy. */
export const PROTOCOLS = ['tcp', 'udp'] as const;
/** One of `PROTOCOLS`. */
export type Protocol = (typeof PROTOCOLS)[number];

/** A set of flows between two fixed ends: the destination ports per protocol. */
export type FlowSet = { readonly [P in Protocol]: PortSet };

/** No flow at all. */
export const NO_FLOWS: FlowSet = { tcp: portSet.empty, udp: portSet.empty };
/** Every flow of the profile. */
export const ALL_FLOWS: FlowSet = { tcp: portSet.full, udp: portSet.full };

/** Makes a set by asking for the ports of each protocol. */
export function flowsBy(ports: (protocol: Protocol) => PortSet): FlowSet {
  return { tcp: ports('tcp'), udp: ports('udp') };
}

/** Flows in either set. */
export function uniteFlows(a: FlowSet, b: FlowSet): FlowSet {
  return flowsBy((protocol) => portSet.union(a[protocol], b[protocol]));
}

/** Flows in both sets. */
export function intersectFlows(a: FlowSet, b: FlowSet): FlowSet {
  return flowsBy((protocol) => portSet.intersect(a[protocol], b[protocol]));
}

/** Flows in `a` but not in `b`. */
export function subtractFlows(a: FlowSet, b: FlowSet): FlowSet {
  return flowsBy((protocol) => portSet.subtract(a[protocol], b[protocol]));
}

/** True when there is no flow in the set. */
export function hasNoFlows(a: FlowSet): boolean {
  return a.tcp.length === 0 && a.udp.length === 0;
}
