import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type SecureContext, Server as TlsServer } from 'node:tls';
import type { Configuration, ListenAddress } from '#config';
import { canonicalHost, type Gateway, hear, type Hearers, SERVER_OPTIONS } from '#gateway';
import { mostConnections } from './descriptors.ts';
import { ACME_ALPN } from './acme/challenges.ts';
import { listenOn } from './listen-on.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Who answers what. */
export interface Handlers {
  /** Cordon's own hosts, by exact name. */
  readonly own: ReadonlyMap<string, Handler>;
  /** Own hosts that are answered over TLS only. */
  readonly tlsOnly: ReadonlySet<string>;
  /** Told once when a listener has as many connections as it may, until there are fewer again. */
  readonly onCrowded?: (listener: string, connections: number) => void;
  readonly gateway: Pick<Gateway, 'handle' | 'upgrade' | 'stream'>;
}

/** The sockets Cordon listens on. */
export interface Listeners {
  /** Ports in use; they differ from the configured ones when those are 0. */
  readonly ports: { readonly http?: number; readonly tls?: number };
  /** Begins to answer. Before that, every request is told that Cordon is starting. */
  serve(handlers: Handlers): void;
  /** Sets what the TLS listener shows; before that, no handshake succeeds. */
  useCertificates(contextFor: (serverName: string | undefined) => SecureContext): void;
  /** Sets what TLS sessions are sealed with for their resumption, 48 bytes: whoever has the same resumes them. Older ones begin anew. */
  useTicketKeys(keys: Buffer): void;
  /** Accepts nothing more, and ends what is still open after `graceMs`, or soon after `quiet`: then the gateway has nothing under way. */
  close(graceMs: number, quiet?: Promise<unknown>): Promise<void>;
}

/** How listeners differ from the usual ones. */
export interface ListenerOptions {
  /** Several processes share the addresses. */
  readonly isShared?: boolean;
  readonly limits?: Configuration['gateway']['limits'];
}

/** Binds the configured addresses. Throws `port-in-use`, `port-refused` or `address-unusable`; then nothing stays bound. */
export async function openListeners(
  listen: Configuration['listen'],
  options: ListenerOptions = {},
): Promise<Listeners> {
  const { limits } = options;
  const heads = headLimits(limits);
  let handlers: Handlers | undefined;
  let contextFor: ((serverName: string | undefined) => SecureContext) | undefined;
  const servers: Listening[] = [];
  const onRequest: Handler = (request, response) => {
    if (handlers === undefined) {
      answerStarting(response);
      return;
    }
    const own = ownHandler(handlers, request);
    if (own === undefined) handlers.gateway.handle(request, response);
    else answerOwn(own, request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (handlers === undefined || ownHandler(handlers, request) !== undefined) refuseUpgrade(socket);
    else handlers.gateway.upgrade(request, socket, head);
  };
  const onStream: Hearers['stream'] = (stream, head, socket) => {
    handlers?.gateway.stream(stream, head, socket); // HTTP/2 is offered once there are handlers
  };
  const open = async (server: Server, address: ListenAddress, stream?: Hearers['stream']): Promise<number> => {
    const hearing = hear(server, {
      request: onRequest,
      upgrade: onUpgrade,
      ...(stream === undefined ? {} : { stream }),
      ...(limits === undefined ? {} : { limits }),
    });
    servers.push({ server, hearing });
    if (limits !== undefined)
      boundConnections(server, limits, (count) => handlers?.onCrowded?.(`${address.host}:${address.port}`, count));
    return await listenOn(server, address, options);
  };
  try {
    const http =
      listen.http === undefined ? undefined : await open(createServer({ ...SERVER_OPTIONS, ...heads }), listen.http);
    const tls =
      listen.tls === undefined
        ? undefined
        : await open(
            tlsServer({
              heads,
              contextFor: () => contextFor,
              // Cordon's own hosts speak HTTP/1.1 only; a connection without a name may be for one of them.
              isHttp2: (host) => handlers?.own.has(host) === false,
            }),
            listen.tls,
            onStream,
          );
    return {
      ports: { ...(http === undefined ? {} : { http }), ...(tls === undefined ? {} : { tls }) },
      serve: (given) => {
        handlers = given;
      },
      useCertificates: (given) => {
        contextFor = given;
      },
      useTicketKeys: (keys) => {
        for (const { server } of servers) if (server instanceof TlsServer) server.setTicketKeys(keys);
      },
      close: async (graceMs, quiet) => {
        await Promise.all(servers.map(async (one) => await closeServer(one, graceMs, quiet)));
      },
    };
  } catch (cause) {
    await Promise.all(servers.map(async (one) => await closeServer(one, 0)));
    throw cause;
  }
}

/**
 * The handler of an own host; undefined: the gateway answers, which also refuses what is no host name at all.
 */
export function ownHandler(
  { own, tlsOnly }: Pick<Handlers, 'own' | 'tlsOnly'>,
  request: IncomingMessage,
): Handler | undefined {
  const host = canonicalHost(request.headers.host)?.host;
  const { socket } = request;
  // A target that names a host of its own could be read as another one than `host` (RFC 9112 section 3.2.2); the gateway refuses it.
  if (host === undefined || request.url?.startsWith('/') !== true || (tlsOnly.has(host) && !('encrypted' in socket)))
    return undefined;
  // A connection that was made for another host is not for this one; the gateway says so.
  const named = 'servername' in socket ? canonicalHost(String(socket.servername))?.host : undefined;
  if (named !== undefined && named !== host) return undefined;
  return own.get(host);
}

/** Answers on an own host. Everybody there may send a body, and hears so at once. */
function answerOwn(own: Handler, request: IncomingMessage, response: ServerResponse): void {
  const { expect } = request.headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    response.writeHead(417, { 'content-length': 0, connection: 'close' }).end();
    return;
  }
  if (expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
  own(request, response);
}

function tlsServer({
  heads,
  contextFor,
  isHttp2,
}: {
  readonly heads: ReturnType<typeof headLimits>;
  readonly contextFor: () => ((serverName: string | undefined) => SecureContext) | undefined;
  readonly isHttp2: (host: string) => boolean;
}): Server {
  return createTlsServer({
    ...SERVER_OPTIONS,
    ...heads,
    requestCert: true,
    // Browsers have none. Whoever needs a device asks `devices.deviceOf`, which takes only verified ones.
    rejectUnauthorized: false,
    ALPNCallback: ({ servername, protocols }) => {
      // Only an authority offers this, and offers nothing else (RFC 8737 section 3).
      if (protocols.length === 1 && protocols[0] === ACME_ALPN) return ACME_ALPN;
      const host = canonicalHost(servername)?.host;
      const offered = host !== undefined && isHttp2(host) ? ['h2', 'http/1.1'] : ['http/1.1'];
      return offered.find((name) => protocols.includes(name));
    },
    handshakeTimeout: 10_000,
    SNICallback: (serverName, done) => {
      const context = contextFor()?.(serverName);
      if (context === undefined) done(new Error('Cordon is starting'));
      else done(null, context);
    },
  });
}

function answerStarting(response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1', connection: 'close' });
  response.end('Cordon is starting\n');
}

/** Nobody else looks after the connection any more (attack: to leave it open for ever, or to reset it under the answer). */
function refuseUpgrade(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  setTimeout(() => socket.destroy(), LAST_WORD_MS).unref();
}

/** A server, and the HTTP/2 connections that it has no hand in any more. */
interface Listening {
  readonly server: Server;
  readonly hearing: ReturnType<typeof hear>;
}

/** What the parser is told of the limits. */
function headLimits(limits: ListenerOptions['limits']): {
  readonly maxHeaderSize?: number;
  readonly headersTimeout?: number;
} {
  return limits === undefined ? {} : { maxHeaderSize: limits.headerBytes, headersTimeout: limits.headerTimeoutMs };
}

/** Below this part of what there may be, there is room for connections again. */
const ROOM = 0.9;

/**
 * Closes connections beyond what there may be as soon as they are made, before a byte of them is read: the descriptors of the process are
 * needed for the apps, the store and the journal too.
 */
function boundConnections(
  server: Server,
  limits: NonNullable<ListenerOptions['limits']>,
  onCrowded: (connections: number) => void,
): void {
  const connections = mostConnections(limits.connections);
  let isCrowded = false;
  server.maxConnections = connections;
  server.on('drop', () => {
    if (isCrowded) return;
    isCrowded = true;
    onCrowded(connections);
  });
  // One that is let in says that there is room; whether it is enough is looked at then.
  server.on('connection', () => {
    if (!isCrowded) return;
    server.getConnections((_error, count) => {
      if (count <= connections * ROOM) isCrowded = false;
    });
  });
}

/** How long answers of Cordon's own hosts may take when the gateway has nothing under way any more, milliseconds. */
const OWN_MS = 2_000;
/** What clients need to hear the last word, milliseconds. */
const LAST_WORD_MS = 500;

/** How long listeners go on when the gateway behind them ends everything after `graceMs`, milliseconds. */
export function lastMs(graceMs: number): number {
  return graceMs === 0 ? 0 : graceMs + LAST_WORD_MS;
}

/** How often connections that became idle are ended while a server closes, milliseconds. */
const IDLE_CHECK_MS = 50;

async function closeServer({ server, hearing }: Listening, graceMs: number, quiet?: Promise<unknown>): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    // Connections that were taken over (WebSockets) are the gateway's to end; the process does not wait for the last of them.
    const end = (): void => {
      server.closeAllConnections();
      hearing.destroy();
      clearInterval(idle);
      resolve();
    };
    let isClosed = false;
    let timer = setTimeout(end, graceMs);
    // Connections on which nobody ever asked for anything are not waited for: browsers make some ahead.
    void quiet?.then(() => {
      if (isClosed) return;
      clearTimeout(timer);
      timer = setTimeout(end, Math.min(graceMs, OWN_MS));
    });
    const idle = setInterval(() => {
      server.closeIdleConnections();
    }, IDLE_CHECK_MS);
    server.close(() => {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
    hearing.close();
  });
}
