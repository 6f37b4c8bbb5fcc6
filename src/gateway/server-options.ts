import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Server as TlsServer } from 'node:https';

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

/** Sets what has no option: no header is dropped unseen, and a connection that never sends a request does not stay. */
export function hardenServer(server: Server | TlsServer): void {
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
}
