/**
 * The app behind the gateway in tests: notes what arrives, and answers as the test says.
 */
import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What an upstream got. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  body: string;
}

/** How the app behaves; by default it says hello, and returns a WebSocket's bytes. */
export interface UpstreamOptions {
  readonly upstream?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void;
  /** Instead of HTTP: what speaks on the sockets. */
  readonly rawUpstream?: (socket: Socket) => void;
}

/** Makes the app behind the gateway; every request is noted in `arrivals`. */
export function upstreamServer({ upstream, onUpgrade, rawUpstream }: UpstreamOptions, arrivals: Arrival[]): Server {
  const server = createServer((incoming, response) => {
    const arrival = noteArrival(incoming, arrivals);
    if (upstream !== undefined) {
      upstream(incoming, response);
      return;
    }
    incoming.on('data', (chunk: Buffer) => (arrival.body += chunk.toString()));
    incoming.on('end', () => response.end(`hello from the app: ${incoming.url ?? ''}`));
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
    noteArrival(incoming, arrivals);
    socket.on('error', () => socket.destroy());
    (onUpgrade ?? acceptEcho)(incoming, socket);
  });
  if (rawUpstream !== undefined) {
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => socket.destroy());
      rawUpstream(socket);
    });
  }
  return server;
}

function noteArrival(incoming: IncomingMessage, arrivals: Arrival[]): Arrival {
  const { method = '', url = '', rawHeaders, headers } = incoming;
  const arrival: Arrival = { method, target: url, rawHeaders, headers, body: '' };
  arrivals.push(arrival);
  return arrival;
}

/** Accepts a WebSocket as RFC 6455 says, and returns bytes as they come. */
function acceptEcho(incoming: IncomingMessage, socket: Duplex): void {
  accept(incoming, socket);
  socket.on('data', (chunk: Buffer) => socket.write(chunk));
}

/** The server's half of the WebSocket handshake. */
export function accept(incoming: IncomingMessage, socket: Duplex, extra = ''): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${acceptOf(
      incoming.headers['sec-websocket-key'] ?? '',
    )}\r\n${extra}\r\n`,
  );
}

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** Listens on a free port of loopback. */
export async function listen<S extends NetServer>(server: S): Promise<S> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The port a server listens on. */
export function portOf(server: NetServer): number {
  return (server.address() as AddressInfo).port;
}
