import { createServer, type Server } from 'node:http';
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2SecureServer,
  type Http2Server,
  type ServerOptions as Http2ServerOptions,
} from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext, TlsOptions } from 'node:tls';
import { type IpSet, ipSetOf, parseCidr } from '#base';
import { type ForwardAuthSettings, isLoopback } from '#config';
import { answerEnvoy, answerProxies, type Gateway, hardenServer, SERVER_OPTIONS } from '#gateway';
import { endServer, listenOn } from './listen-on.ts';

/** The listeners that proxies ask. */
export interface ForwardAuth {
  /** Ports in use; they differ from the configured ones when those are 0. */
  readonly ports: { readonly http?: number; readonly grpc?: number };
  /** Accepts nothing more, and ends what is still open. */
  close(): Promise<void>;
}

/** What the listeners are made of. */
export interface ForwardAuthListening {
  readonly settings: ForwardAuthSettings;
  readonly gateway: Pick<Gateway, 'ask'>;
  /** What a listener beyond loopback shows. */
  readonly contextFor: (serverName: string | undefined) => SecureContext;
}

/**
 * Binds the addresses at which proxies ask, and answers. In the clear on loopback only: cookies pass there. Throws as `listenOn`; then
 * nothing stays bound.
 */
export async function listenForProxies({ settings, gateway, contextFor }: ForwardAuthListening): Promise<ForwardAuth> {
  const options = { gateway, trusted: trustedOf(settings) };
  const opened: Closable[] = [];
  const tls: TlsOptions = {
    SNICallback: (serverName, done) => {
      done(null, contextFor(serverName));
    },
  };
  try {
    const { http, grpc } = settings;
    const ports: { http?: number; grpc?: number } = {};
    if (http !== undefined) {
      const server = httpServer(isLoopback(http.host) ? undefined : tls, answerProxies(options));
      opened.push(async () => await endServer(server));
      ports.http = await listenOn(server, http);
    }
    if (grpc !== undefined) {
      const server = isLoopback(grpc.host)
        ? createHttp2Server(HTTP2_FOR_ENVOY)
        : createSecureServer({ ...HTTP2_FOR_ENVOY, ...tls, handshakeTimeout: FIRST_STREAM_MS });
      opened.push(closableHttp2(server));
      server.on('stream', answerEnvoy(options));
      ports.grpc = await listenOn(server, grpc);
    }
    return { ports, close: async () => await closeAll(opened) };
  } catch (cause) {
    await closeAll(opened);
    throw cause;
  }
}

function trustedOf({ trustedProxies }: ForwardAuthSettings): IpSet {
  return ipSetOf(
    trustedProxies.flatMap((text) => {
      const network = parseCidr(text);
      return network.ok ? [network.value] : []; // the configuration was checked
    }),
  );
}

function httpServer(tls: TlsOptions | undefined, handler: ReturnType<typeof answerProxies>): Server {
  // A sub-request carries the handshake of the original, but nobody wants to speak to Cordon in anything but HTTP.
  const common = { ...SERVER_OPTIONS, keepAliveTimeout: 65_000, shouldUpgradeCallback: () => false };
  const server = tls === undefined ? createServer(common) : createTlsServer({ ...common, ...tls });
  hardenServer(server);
  server.on('request', handler);
  return server;
}

/**
 * One connection of Envoy's carries the questions about all its clients, who come and go as they like: each that goes resets a stream. An
 * end of the connection for that would deny everybody else (attack: one client that begins and cancels requests).
 */
const HTTP2_FOR_ENVOY: Http2ServerOptions = {
  streamResetBurst: 100_000,
  streamResetRate: 100_000,
  settings: { maxConcurrentStreams: 1000 },
};
/** How long a connection may stay before its first question, and between two, milliseconds. */
const FIRST_STREAM_MS = 10_000;
const IDLE_MS = 600_000;

type Closable = () => Promise<void>;

function closableHttp2(server: Http2Server | Http2SecureServer): Closable {
  const sessions = new Set<{ destroy(): void }>();
  // What never becomes a session counts as one that stands still.
  server.setTimeout(IDLE_MS);
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  server.on('session', (session) => {
    sessions.add(session);
    const idle = setTimeout(() => session.destroy(), FIRST_STREAM_MS).unref();
    session.once('stream', () => {
      clearTimeout(idle);
    });
    session.once('close', () => {
      clearTimeout(idle);
      sessions.delete(session);
    });
    session.on('error', () => session.destroy());
  });
  return async () => {
    const closed = closeOf(server);
    for (const session of sessions) session.destroy();
    await closed;
  };
}

async function closeOf(server: Http2Server | Http2SecureServer): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

async function closeAll(opened: readonly Closable[]): Promise<void> {
  await Promise.all(opened.map(async (close) => await close()));
}
