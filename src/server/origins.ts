import type { Configuration } from '#config';
import type { Transport } from '#gateway';

/** Cordon's own hosts below a domain. */
export interface OwnHosts {
  readonly identity: string;
  readonly console: string;
  readonly agent: string;
  /** Where applications ask for decisions (AuthZEN). */
  readonly decisions: string;
}

/** Names of Cordon's own hosts. */
export function ownHosts({ domain }: Pick<Configuration, 'domain'>): OwnHosts {
  return {
    identity: `id.${domain}`,
    console: `console.${domain}`,
    agent: `agent.${domain}`,
    decisions: `authz.${domain}`,
  };
}

/** Hosts that people reach at a proxy which asks, and at which port; undefined: that of the scheme. */
interface Proxied {
  readonly has: (host: string) => boolean;
  readonly port: number | undefined;
}

/**
 * Makes the origin of a host on a listener, or at the proxy in front of it; without a transport on the one people are sent to: plain
 * HTTP where there is one (loopback only).
 */
export function originsOf(
  ports: { readonly http?: number; readonly tls?: number },
  proxied: Proxied = { has: () => false, port: undefined },
): (host: string, transport?: Transport) => string {
  return (host, transport = ports.http === undefined ? 'tls' : 'http') => {
    const own = ports[transport] ?? ports.tls ?? ports.http;
    const port = proxied.has(host) ? (proxied.port ?? (transport === 'tls' ? 443 : 80)) : own;
    // `URL` leaves out the port where it is the scheme's own.
    return new URL(`${transport === 'tls' ? 'https' : 'http'}://${host}:${port ?? 0}`).origin;
  };
}
