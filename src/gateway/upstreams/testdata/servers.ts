/**
 * Servers of apps in tests: real sockets on loopback, closed after the tests of the file.
 */
import {
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type IncomingHttpHeaders,
  createServer as createHttp2,
  type Http2Server,
} from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** Listens on a free port, or the one given. */
async function listen(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A server of bytes. `connections` are all that were made, in order. */
export interface ByteServer {
  readonly port: number;
  readonly origin: string;
  readonly connections: Socket[];
  close(): void;
}

/** Serves bytes: `work` is called for each connection. */
export async function serveBytes(work: (socket: Socket, index: number) => void, port = 0): Promise<ByteServer> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    connections.push(socket);
    work(socket, connections.length - 1);
  });
  const bound = await listen(server, port);
  const close = (): void => {
    for (const socket of connections) socket.destroy();
    server.close();
  };
  after(close);
  return { port: bound, origin: `http://127.0.0.1:${bound}`, connections, close };
}

/** Serves HTTP/1.1: each request that arrives (a head that ends) is answered with what `answer` returns. */
export async function serveText(
  answer: (head: string, index: number) => string,
  port = 0,
): Promise<ByteServer & { readonly heads: string[] }> {
  const heads: string[] = [];
  const server = await serveBytes((socket, index) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        heads.push(text.slice(0, end));
        socket.write(answer(text.slice(0, end), index), 'latin1');
        text = text.slice(end + 4);
      }
    });
  }, port);
  return { ...server, heads };
}

/** A whole answer of HTTP/1.1. */
export function answerOf(body: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server of HTTP/2 with prior knowledge. */
export interface Http2TestServer {
  readonly origin: string;
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[];
  readonly arrivals: IncomingHttpHeaders[];
}

/** Serves HTTP/2: `work` is called for each stream. */
export async function serveHttp2(
  work: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, index: number) => void,
  options: Parameters<typeof createHttp2>[0] = {},
): Promise<Http2TestServer> {
  const server = createHttp2(options);
  const sessions: ServerHttp2Session[] = [];
  const arrivals: IncomingHttpHeaders[] = [];
  server.on('session', (session) => {
    session.on('error', () => undefined);
    sessions.push(session);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    arrivals.push(headers);
    work(stream, headers, arrivals.length - 1);
  });
  const port = await listen(server);
  after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${port}`, server, sessions, arrivals };
}

/** A frame of HTTP/2. @see RFC 9113 section 4.1 */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of four octets. */
export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** The frames of a whole head with status 200: HPACK's eighth static entry. */
export function okHead(stream: number, flags = 0x4): Buffer {
  return frame(1, flags, stream, Buffer.from([0x88]));
}

/** Serves HTTP/2 by hand: settings first, then `work` for each head that arrives. */
export async function serveFrames(
  work: (socket: Socket, stream: number, connection: number) => void,
  settings: Buffer = Buffer.alloc(0),
): Promise<ByteServer> {
  return await serveBytes((socket, index) => {
    let bytes = Buffer.alloc(0);
    let hasPreface = false;
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!hasPreface && bytes.length >= 24) {
        hasPreface = true;
        bytes = bytes.subarray(24);
        socket.write(frame(4, 0, 0, settings));
      }
      while (hasPreface && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const [type, stream] = [bytes[3], bytes.readUInt32BE(5)];
        const payload = bytes.subarray(9, 9 + length);
        const isAck = ((bytes[4] ?? 0) & 1) === 1;
        bytes = bytes.subarray(9 + length);
        if (type === 4 && !isAck) socket.write(frame(4, 1, 0));
        if (type === 6 && !isAck) socket.write(frame(6, 1, 0, payload));
        if (type === 1) work(socket, stream, index);
      }
    });
  });
}

/** Waits until something is true, at most five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return;
    await sleep(5);
  }
  throw new Error(`waited in vain: ${what}`);
}
