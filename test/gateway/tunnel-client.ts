/**
 * The client's half of a tunnel, for tests: a program's socket on this side, the gateway on the other.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach } from 'node:test';
import { joinTunnel, TUNNEL, type TunnelEnd } from '#wire';
import type { World } from './world.ts';

/** A tunnel that was opened, or refused. */
export interface OpenedTunnel {
  readonly status: number;
  /** What the gateway said to a refused one. */
  readonly body: string;
  /** What a program talks to; it is closed when there is no tunnel. */
  readonly near: Socket;
  readonly frames: Duplex;
  readonly end: Promise<TunnelEnd>;
}

/** How to open one. */
export interface TunnelAsking {
  readonly host?: string;
  readonly cookie?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const open = new Set<Socket>();
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

/** Opens a tunnel over HTTP/1.1; what is open is closed with the test. */
export async function openTunnel(port: number, asking: TunnelAsking = {}): Promise<OpenedTunnel> {
  const { host = 'db.localhost', cookie, path = TUNNEL.path, headers } = asking;
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    headers: {
      host: `${host}:${port}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      origin: `http://${host}:${port}`,
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': TUNNEL.protocol,
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
  }).end();
  const [local, near] = await socketPair();
  const { promise: end, resolve } = Promise.withResolvers<TunnelEnd>();
  return await new Promise((settle, reject) => {
    outgoing.on('error', reject);
    outgoing.on('upgrade', (response, frames, head) => {
      if (head.length > 0) frames.unshift(head);
      joinTunnel({ frames, socket: local, role: 'client', onEnd: resolve });
      settle({ status: response.statusCode ?? 0, body: '', near, frames, end });
    });
    outgoing.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        local.destroy();
        near.destroy();
        settle({ status: response.statusCode ?? 0, body, near, frames: response.socket, end });
      });
    });
  });
}

/** Both ends of a TCP connection. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const one = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [other] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [one, other]) open.add(socket.on('error', () => undefined));
  return [one, other];
}

/** A TCP server of the test, and the app in front of it. */
export interface TcpApp {
  readonly port: number;
  readonly sockets: Socket[];
  close(): void;
}

/** Puts a TCP app `db.localhost` into the world. By default it returns what it gets. */
export async function tcpApp(made: World, serve: (socket: Socket) => void = echo): Promise<TcpApp> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  made.put('app', {
    id: 'app_db',
    name: 'Database',
    host: 'db.localhost',
    upstream: `tcp://127.0.0.1:${port}`,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
  });
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, sockets, close };
}

function echo(socket: Socket): void {
  socket.pipe(socket);
}
