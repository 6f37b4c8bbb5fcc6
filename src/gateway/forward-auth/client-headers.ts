import { isIdentityHeader, normalName } from '../headers.ts';

/** Names of the identity set that proxies send by themselves: where the request came from, never who sent it. */
const OF_PROXIES: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-prefix',
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

/**
 * Names in which a proxy describes the request that it asks about. Each contract has its own; to every other application they are another
 * path or method than the one that is decided on (attack: `X-Original-URL: /admin`, which Symfony, Zend and IIS have taken for the path).
 */
const DESCRIPTIONS: ReadonlySet<string> = new Set([
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-original-url',
  'x-original-uri',
  'x-original-method',
]);

/** What a name is: a client's own affair, a description of the request, or a statement that a client may not make. */
type Kind = 'plain' | 'description' | 'foreign';

const known = new Map<string, Kind>();
const MOST_KNOWN = 1000;
/** Longer names are read each time, so that nobody fills memory with them. */
const LONGEST_KNOWN = 64;

/** No contract at all. */
const NOTHING: ReadonlySet<string> = new Set();

function kindOf(name: string): Kind {
  const seen = known.get(name);
  if (seen !== undefined) return seen;
  const normal = normalName(name);
  const isForeign = isIdentityHeader(name) && !OF_PROXIES.has(normal);
  const kind = DESCRIPTIONS.has(normal) ? 'description' : isForeign ? 'foreign' : 'plain';
  if (known.size < MOST_KNOWN && name.length <= LONGEST_KNOWN) known.set(name, kind);
  return kind;
}

/**
 * True for a header that says who is there, or asks for something else than was decided on, and that only a client can have sent: not one
 * of `describedBy`, which the asking proxy sets itself. The gateway takes such a header away. A proxy that asks sends the client's own
 * fields on, and most contracts have no way to name one that must not be, so there the request is refused: what does not pass cannot be
 * believed.
 */
export function saysWhoIsThere(name: string, describedBy = NOTHING): boolean {
  const kind = kindOf(name);
  return kind === 'foreign' || (kind === 'description' && !describedBy.has(name.toLowerCase()));
}

/** The names, as sent, of such headers in a head of alternating names and values. */
export function identityNames(rawHeaders: readonly string[], describedBy = NOTHING): string[] {
  const names: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (saysWhoIsThere(name, describedBy)) names.push(name);
  }
  return names;
}
