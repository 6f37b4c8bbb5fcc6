import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** An application somebody runs: a page, and a WebSocket that counts. */
export interface Upstream {
  readonly url: string;
  /** Headers of the last request that arrived. */
  lastHeaders(): IncomingHttpHeaders | undefined;
  /** Requests that arrived so far, handshakes among them. */
  count(): number;
  close(): Promise<void>;
}

const PAGE = `<!doctype html><title>Wiki</title><h1>The wiki</h1><p id="state">not connected</p><script>
const state = document.getElementById('state');
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live');
socket.onopen = () => { state.textContent = 'connected'; };
socket.onclose = (event) => { window.closedAt = Date.now(); state.textContent = 'closed ' + event.code + ' ' + event.reason; };
</script>`;

/** Starts it on a free port of `host`. */
export async function startUpstream(host = '127.0.0.1'): Promise<Upstream> {
  let headers: IncomingHttpHeaders | undefined;
  let count = 0;
  const sockets = new Set<Duplex>();
  const server: Server = createServer((request, response) => {
    headers = request.headers;
    count += 1;
    response.setHeader('content-type', 'text/html').end(PAGE);
  });
  server.on('upgrade', (request, socket) => {
    headers = request.headers;
    count += 1;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    // RFC 6455, section 4.2.2
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://${host}:${port}`,
    lastHeaders: () => headers,
    count: () => count,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
