import type { Socket } from 'node:net';
import { type Exchange, type GatewayParts, refuse, type Stage, type StageResult } from '../exchange.ts';
import { canonicalHost } from '../host.ts';
import { canonicalTarget } from '../path.ts';

/** Method names that can be forwarded. CONNECT would open a tunnel, TRACE would echo cookies. */
const METHOD = /^(?!CONNECT$|TRACE$|TRACK$)[A-Z][A-Z-]{0,19}$/;

/** Finds the app by exact canonical host and reads the target into the one form that is decided on and forwarded. */
export const route: Stage = {
  name: 'route',
  run: (exchange, { graph, deviceOf }): StageResult => {
    const { client } = exchange;
    // Two hosts are two opinions about whom this is for (RFC 9112 section 3.2).
    const authority = canonicalHost(client.authority);
    if (authority === undefined) return refuse(400, 'request-malformed', 'the request needs exactly one valid `host`');
    exchange.authority = authority;
    // Browsers share one connection between hosts of one certificate; what was shown and asked for at its beginning was for one of them.
    if (exchange.asked === undefined && !isNamed(client.socket, authority.host)) return refuse(421, 'host-misdirected');
    const app = graph.appByHost(authority.host);
    if (app === undefined) return refuse(404, 'app-unknown');
    exchange.app = app;
    if (app.clientCertificate === 'required' && !hasCertificate(client.socket, deviceOf))
      return refuse(403, 'certificate-required');
    if (!METHOD.test(client.method)) return refuse(405, 'request-malformed', 'this method is not forwarded');
    return readTarget(exchange);
  },
};

/** True when the TLS connection was made for this host, or for none by name. */
function isNamed(socket: Socket, host: string): boolean {
  const name = serverName(socket);
  return name === undefined || name === host || canonicalHost(name)?.host === host;
}

function serverName(socket: Socket): string | undefined {
  return 'servername' in socket && typeof socket.servername === 'string' && socket.servername !== ''
    ? socket.servername
    : undefined;
}

/** True when the connection was made for a named host, and with the certificate of an active device. */
function hasCertificate(socket: Socket, deviceOf: GatewayParts['deviceOf']): boolean {
  return serverName(socket) !== undefined && deviceOf(socket) !== undefined;
}

function readTarget(exchange: Exchange): StageResult {
  const encoded = exchange.app?.encodedSlash === 'allow' ? 'slash' : undefined;
  const target = canonicalTarget(exchange.client.target, encoded);
  if (!target.ok) return refuse(400, 'path-refused', target.error);
  exchange.path = target.value.path;
  exchange.query = target.value.query;
  return undefined;
}
