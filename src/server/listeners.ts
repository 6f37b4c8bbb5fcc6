import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Configuration, ListenAddress } from '#config';
import { canonicalHost, type Gateway, hardenServer, SERVER_OPTIONS } from '#gateway';
import { listenOn } from './listen-on.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Who answers what. */
export interface Handlers {
  /** Cordon's own hosts, by exact name. */
  readonly own: ReadonlyMap<string, Handler>;
  /** Own hosts that are answered over TLS only. */
  readonly tlsOnly: ReadonlySet<string>;
  readonly gateway: Pick<Gateway, 'handle' | 'upgrade'>;
}

/** The sockets Cordon listens on. */
export interface Listeners {
  /** Ports in use; they differ from the configured ones when those are 0. */
  readonly ports: { readonly http?: number; readonly tls?: number };
  /** Begins to answer. Before that, every request is told that Cordon is starting. */
  serve(handlers: Handlers): void;
  /** Sets what the TLS listener shows; before that, no handshake succeeds. */
  useCertificates(contextFor: (serverName: string | undefined) => SecureContext): void;
  /** Accepts nothing more, and ends what is still open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Binds the configured addresses. Throws `port-in-use`, `port-refused` or `address-unusable`; then nothing stays bound. */
export async function openListeners(
  listen: Configuration['listen'],
  options: { readonly isShared?: boolean } = {},
): Promise<Listeners> {
  let handlers: Handlers | undefined;
  let contextFor: ((serverName: string | undefined) => SecureContext) | undefined;
  const servers: Server[] = [];
  const onRequest: Handler = (request, response) => {
    if (handlers === undefined) {
      answerStarting(response);
      return;
    }
    const own = ownHandler(handlers, request);
    if (own === undefined) handlers.gateway.handle(request, response);
    else own(request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (handlers === undefined || ownHandler(handlers, request) !== undefined) refuseUpgrade(socket);
    else handlers.gateway.upgrade(request, socket, head);
  };
  const open = async (server: Server, address: ListenAddress): Promise<number> => {
    hardenServer(server);
    server.on('request', onRequest).on('upgrade', onUpgrade);
    servers.push(server);
    return await listenOn(server, address, options);
  };
  try {
    const http = listen.http === undefined ? undefined : await open(createServer(SERVER_OPTIONS), listen.http);
    const tls =
      listen.tls === undefined
        ? undefined
        : await open(
            tlsServer(() => contextFor),
            listen.tls,
          );
    return {
      ports: { ...(http === undefined ? {} : { http }), ...(tls === undefined ? {} : { tls }) },
      serve: (given) => {
        handlers = given;
      },
      useCertificates: (given) => {
        contextFor = given;
      },
      close: async (graceMs) => {
        await Promise.all(servers.map(async (server) => await closeServer(server, graceMs)));
      },
    };
  } catch (cause) {
    await Promise.all(servers.map(async (server) => await closeServer(server, 0)));
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
  // A target that names a host of its own could be read as another one than `host` (RFC 9112 section 3.2.2); the gateway refuses it.
  if (
    host === undefined ||
    request.url?.startsWith('/') !== true ||
    (tlsOnly.has(host) && !('encrypted' in request.socket))
  )
    return undefined;
  return own.get(host);
}

function tlsServer(contextFor: () => ((serverName: string | undefined) => SecureContext) | undefined): Server {
  return createTlsServer({
    ...SERVER_OPTIONS,
    requestCert: true,
    // Browsers have none. Whoever needs a device asks `devices.deviceOf`, which takes only verified ones.
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
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

function refuseUpgrade(socket: Duplex): void {
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    // Connections that were taken over (WebSockets) are the gateway's to end; the process does not wait for the last of them.
    const timer = setTimeout(() => {
      server.closeAllConnections();
      resolve();
    }, graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
