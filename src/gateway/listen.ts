import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { endSoftly } from './client/end-softly.ts';
import { http2Sessions, type OnStream } from './client/http2-sessions.ts';
import { hardenServer } from './server-options.ts';
import { endSlowClients } from './slow-clients.ts';

/** Who answers what a listener hears. */
export interface Hearers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Absent: HTTP/2 is not spoken. A TLS server that speaks it also has to offer it by ALPN. */
  readonly stream?: OnStream;
  /** What one connection may take. Absent: the defaults, and clients may be as slow as they like. */
  readonly limits?: ConnectionLimits;
}

/** What one connection may take. */
export interface ConnectionLimits {
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Streams open at once over HTTP/2. */
  readonly streamsPerConnection: number;
  /** A client that takes less than this for `slowClientMs` while data waits for it is ended. */
  readonly slowClientBytesPerSecond: number;
  readonly slowClientMs: number;
}

/** What a listener hears, as far as it can be ended. */
export interface Hearing {
  /** What is under way may end; clients are told to begin nothing more (`connection: close`, GOAWAY). */
  close(): void;
  /** Ends all connections of HTTP/2 at once; those of HTTP/1.1 are the server's. */
  destroy(): void;
}

/**
 * Hardens a server and lets the hearers hear all of it: requests, those that wait for 100 (the answerer says it when the body is
 * wanted, not before anybody was let in), requests for a WebSocket, and over TLS streams of HTTP/2.
 */
export function hear(server: Server | TlsServer, { request, upgrade, stream, limits }: Hearers): Hearing {
  const { endGently } = hardenServer(server);
  server.on('request', request).on('checkContinue', request).on('checkExpectation', request).on('upgrade', upgrade);
  const slowClients =
    limits === undefined ? undefined : { bytesPerSecond: limits.slowClientBytesPerSecond, ms: limits.slowClientMs };
  if (slowClients !== undefined) endSlowClients(server, slowClients);
  if (stream === undefined) return { close: endGently, destroy: () => undefined };
  const sessions = http2Sessions(stream, { ...limits, ...(slowClients === undefined ? {} : { slowClients }) });
  const overHttp1 = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    const { alpnProtocol } = socket;
    if (alpnProtocol === 'h2') sessions.begin(socket);
    // Whatever else was agreed on was over with the handshake (RFC 8737 section 3).
    else if (typeof alpnProtocol === 'string' && alpnProtocol !== 'http/1.1') {
      socket.on('error', () => socket.destroy());
      endSoftly(socket);
    } else for (const listener of overHttp1) listener.call(server, socket);
  });
  return {
    close: () => {
      endGently();
      sessions.close();
    },
    destroy: sessions.destroy,
  };
}
