import { HANDOFF } from '#gateway';
import type { App } from '#model';

/** The ways in which a probe looks for a way past the decision. */
export type ProbeKind =
  | 'anonymous'
  | 'ended-session'
  | 'identity-headers'
  | 'aliased-headers'
  | 'websocket'
  | 'foreign-host';

/** One request of somebody who may not see the app. */
export interface ProbeRequest {
  readonly kind: ProbeKind;
  /** The name in TLS, always that of the app; the `host` field may name another. */
  readonly serverName: string;
  readonly target: string;
  /** Alternating names and values, `host` first. */
  readonly headers: readonly string[];
}

/** True for a host that this Cordon answers at. */
export type IsOurs = (host: string) => boolean;

/** What identity is told with by proxies of the field, spelled as they spell it. */
const IDENTITY: readonly string[] = [
  ...['X-Forwarded-User', 'admin', 'X-Forwarded-Email', 'admin@localhost', 'X-Forwarded-Groups', 'admins'],
  ...['Remote-User', 'admin', 'X-Remote-User', 'admin', 'X-Auth-Request-User', 'admin', 'X-WEBAUTH-USER', 'admin'],
  ...['X-Goog-Authenticated-User-Email', 'accounts.google.com:admin@localhost', 'X-Cordon-User', 'admin'],
  ...['X-Forwarded-For', '127.0.0.1', 'X-Real-IP', '127.0.0.1', 'X-Original-URL', '/', 'X-HTTP-Method-Override', 'GET'],
];

/** The same in spellings that CGI, WSGI and PHP read as the same (attack: pass the filter, and mean the header; CVE-2025-64484). */
const ALIASED: readonly string[] = [
  ...['X_Forwarded_User', 'admin', 'x.auth.user', 'admin', 'Remote_User', 'admin', 'X_Cordon_Assertion', 'e30.e30.'],
];

/**
 * What an app is asked by those who may not see it. `token` is in the form of a session's and was never one: a gateway that keeps only
 * hashes of what is in force cannot tell one that never was from one that ended. (An account that may open every app, made only to be
 * ended, would be the best thing in the house to steal.)
 */
export function probesOf(
  { host, upstream }: Pick<App, 'host' | 'upstream'>,
  { token, scheme, isOurs }: { readonly token: string; readonly scheme: 'http' | 'https'; readonly isOurs: IsOurs },
): ProbeRequest[] {
  const probe = (kind: ProbeKind, ...headers: readonly string[]): ProbeRequest => {
    return { kind, serverName: host, target: '/', headers: ['Host', host, 'Accept', '*/*', ...headers] };
  };
  return [
    probe('anonymous'),
    probe('ended-session', 'Cookie', `${HANDOFF.cookie}=${token}`),
    probe('ended-session', 'Authorization', `Bearer ${token}`),
    probe('identity-headers', ...IDENTITY),
    probe('aliased-headers', ...ALIASED),
    probe('websocket', ...WEBSOCKET, 'Origin', `${scheme}://${host}`),
    ...foreignProbes(host, upstream, isOurs),
  ];
}

const WEBSOCKET: readonly string[] = [
  ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
  ...['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
];

/** Asks for the upstream by its own name, which a gateway must not know how to reach for whoever knows it. */
function foreignProbes(
  serverName: string,
  upstream: string | undefined,
  isOurs: (host: string) => boolean,
): ProbeRequest[] {
  const url = upstream === undefined ? null : URL.parse(upstream);
  if (url === null || isOurs(url.hostname)) return [];
  const headers = ['Host', url.host, 'Accept', '*/*'];
  return [
    { kind: 'foreign-host', serverName, target: '/', headers },
    { kind: 'foreign-host', serverName, target: `http://${url.host}/`, headers },
  ];
}
