/**
 * A gateway on loopback with everything real but the clock's pace: trust graph, policies, HTTP servers. The journal is a list, so that
 * tests can read it; the crash tests have the real one.
 */
import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, hashToken, type ManualClock, manualClock, newToken } from '#base';
import {
  createAssertionSigner,
  createGateway,
  type Gateway,
  type GatewayOptions,
  hardenServer,
  SERVER_OPTIONS,
} from '#gateway';
import {
  type App,
  type Device,
  type EntityKind,
  type EntityOf,
  type OcsfEvent,
  type Session,
  TrustGraph,
  type User,
} from '#model';
import { type ActivePolicies, loadPolicies } from '#policy';

/** When tests with their own clock begin. */
export const START: number = Date.UTC(2026, 10, 24, 12);

/** Lets engineering open every app; nobody else anything. */
export const ENGINEERING = `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource);
`;

/** Policies from one file that must be good. */
export function policiesOf(text: string, version = 1): ActivePolicies {
  const loaded = loadPolicies({ texts: { 'access.cedar': text }, version });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error, undefined, 1));
  return loaded.value;
}

/** What an upstream got. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  body: string;
}

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

/** A world of tests. */
export interface World {
  readonly graph: TrustGraph;
  readonly gateway: Gateway;
  readonly clock: ManualClock;
  readonly events: OcsfEvent[];
  readonly errors: unknown[];
  readonly arrivals: Arrival[];
  readonly port: number;
  /** Set to false to make the journal fail. */
  isWritable: boolean;
  /** Age of the replica, milliseconds. */
  replicaAgeMs: number | undefined;
  put<K extends EntityKind>(kind: K, body: EntityOf[K]): void;
  patch<K extends EntityKind>(kind: K, id: string, change: Partial<EntityOf[K]>): void;
  remove(kind: EntityKind, id: string): void;
  activate(text: string): void;
  /** Makes a session of the person and its cookie on the host. */
  signIn(input?: { user?: string; host?: string; session?: Partial<Session> }): string;
  ask(asking?: Asking): Promise<Answer>;
  raw(text: string | Buffer): Promise<string>;
  webSocket(input?: {
    path?: string;
    host?: string;
    cookie?: string;
    headers?: Readonly<Record<string, string>>;
  }): Promise<Client>;
  close(): Promise<void>;
}

/** What to make different. */
export interface WorldOptions {
  readonly policies?: string;
  readonly apps?: readonly Partial<App>[];
  readonly upstream?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void;
  readonly clock?: Clock;
  readonly options?: Partial<GatewayOptions>;
  /** Instead of an HTTP server: what speaks on the upstream's sockets. */
  readonly rawUpstream?: (socket: Socket) => void;
}

/** Ada, of engineering, whom the policies let in. */
export const ADA: User = {
  id: 'usr_ada',
  email: 'ada@example.org',
  name: 'Ada',
  groups: ['engineering'],
  status: 'active',
  createdAt: START,
};
/** Bob, of sales, whom they do not. */
export const BOB: User = { ...ADA, id: 'usr_bob', email: 'bob@example.org', name: 'Bob', groups: ['sales'] };
/** Ada's laptop: managed, healthy, just checked. */
export const LAPTOP: Device = {
  id: 'dev_ada',
  name: "Ada's laptop",
  form: 'agent',
  ownerId: 'usr_ada',
  status: 'active',
  managed: true,
  enrolledAt: START,
  posture: {
    collectedAt: START,
    verdict: 'healthy',
    results: [{ check: 'firewall', title: 'Firewall', outcome: 'pass', detail: 'on' }],
  },
};

/** Makes the world. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const clock = manualClock(START);
  const graph = new TrustGraph();
  const arrivals: Arrival[] = [];
  const upstream = await listen(upstreamServer(options, arrivals));
  const upstreamPort = portOf(upstream);
  graph.load({ seq: 1, entities: [] });
  const state = { policies: policiesOf(options.policies ?? ENGINEERING), version: 1 };
  const events: OcsfEvent[] = [];
  const errors: unknown[] = [];
  const journal = {
    append: async (event: OcsfEvent): Promise<void> => {
      await Promise.resolve();
      if (!world.isWritable) throw new Error('the disk is full');
      events.push(event);
    },
    get writable(): boolean {
      return world.isWritable;
    },
  };
  const gateway = createGateway({
    graph,
    policies: () => state.policies,
    journal,
    clock: options.clock ?? clock,
    assertion: createAssertionSigner({ clock: options.clock ?? clock }),
    handoff: { redeem: () => Promise.reject(new Error('no hand-off in this test')) },
    identityOrigin: 'http://id.localhost:8080',
    deviceOf: () => undefined,
    staleness: () => world.replicaAgeMs ?? 0,
    onError: (error) => errors.push(error),
    ...options.options,
  });
  const server = createServer({ ...SERVER_OPTIONS }, (incoming, response) => {
    gateway.handle(incoming, response);
  });
  server.on('upgrade', (incoming, socket, head) => {
    gateway.upgrade(incoming, socket, head);
  });
  hardenServer(server);
  await listen(server);
  const port = portOf(server);
  const change = (kind: EntityKind, id: string, body: unknown): void => {
    graph.apply({
      change: {
        seq: graph.seq + 1,
        time: clock.now(),
        kind,
        id,
        op: body === undefined ? 'delete' : 'put',
        actor: 'test',
      },
      ...(body === undefined ? {} : { entity: { kind, id, body } as never }),
    });
  };
  const world: World = {
    graph,
    gateway,
    clock,
    events,
    errors,
    arrivals,
    port,
    isWritable: true,
    replicaAgeMs: undefined,
    put: (kind, body) => change(kind, body.id, body),
    patch: (kind, id, changes) => change(kind, id, { ...graph.get(kind, id), ...changes }),
    remove: (kind, id) => change(kind, id, undefined),
    activate: (text) => {
      state.version += 1;
      state.policies = policiesOf(text, state.version);
      change('policyActivation', 'active', {
        id: 'active',
        bundleId: `policy-${state.version}`,
        version: state.version,
        by: 'test',
        at: clock.now(),
      });
    },
    signIn: ({ user = ADA.id, host = 'wiki.localhost', session = {} } = {}) => {
      const [token, id] = [newToken(), `ses_${newToken()}`];
      change('session', id, { ...sessionOf(id, user, (options.clock ?? clock).now()), ...session });
      change('appSession', `app_${token}`, {
        id: `app_${token}`,
        tokenHash: hashToken(token),
        sessionId: id,
        host,
        createdAt: clock.now(),
      });
      return `__Host-cordon_app=${token}`;
    },
    ask: (asking) => ask(port, asking),
    raw: (text) => raw(port, text),
    webSocket: (input) => openWebSocket(port, input),
    close: async () => {
      await gateway.close();
      for (const one of [server, upstream]) {
        if ('closeAllConnections' in one) one.closeAllConnections();
        one.close();
      }
    },
  };
  for (const group of ['engineering', 'sales']) world.put('group', { id: group, name: group, parents: [] });
  world.put('user', ADA);
  world.put('user', BOB);
  world.put('device', {
    ...LAPTOP,
    posture: { ...LAPTOP.posture, collectedAt: (options.clock ?? clock).now() } as never,
  });
  const base: App = {
    id: 'app_wiki',
    name: 'Wiki',
    host: 'wiki.localhost',
    upstream: `http://127.0.0.1:${upstreamPort}`,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
  };
  const { upstream: _, ...withoutUpstream } = base;
  world.put('app', base);
  world.put('app', {
    ...withoutUpstream,
    id: 'app_verify',
    name: 'Verify',
    host: 'verify.localhost',
    builtin: 'verify',
  });
  for (const app of options.apps ?? []) world.put('app', { ...base, ...app });
  return world;
}

function sessionOf(id: string, userId: string, now: number): Session {
  return {
    id,
    userId,
    tokenHash: hashToken(newToken()),
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 12 * 3_600_000,
    ...(userId === ADA.id ? { deviceId: LAPTOP.id } : {}),
    address: '127.0.0.1',
    userAgent: 'test',
  };
}

function upstreamServer({ upstream, onUpgrade, rawUpstream }: WorldOptions, arrivals: Arrival[]): Server {
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
export function acceptEcho(incoming: IncomingMessage, socket: Duplex): void {
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
export async function listen(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The port a server listens on. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function ask(
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
async function raw(port: number, text: string | Buffer): Promise<string> {
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

async function openWebSocket(
  port: number,
  {
    path = '/live',
    host = 'wiki.localhost',
    cookie,
    headers = {},
  }: { path?: string; host?: string; cookie?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
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
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  let bytes = Buffer.alloc(0);
  let head: string | undefined;
  const texts: string[] = [];
  let close: { code?: number; reason?: string } = {};
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<{ code?: number; reason?: string; at: number }>();
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (head === undefined) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1) return;
      head = bytes.subarray(0, end).toString('latin1');
      bytes = bytes.subarray(end + 4);
      if (head.startsWith('HTTP/1.1 101')) opened.resolve();
    }
    if (!head.startsWith('HTTP/1.1 101')) return;
    for (let frame = takeFrame(bytes); frame !== undefined; frame = takeFrame(bytes)) {
      bytes = bytes.subarray(frame.size);
      if (frame.opcode === 8)
        close = { code: frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString() };
      else texts.push(frame.payload.toString());
    }
  });
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    closed.resolve({ ...close, at: performance.now() });
    opened.resolve();
  });
  await opened.promise;
  const text = head ?? '';
  return {
    socket,
    head: text.startsWith('HTTP/1.1 101') ? text : `${text}\r\n\r\n${bytes.toString('latin1')}`,
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    texts,
    closed: closed.promise,
    send: (message) => socket.write(maskedText(message)),
  };
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

function maskedText(message: string): Buffer {
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
