/** A host as it is compared and decided on: lower-case, no trailing dot, the port apart. */
export interface CanonicalHost {
  readonly host: string;
  readonly port?: number;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const PORT = /^[1-9][0-9]{0,4}$/;

/** Fields as they were read before; clients send few different ones that are hosts. */
const hosts = new Map<string, CanonicalHost>();
const MOST_HOSTS = 1000;

/**
 * Reads a `Host` field into the one form hosts are compared in. Refuses (undefined) whatever two parsers could read
 * differently: user information, raw Unicode, NUL, underscores, empty labels, brackets, and ports outside 1 to 65535.
 * @see RFC 9110 section 7.2
 */
export function canonicalHost(field: string | undefined): CanonicalHost | undefined {
  if (field === undefined || field.length > 260) return undefined;
  const known = hosts.get(field);
  if (known !== undefined) return known;
  const host = readHost(field);
  // Who sends ever new hosts only makes us read each of them, and takes nobody else's place.
  if (host !== undefined && hosts.size < MOST_HOSTS) hosts.set(field, Object.freeze(host));
  return host;
}

function readHost(field: string): CanonicalHost | undefined {
  const colon = field.indexOf(':');
  const portText = colon === -1 ? undefined : field.slice(colon + 1);
  if (portText !== undefined && (!PORT.test(portText) || Number(portText) > 65_535)) return undefined;
  // Only ASCII is lowered: U+212A (Kelvin sign) must not become `k`.
  let host = (colon === -1 ? field : field.slice(0, colon)).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (host.endsWith('.')) host = host.slice(0, -1);
  if (host.length > 253 || !host.split('.').every((label) => LABEL.test(label))) return undefined;
  return portText === undefined ? { host } : { host, port: Number(portText) };
}

/** Writes a canonical host back as a `Host` field. */
export function hostField({ host, port }: CanonicalHost): string {
  return port === undefined ? host : `${host}:${port}`;
}
