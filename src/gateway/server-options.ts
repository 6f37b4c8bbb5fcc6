import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { ServerSessionOptions } from 'node:http2';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Options every listener in front of the gateway is made with, `http` and `https` alike: the strict parser, bounded time to send
 * a head, and an `upgrade` event for WebSockets only (`Upgrade: h2c` and others are ordinary requests whose upgrade is ignored).
 */
export const SERVER_OPTIONS: Readonly<ServerOptions> = {
  insecureHTTPParser: false,
  requireHostHeader: true,
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  // Uploads may take long; the gateway bounds how long a body may stand still instead.
  requestTimeout: 0,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  noDelay: true,
  shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
};

/**
 * Options of every HTTP/2 connection: what one client may hold in memory, and how often it may change its mind before the connection
 * is ended (attacks: rapid reset, floods of settings, pings and empty frames, heads without end).
 */
export const HTTP2_OPTIONS: Readonly<ServerSessionOptions> = {
  maxSessionMemory: 10,
  maxSettings: 16,
  maxHeaderListPairs: 128,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 200,
  streamResetRate: 20,
  strictSingleValueFields: false, // of what an app answers; requests are checked one by one
  settings: {
    enableConnectProtocol: true,
    maxConcurrentStreams: 100,
    maxHeaderListSize: 16_384,
    // What may arrive of one body before anybody reads it.
    initialWindowSize: 262_144,
  },
};

/** How long a connection may stand still, milliseconds. */
const IDLE_MS = 120_000;

/**
 * Sets what has no option: no header is dropped unseen, and no connection stays that never sends a request, never finishes its TLS
 * handshake or does not read what it is sent (attack: to hold file descriptors until nobody else gets one).
 */
export function hardenServer(server: Server | TlsServer, idleMs: number = IDLE_MS): { readonly endGently: () => void } {
  const endGently = endStalled(server, idleMs);
  // There is nothing to be said in the clear to somebody who speaks no TLS yet, and no end of saying it.
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  // Node drops headers beyond a count without a word; one that is not seen here would still have shaped the parsing.
  server.maxHeadersCount = 0;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    socket.end(
      `HTTP/1.1 ${timedOut ? '408 Request Timeout' : status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    socket.once('finish', () => socket.destroy());
  });
  return { endGently };
}

/**
 * Ends connections on which nothing moved for `idleMs`, unless their request is still being worked on and there is nothing to be read.
 * Returns how to end all of them gently: every answer that has not begun says that its connection ends with it.
 */
function endStalled(server: Server | TlsServer, idleMs: number): () => void {
  // By connection: what a set lets go of with each request stays in reach, and out of reach of the quick collection of garbage.
  const unanswered = new Map<Socket, ServerResponse[]>();
  let isEnding = false;
  const meet = (socket: Socket): ServerResponse[] => {
    const mine: ServerResponse[] = [];
    unanswered.set(socket, mine);
    socket.once('close', () => unanswered.delete(socket));
    return mine;
  };
  server.timeout = idleMs;
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (isEnding) response.shouldKeepAlive = false;
    const mine = unanswered.get(socket) ?? meet(socket);
    mine.push(response);
    response.once('close', () => mine.splice(mine.indexOf(response), 1));
  });
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    // Whoever takes the connection over also ends it.
    socket.setTimeout(0);
    if (server.listenerCount('upgrade') === 1) socket.destroy(); // nobody does
  });
  server.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0 || (unanswered.get(socket)?.length ?? 0) === 0) socket.destroy();
  });
  return () => {
    isEnding = true;
    for (const mine of unanswered.values()) {
      for (const response of mine) if (!response.headersSent) response.shouldKeepAlive = false;
    }
  };
}
