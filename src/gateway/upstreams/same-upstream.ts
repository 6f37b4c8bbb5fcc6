import { canonicalJson } from '#base';
import type { App } from '#model';

/** True when two states of an app are reached in the same way: same servers, same protocol, same demands on TLS. */
export function isSameUpstream(one: App, other: App): boolean {
  if (one.upstream !== other.upstream) return false;
  return one.upstreamOptions === other.upstreamOptions || wayOf(one) === wayOf(other);
}

/** How well a server is says nothing about what is open on it. */
function wayOf({ upstreamOptions = {} }: App): string {
  const { healthPath: _, ...way } = upstreamOptions;
  return canonicalJson(way);
}
