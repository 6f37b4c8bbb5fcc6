import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { UpstreamFault } from './fault.ts';

/** Where to dial, and what to show and to believe there. */
export interface Destination {
  /** Name or address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** How long all of it may take, TLS included, milliseconds. */
  readonly timeoutMs: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsTerms;
}

/** What TLS towards an upstream demands and offers. */
export interface TlsTerms {
  /** The name that the certificate must be for. */
  readonly serverName: string;
  /** The authorities believed, and what is shown; absent: those that Node believes, and nothing. */
  readonly context?: SecureContext | undefined;
  /** What is offered by ALPN. */
  readonly protocol: 'http/1.1' | 'h2';
}

/**
 * Opens a connection to an upstream; over TLS it is proven before this resolves. Refuses with `upstream-timeout`, `upstream-untrusted`,
 * `upstream-invalid` (no TLS) and `upstream-unreachable`. Nothing is resumed from an earlier session: the name in a certificate is checked on every handshake, and
 * Node checks it on whole ones only.
 */
export async function dial({ hostname, port, timeoutMs, tls }: Destination): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = tls === undefined ? connectTcp({ host: hostname, port }) : openTls(hostname, port, tls);
    const timer = setTimeout(() => {
      socket.destroy(new UpstreamFault('upstream-timeout', `no connection within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.setNoDelay(true);
    // Stays on: an error between two owners of the socket must not end the process.
    socket.on('error', (error: Error) => {
      clearTimeout(timer);
      reject(faultOf(error, socket));
    });
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new UpstreamFault('upstream-unreachable', 'the connection was closed at once'));
    });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

function openTls(host: string, port: number, { serverName, context, protocol }: TlsTerms): TLSSocket {
  return connectTls({
    host,
    port,
    // SNI carries names only (RFC 6066 section 3); an address is checked against the certificate all the same.
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_host, shown) => checkServerIdentity(serverName, shown),
    ALPNProtocols: [protocol],
    rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
    ...(context === undefined ? {} : { secureContext: context }),
  });
}

/** The other end speaks no TLS, or no protocol that was offered. */
const NO_TLS = /^ERR_SSL_.*(?:NO_APPLICATION_PROTOCOL|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/;

function faultOf(error: Error, socket: Socket): UpstreamFault {
  if (error instanceof UpstreamFault) return error;
  const code = 'code' in error ? String(error.code) : '';
  const message = `${code} ${error.message}`.trim();
  // Node sets this only when it has judged the certificate.
  const judged = 'authorizationError' in socket && Boolean(socket.authorizationError);
  if (judged) return new UpstreamFault('upstream-untrusted', message);
  if (NO_TLS.test(code)) return new UpstreamFault('upstream-invalid', message);
  return new UpstreamFault(code === 'ETIMEDOUT' ? 'upstream-timeout' : 'upstream-unreachable', message);
}
