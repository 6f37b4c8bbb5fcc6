/**
 * The TLS listener of a world, and clients that speak HTTP/2 with it.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { createServer, type Server } from 'node:https';
import { after, afterEach, before } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { systemClock } from '#base';
import { type Authority, createAuthority, type ServerCertificate } from '#devices';
import { hear, SERVER_OPTIONS } from '#gateway';
import { openStore, type Store } from '#store';
import { listen, portOf } from './upstream.ts';
import { readFrames } from './wire.ts';
import type { World } from './world.ts';

/** Names that the listener's certificate is for. */
const NAMES = ['wiki.localhost', 'verify.localhost', 'docs.localhost', 'localhost'];

let store: Store | undefined;
let authority: Authority | undefined;
let own: ServerCertificate | undefined;
before(async () => {
  store = await openStore({ path: ':memory:', clock: systemClock });
  authority = await createAuthority({ store, clock: systemClock });
  own = await authority.issueServer(NAMES);
});
after(async () => await store?.close());

const undone: (() => void)[] = [];
afterEach(() => {
  for (const undo of undone.splice(0)) undo();
});

/** A listener over TLS that ends with the test. */
export interface TlsListener {
  readonly port: number;
  readonly ca: string;
  /** A TLS connection with that name and those protocols; the name `''` sends none. */
  socket(options?: SocketOptions): Promise<TLSSocket>;
  /** A connection that speaks HTTP/2. */
  session(name?: string, options?: Pick<SocketOptions, 'isCertified'>): Promise<ClientHttp2Session>;
}

/** How to connect. */
export interface SocketOptions {
  readonly name?: string;
  readonly protocols?: readonly string[];
  /** Shows a certificate of Cordon's authority. */
  readonly isCertified?: boolean;
}

/** Lets the world's gateway listen over TLS too. */
export async function listenTls({ gateway }: World): Promise<TlsListener> {
  const { certificate: cert = '', key = '' } = own ?? {};
  const server: Server = createServer({
    ...SERVER_OPTIONS,
    cert,
    key,
    ca: authority?.certificate ?? '',
    requestCert: true,
    rejectUnauthorized: false,
    ALPNCallback: ({ protocols }) => ['h2', 'http/1.1'].find((name) => protocols.includes(name)),
  });
  const sessions = hear(server, { request: gateway.handle, upgrade: gateway.upgrade, stream: gateway.stream });
  await listen(server);
  undone.push(() => {
    sessions?.destroy();
    server.closeAllConnections();
    server.close();
  });
  const port = portOf(server);
  const ca = authority?.certificate ?? '';
  const socket: TlsListener['socket'] = async ({
    name = 'wiki.localhost',
    protocols = ['h2'],
    isCertified = false,
  } = {}) => {
    const made = connectTls({
      host: '127.0.0.1',
      port,
      ca,
      ...(name === '' ? { checkServerIdentity: () => undefined } : { servername: name }),
      ALPNProtocols: [...protocols],
      ...(isCertified ? { cert, key } : {}),
    });
    made.on('error', () => undefined);
    undone.push(() => made.destroy());
    await new Promise((resolve, reject) => made.once('secureConnect', resolve).once('error', reject));
    return made;
  };
  return {
    port,
    ca,
    socket,
    session: async (name, options = {}) => {
      const below = await socket(name === undefined ? options : { ...options, name });
      const session = connectHttp2(`https://${name ?? 'wiki.localhost'}`, { createConnection: () => below });
      session.on('error', () => undefined);
      undone.push(() => session.destroy());
      await new Promise((resolve) => session.once('remoteSettings', resolve));
      return session;
    },
  };
}

/** What came back on a stream. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly informed: readonly number[];
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** Code that the stream was closed with; 0 when it ended well. */
  readonly code: number;
}

/** Follows a stream to its end. */
export async function answerOf(stream: ClientHttp2Stream): Promise<StreamAnswer> {
  let headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
  let trailers: IncomingHttpHeaders = {};
  let body = '';
  const informed: number[] = [];
  stream.on('headers', (fields) => informed.push(Number(fields[':status'])));
  stream.on('response', (fields: typeof headers) => (headers = fields));
  stream.on('trailers', (fields: IncomingHttpHeaders) => (trailers = fields));
  stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { status: Number(headers[':status'] ?? 0), headers, informed, body, trailers, code: stream.rstCode ?? -1 };
}

/** Asks and waits for the whole answer. */
export async function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<StreamAnswer> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return await answerOf(stream);
}

/** A WebSocket on a stream. */
export interface StreamSocket {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly texts: readonly string[];
  /** Resolves when the stream is over, with the close frame's code and reason if one came, and with the stream's code. */
  readonly closed: Promise<{ readonly code?: number; readonly reason?: string; readonly reset: number }>;
}

/** Opens a WebSocket by extended CONNECT (RFC 8441). */
export async function webSocketOver(session: ClientHttp2Session, headers: OutgoingHttpHeaders): Promise<StreamSocket> {
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/live',
    ':scheme': 'https',
    'sec-websocket-version': '13',
    origin: 'https://wiki.localhost',
    ...headers,
  });
  const { texts, close, feed } = readFrames();
  stream.on('data', feed).on('error', () => undefined);
  stream.on('end', () => stream.end());
  const closed = new Promise<{ code?: number; reason?: string; reset: number }>((resolve) => {
    stream.once('close', () => resolve({ ...close(), reset: stream.rstCode ?? -1 }));
  });
  const answered = await new Promise<IncomingHttpHeaders & { ':status'?: number }>((resolve) => {
    stream.once('response', resolve).once('close', () => resolve({}));
  });
  return { stream, status: Number(answered[':status'] ?? 0), headers: answered, texts, closed };
}
