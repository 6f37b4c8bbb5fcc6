import { err, ok, type Result } from '#base';

/** Fields that end at each hop. @see RFC 9110 section 7.6.1 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  // Each hop opens its own WebSocket.
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-accept',
]);

/** Fields of which two different values would let us and the upstream read different ones. */
const SINGLETONS: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'proxy-authorization',
  'content-length',
  'content-type',
  'transfer-encoding',
  'origin',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-fetch-mode',
  'sec-fetch-site',
]);

/** A `Connection` field may not take these away from the upstream (attack: drop `authorization` or `origin` on the way). */
const NEVER_NOMINATED =
  /^(?:host|authorization|cookie|origin|date|cache-control|if-.*|range|content-.*|sec-.*|x-cordon-.*)$/;

/** Names that upstreams and other proxies read as identity, as the client's address or as the original request. */
const IDENTITY_PREFIXES = [
  'x-cordon-',
  'x-forwarded-',
  'x-auth-',
  'x-authenticated-',
  'x-remote-',
  'remote-',
  'x-envoy-',
  'x-goog-',
  'x-amzn-oidc-',
  'x-ms-client-',
  'x-ms-token-',
  'cf-access-',
  'cf-connecting-',
  'x-pomerium-',
  'x-authentik-',
  'x-vouch-',
  'x-webauth-',
  'x-ssl-',
  'ssl-client-',
  'x-client-cert',
  'x-original-',
  'tailscale-',
] as const;

const IDENTITY_NAMES: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'client-ip',
  'true-client-ip',
  'fastly-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'x-user',
  'x-user-id',
  'x-email',
  'x-groups',
  'x-roles',
  'x-host',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'proxy',
]);

/** How the names of headers are compared: what CGI, WSGI and PHP make equal is equal. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** True when only Cordon may set a header of this name. */
export function isIdentityHeader(name: string): boolean {
  const normal = normalName(name);
  return IDENTITY_NAMES.has(normal) || IDENTITY_PREFIXES.some((prefix) => normal.startsWith(prefix));
}

/** What becomes of a field because of its name. */
interface NameRule {
  readonly name: string;
  readonly isAllowed: boolean;
  /** A bit of its own for a name that may come once; 0 for others. */
  readonly single: number;
  readonly isDropped: boolean;
}

/** Rules of names as they were sent; clients send few different ones. */
const nameRules = new Map<string, NameRule>();
const MOST_NAME_RULES = 1000;

function ruleOf(sent: string): NameRule {
  const known = nameRules.get(sent);
  if (known !== undefined) return known;
  const name = sent.toLowerCase();
  const rule = {
    name,
    isAllowed: /^[a-z0-9-]+$/.test(name),
    single: SINGLETONS.has(name) ? 1 << [...SINGLETONS].indexOf(name) : 0,
    isDropped: name === 'host' || HOP_BY_HOP.has(name) || isIdentityHeader(name),
  };
  // Who sends ever new names only makes us read each of them, and takes nobody else's rule away.
  if (nameRules.size < MOST_NAME_RULES && name.length <= 64) nameRules.set(sent, rule);
  return rule;
}

/** Name and value of every field to forward, alternating, without anything hop-by-hop, ours, or `host`. */
export type FieldList = string[];

/** Cookies only Cordon reads. They never reach an upstream, and no upstream may set them. */
const OWN_COOKIE = /^(?:__host-|__secure-)?cordon[_-]/i;

/**
 * Checks the fields a client sent and returns the ones to forward. Refuses names outside `[A-Za-z0-9-]` (an upstream
 * would read `X_Forwarded_User` or `X.Forwarded.User` as `X-Forwarded-User`; CVE-2025-64484), control characters in
 * values, and repeated singletons; drops the identity set and hop-by-hop fields. `keepLength` keeps `content-length`.
 */
export function forwardable(
  rawHeaders: readonly string[],
  { keepLength }: { readonly keepLength: boolean },
): Result<FieldList, string> {
  let seen = 0;
  let nominated: Set<string> | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { name, isAllowed, single } = ruleOf(rawHeaders[i] ?? '');
    const value = rawHeaders[i + 1] ?? '';
    if (!isAllowed) return err(`the header name \`${printable(name)}\` may only hold letters, digits and \`-\``);
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return err(`the header \`${name}\` holds a control character`);
    if ((seen & single) !== 0) return err(`the header \`${name}\` may be sent only once`);
    seen |= single;
    if (name !== 'connection') continue;
    nominated ??= new Set();
    for (const token of value.split(',')) nominated.add(token.trim().toLowerCase());
  }
  const fields: FieldList = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { name, isDropped } = ruleOf(rawHeaders[i] ?? '');
    if (isDropped) continue;
    if (name === 'content-length' && !keepLength) continue;
    if (nominated?.has(name) === true && !NEVER_NOMINATED.test(name)) continue;
    const value = name === 'cookie' ? withoutOwnCookies(rawHeaders[i + 1] ?? '') : (rawHeaders[i + 1] ?? '');
    if (name !== 'cookie' || value !== '') fields.push(name, value);
  }
  return ok(fields);
}

/** The fields of an upstream's response to pass on: nothing hop-by-hop, nothing in Cordon's name, no cookie of Cordon's. */
export function returnable(raw: readonly (Buffer | string)[]): FieldList {
  const fields: FieldList = [];
  let nominated: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = text(raw[i]).toLowerCase();
    if (name === 'connection')
      nominated = new Set(
        text(raw[i + 1])
          .toLowerCase()
          .split(/\s*,\s*/),
      );
  }
  for (let i = 0; i < raw.length; i += 2) {
    const name = text(raw[i]);
    const lower = name.toLowerCase();
    // `alt-svc` would lead browsers past this gateway.
    if (HOP_BY_HOP.has(lower) || lower.startsWith('x-cordon-') || lower === 'alt-svc') continue;
    if (nominated?.has(lower) === true && !NEVER_NOMINATED.test(lower)) continue;
    const value = text(raw[i + 1]);
    // An upstream that could set our cookie could sign its visitor in as someone else. `=name=value` has no name for us,
    // but comes back as `name=value`.
    if (lower === 'set-cookie' && OWN_COOKIE.test(value.replace(/^[\s=]+/, ''))) continue;
    fields.push(name, value);
  }
  return fields;
}

/** Fields that say who asks, where to, or how long something is: after a body nobody reads them as such, or everybody differently. */
const NEVER_AFTER =
  /^(?:host|authorization|cookie|set-cookie|origin|date|age|expires|vary|location|retry-after|cache-control|www-authenticate|if-.*|range|max-forwards|content-.*|sec-.*|access-control-.*|impersonate-.*)$/;

/**
 * The fields to pass on after a body, in either direction: nothing that only a head may say (RFC 9110 section 6.5.1), nothing
 * hop-by-hop, nothing in Cordon's name or in that of an identity (attack: to say behind the body what is taken away before it).
 */
export function trailing(raw: readonly (Buffer | string)[]): FieldList {
  const fields: FieldList = [];
  for (let i = 0; i < raw.length; i += 2) {
    const { name, isAllowed, isDropped } = ruleOf(text(raw[i]));
    const value = text(raw[i + 1]);
    if (!isAllowed || isDropped || NEVER_AFTER.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) continue;
    fields.push(name, value);
  }
  return fields;
}

/** The fields without those of some names, which are in lower case. */
export function withoutNames(fields: readonly string[], names: ReadonlySet<string>): FieldList {
  const left: FieldList = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (!names.has(name.toLowerCase())) left.push(name, fields[i + 1] ?? '');
  }
  return left;
}

/**
 * Fields by name in lower case, each with all its values. Without a prototype, whose members have names as well (attack: a field that is
 * called `constructor`).
 */
export function byName(fields: readonly string[]): Record<string, string[]> {
  const object = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < fields.length; i += 2) (object[(fields[i] ?? '').toLowerCase()] ??= []).push(fields[i + 1] ?? '');
  return object;
}

/** Values of a cookie in `Cookie` fields, in order. More than one means that somebody tossed a cookie at us. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = [];
  for (const part of header?.split(';') ?? []) {
    const equals = part.indexOf('=');
    if (equals !== -1 && part.slice(0, equals).trim() === name) values.push(part.slice(equals + 1).trim());
  }
  return values;
}

function withoutOwnCookies(header: string): string {
  if (!/cordon/i.test(header)) return header;
  return header
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !OWN_COOKIE.test(part))
    .join('; ');
}

function printable(name: string): string {
  return name.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}

function text(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '');
}
