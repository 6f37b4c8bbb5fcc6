/**
 * Clients of the gateway's tests: HTTP, bytes as they are, and the client's half of a WebSocket on a raw socket.
 */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a client got. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How to ask. */
export interface Asking {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Asks over HTTP. */
export async function ask(
  port: number,
  { method = 'GET', path = '/', host = 'wiki.localhost', cookie, headers = {}, body }: Asking = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: { host: `${host}:${port}`, ...(cookie === undefined ? {} : { cookie }), ...headers },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends bytes and returns all that comes back until the other end closes, or for a second. */
export async function raw(port: number, text: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([closed, sleep(1000)]);
  socket.destroy();
  return answer;
}

/** The client's half of a WebSocket on a raw socket. */
export interface Client {
  readonly socket: Socket;
  /** Status line and fields of the answer to the handshake, and the body of a refusal. */
  readonly head: string;
  readonly status: number;
  /** Texts that came, in order. */
  readonly texts: string[];
  /** Resolves when the connection is over: with the close frame's code and reason, if one came. */
  readonly closed: Promise<{ readonly code?: number; readonly reason?: string; readonly at: number }>;
  send(text: string): void;
}

/** How to open a WebSocket. */
export interface Shaking {
  readonly path?: string;
  readonly host?: string;
  readonly cookie?: string;
  /** Instead of, or beside, what a browser on the app's own page sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens a WebSocket, by hand. Resolves when the handshake was answered or the connection closed. */
export async function openWebSocket(port: number, shaking: Shaking = {}): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  socket.write(handshake(port, shaking));
  let bytes = Buffer.alloc(0);
  let head = '';
  const { texts, close, feed } = readFrames();
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<{ code?: number; reason?: string; at: number }>();
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = head === '' ? bytes.indexOf('\r\n\r\n') : -1;
    if (end !== -1) {
      head = bytes.subarray(0, end).toString('latin1');
      bytes = bytes.subarray(end + 4);
    }
    if (!head.startsWith('HTTP/1.1 101')) return;
    opened.resolve();
    feed(bytes);
    bytes = Buffer.alloc(0);
  });
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    closed.resolve({ ...close(), at: performance.now() });
    opened.resolve();
  });
  await opened.promise;
  const isOpen = head.startsWith('HTTP/1.1 101');
  return {
    socket,
    head: isOpen ? head : `${head}\r\n\r\n${bytes.toString('latin1')}`,
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    texts,
    closed: closed.promise,
    send: (message) => socket.write(maskedText(message)),
  };
}

function handshake(port: number, { path = '/live', host = 'wiki.localhost', cookie, headers }: Shaking): string {
  const fields: Record<string, string> = {
    host: `${host}:${port}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    origin: `http://${host}:${port}`,
    ...(cookie === undefined ? {} : { cookie }),
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Reads the frames of one direction: the texts, and the close frame once it has come. */
export function readFrames(): {
  readonly texts: string[];
  readonly close: () => { readonly code?: number; readonly reason?: string };
  readonly feed: (chunk: Buffer) => void;
} {
  let bytes = Buffer.alloc(0);
  let close: { code?: number; reason?: string } = {};
  const texts: string[] = [];
  const feed = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let frame = takeFrame(bytes); frame !== undefined; frame = takeFrame(bytes)) {
      bytes = bytes.subarray(frame.size);
      const { opcode, payload } = frame;
      if (opcode === 8) close = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
      else texts.push(payload.toString());
    }
  };
  return { texts, close: () => close, feed };
}

function takeFrame(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const mask = (second & 0x80) === 0 ? 0 : 4; // an echo sends our own masked frames back
  if (bytes.length < 2 + extra + mask) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const start = 2 + extra + mask;
  if (bytes.length < start + length) return undefined;
  const key = bytes.subarray(start - mask, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (mask > 0) for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (key[i % 4] ?? 0);
  return { opcode: first & 0x0f, payload, size: start + length };
}

/** A text as a client sends it. */
export function maskedText(message: string): Buffer {
  const payload = Buffer.from(message);
  const key = Buffer.from([1, 2, 3, 4]);
  const masked = Buffer.from(payload.map((byte, index) => byte ^ (key[index % 4] ?? 0)));
  if (payload.length > 125) throw new Error('tests send short messages');
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), key, masked]);
}

/** Waits until something is true, at most two seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await sleep(5);
  }
  throw new Error(`waited in vain: ${what}`);
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
