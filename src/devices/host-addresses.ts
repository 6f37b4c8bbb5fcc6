import { formatAddress, namesNoHost, parseAddress } from '#base';
import type { TrustGraph, Workload } from '#model';

/**
 * The addresses a host may be known by, in canonical text, each once and in order, so that equal sets are equal lists. What cannot be
 * read or names no host is left out: an address that is not there is allowed nothing.
 */
export function hostAddresses(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => {
    const address = parseAddress(text, { mapped: 'unmap' });
    if (!address.ok || namesNoHost(address.value)) return [];
    return [formatAddress(address.value)];
  });
  return [...new Set(found)].sort();
}

/**
 * Ids of the other workloads that have one of the addresses. A host says itself where it is, so that it can claim the place of another; the
 * plan then allows both only what both may do, and somebody should know why.
 */
export function otherClaimants(
  workloads: Iterable<Workload>,
  { id, addresses }: Pick<Workload, 'id' | 'addresses'>,
): string[] {
  const own = new Set(addresses);
  return [...workloads]
    .filter((other) => other.id !== id && hostAddresses(other.addresses).some((address) => own.has(address)))
    .map((other) => other.id);
}

/** A host with an agent is taken to be at its addresses for this long after it was heard of last, milliseconds. */
const PRESENT_MS = 3 * 60_000;

/**
 * Of the addresses a host claims, those that are not of another host whose agent is heard of: these stay that host's (attack: to cut it off,
 * because of a shared address the plan allows only what both may do).
 */
export function grantedAddresses(
  claimed: readonly string[],
  { workload, graph, now }: { readonly workload: Workload; readonly graph: TrustGraph; readonly now: number },
): readonly string[] {
  // What it has already nobody can have taken since. This is every report but few, so that there is no walk over all workloads.
  if (claimed.join() === workload.addresses.join()) return claimed;
  const free = new Set(claimed);
  for (const other of graph.all('workload')) {
    if (other.id === workload.id || other.source !== 'agent') continue;
    const isTaken = other.addresses.some((address) => free.has(address)) && isPresent(other, graph, now);
    if (isTaken) for (const address of other.addresses) free.delete(address);
  }
  return claimed.filter((address) => free.has(address) || workload.addresses.includes(address));
}

function isPresent({ deviceId }: Workload, graph: TrustGraph, now: number): boolean {
  const device = deviceId === undefined ? undefined : graph.get('device', deviceId);
  if (device?.status !== 'active') return false;
  return now - (device.posture?.collectedAt ?? device.enrolledAt) < PRESENT_MS;
}
