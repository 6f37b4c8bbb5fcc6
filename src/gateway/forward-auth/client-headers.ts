import { isIdentityHeader, normalName } from '../headers.ts';

/** Names of the identity set that proxies send by themselves: where the request came from, never who sent it. */
const OF_PROXIES: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-forwarded-prefix',
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-real-ip',
  'forwarded',
  'x-client-ip',
  'client-ip',
  'true-client-ip',
  'fastly-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
]);

const known = new Map<string, boolean>();
const MOST_KNOWN = 1000;

/**
 * True for a header that says who is there, or asks for something else than was decided on, and that only a client can have sent.
 * The gateway takes such a header away. A proxy that asks sends the client's own fields on, and most contracts have no way to name
 * one that must not be, so there the request is refused: what does not pass cannot be believed.
 */
export function saysWhoIsThere(name: string): boolean {
  const seen = known.get(name);
  if (seen !== undefined) return seen;
  const isForeign = isIdentityHeader(name) && !OF_PROXIES.has(normalName(name));
  if (known.size < MOST_KNOWN) known.set(name, isForeign);
  return isForeign;
}

/** The names, as sent, of such headers in a head of alternating names and values. */
export function identityNames(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((name, index) => index % 2 === 0 && saysWhoIsThere(name));
}
