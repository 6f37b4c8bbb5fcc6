import { err, ok, type Result } from '#base';

/** The request that a proxy asks about, as the proxy's one source of metadata says. Nothing of it is checked yet but that it is there, once. */
export interface Original {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly target: string;
  /** `X-Forwarded-For`: addresses, the nearest hop last. */
  readonly forwardedFor: string;
}

/** The proxies that ask, each with its own contract. */
export const CONTRACTS = ['nginx', 'traefik', 'caddy', 'haproxy', 'envoy'] as const;
/** One of `CONTRACTS`. */
export type Contract = (typeof CONTRACTS)[number];

const FORWARDED: ReadonlySet<string> = new Set(['x-forwarded-method', 'x-forwarded-uri']);

/** What each proxy sets itself to describe the request, among the names that no client may send; the others are a client's own. */
export const DESCRIBED_BY: Readonly<Record<Contract, ReadonlySet<string>>> = {
  nginx: new Set(['x-original-url', 'x-original-method']),
  traefik: FORWARDED,
  caddy: FORWARDED,
  haproxy: FORWARDED,
  envoy: new Set(),
};

/** A sub-request as it came: its own method and target, and its fields in lower case with how often each was sent. */
export interface SubRequest {
  readonly method: string;
  /** What follows the name of the contract in its path. */
  readonly rest: string;
  readonly fields: Fields;
}

/** Finds a field that has to be there once. */
export interface Fields {
  once(name: string): Result<string, string>;
}

/**
 * Reads the original request from the one source that the contract has; what another proxy would have sent is not looked at
 * (attack: `X-Forwarded-Uri: /public` through a proxy that only sets `X-Original-URL`). The error says what is missing, doubled or malformed.
 */
export function readOriginal(contract: Contract, sub: SubRequest): Result<Original, string> {
  if (contract === 'envoy') return fromEnvoy(sub);
  // Only Envoy puts a path of its own behind the endpoint's; Caddy leaves the query where it was.
  if (sub.rest !== '' && !(contract === 'caddy' && sub.rest.startsWith('?')))
    return err('the endpoint has no path below it');
  if (contract === 'nginx') return fromNginx(sub);
  if (contract === 'caddy' && sub.method !== 'GET') return err('Caddy asks with GET');
  return fromForwarded(sub);
}

const ORIGINAL_URL = /^(https?):\/\/([^/?#@\\\s]+)(\/.*)$/;

/** `auth_request` of nginx sends what the configuration sets: `X-Original-URL` and `X-Original-Method`. */
function fromNginx({ fields }: SubRequest): Result<Original, string> {
  const read = all(fields, ['x-original-url', 'x-original-method', 'x-forwarded-for']);
  if (!read.ok) return read;
  const [url = '', method = '', forwardedFor = ''] = read.value;
  const [, scheme, authority = '', target = ''] = ORIGINAL_URL.exec(url) ?? [];
  if (!isScheme(scheme)) return err('`x-original-url` is not `$scheme://$http_host$request_uri`');
  return ok({ method, scheme, authority, target, forwardedFor });
}

/** ForwardAuth of Traefik and what took its names over. */
function fromForwarded({ fields }: SubRequest): Result<Original, string> {
  const names = ['method', 'proto', 'host', 'uri', 'for'].map((part) => `x-forwarded-${part}`);
  const read = all(fields, names);
  if (!read.ok) return read;
  const [method = '', scheme, authority = '', target = '', forwardedFor = ''] = read.value;
  if (!isScheme(scheme)) return err('`x-forwarded-proto` is neither `http` nor `https`');
  return ok({ method, scheme, authority, target, forwardedFor });
}

/** `ext_authz` of Envoy over HTTP: method, host and path, behind the prefix, are those of the original. */
function fromEnvoy({ method, rest, fields }: SubRequest): Result<Original, string> {
  const read = all(fields, ['host', 'x-forwarded-proto', 'x-forwarded-for']);
  if (!read.ok) return read;
  const [authority = '', scheme, forwardedFor = ''] = read.value;
  if (!isScheme(scheme)) return err('`x-forwarded-proto` is neither `http` nor `https`');
  if (!rest.startsWith('/')) return err('the path of the original request is missing');
  return ok({ method, scheme, authority, target: rest, forwardedFor });
}

function all(fields: Fields, names: readonly string[]): Result<readonly string[], string> {
  const values: string[] = [];
  for (const name of names) {
    const value = fields.once(name);
    if (!value.ok) return value;
    values.push(value.value);
  }
  return ok(values);
}

/** True for the schemes a proxy may have been asked over. */
export function isScheme(text: string | undefined): text is Original['scheme'] {
  return text === 'http' || text === 'https';
}

/** The fields of a head as alternating names and values, as Node gives them. */
export function fieldsOf(rawHeaders: readonly string[]): Fields {
  return {
    once: (name) => {
      let found: string | undefined;
      for (let i = 0; i < rawHeaders.length; i += 2) {
        if (rawHeaders[i]?.length !== name.length || rawHeaders[i]?.toLowerCase() !== name) continue;
        if (found !== undefined) return err(`\`${name}\` was sent more than once`);
        found = rawHeaders[i + 1] ?? '';
      }
      return found === undefined || found === '' ? err(`\`${name}\` is missing`) : ok(found);
    },
  };
}
