import { connect as connectSession, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { UpstreamFault } from './fault.ts';
import { Http2Link } from './http2-link.ts';
import type { Deadlines, Transport, UpstreamRequest } from './transport.ts';

/** What HTTP/2 to one server is made of. */
export interface Http2Options {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly open: () => Promise<Socket>;
  readonly deadlines: Deadlines;
  /** Where WebSockets go when the server takes none over HTTP/2; undefined: nowhere. */
  readonly webSocketTransport: () => Transport | undefined;
}

interface Waiting {
  readonly request: UpstreamRequest;
  readonly handler: Dispatcher.DispatchHandler;
}

/** What a stream may send before we have taken it, bytes. Bounds what one slow client can make the gateway hold. */
const STREAM_WINDOW_BYTES = 262_144;
/** The same for all streams of a connection. */
const LINK_WINDOW_BYTES = 4_194_304;
/** Fields of a head, and their size in bytes. */
const MOST_FIELDS = 256;
const MOST_HEAD_BYTES = 65_536;

/** `strictSingleValueFields` is documented of servers only, and means the same here: what a client sent twice goes on so, as over HTTP/1.1. */
const SESSION_OPTIONS = {
  maxHeaderListPairs: MOST_FIELDS,
  maxReservedRemoteStreams: 0,
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: MOST_HEAD_BYTES },
};

/**
 * HTTP/2 to one server: as many connections as its limit of streams demands, opened one after the other. A connection counts from the
 * moment that the server's settings are known: they say how many streams it takes, and whether WebSockets may go over it.
 */
export function createHttp2(options: Http2Options): Transport {
  return new Http2(options);
}

class Http2 implements Transport {
  readonly #options: Http2Options;
  readonly #links = new Set<Http2Link>();
  #waiting: Waiting[] = [];
  #isOpening = false;
  #isRetired = false;

  constructor(options: Http2Options) {
    this.#options = options;
  }

  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    const link = this.#linkWithRoom();
    if (link !== undefined) {
      this.#send(link, { request, handler });
      return;
    }
    this.#waiting.push({ request, handler });
    if (!this.#isOpening) void this.#open();
  }

  retire(): void {
    this.#isRetired = true;
    for (const link of this.#links) link.retire();
  }

  async destroy(): Promise<void> {
    this.#isRetired = true;
    this.#failWaiting(new UpstreamFault('upstream-unreachable', 'the gateway is closing'));
    await Promise.all([...this.#links].map(async (link) => await link.destroy()));
  }

  #linkWithRoom(): Http2Link | undefined {
    let best: Http2Link | undefined;
    for (const link of this.#links) if (link.room > (best?.room ?? 0)) best = link;
    return best;
  }

  #send(link: Http2Link, { request, handler }: Waiting): void {
    if (!request.isWebSocket || link.takesWebSockets) {
      link.send(request, handler, this.#options.deadlines);
      return;
    }
    const other = this.#options.webSocketTransport();
    if (other !== undefined) {
      other.dispatch(request, handler);
      return;
    }
    handler.onResponseError?.(
      undefined as never, // nothing was begun, so there is nothing to control
      new UpstreamFault('upstream-invalid', 'the server takes no WebSockets over HTTP/2 (RFC 8441)', 'exchange'),
    );
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    try {
      const link = await this.#openLink();
      this.#links.add(link);
      link.onceGone(() => this.#links.delete(link));
      if (link.room === 0) {
        link.retire();
        throw new UpstreamFault('upstream-unreachable', 'the server allows no streams');
      }
      this.#flush();
      if (this.#isRetired) link.retire();
    } catch (error) {
      this.#failWaiting(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#isOpening = false;
    }
    if (this.#waiting.length > 0) void this.#open();
  }

  async #openLink(): Promise<Http2Link> {
    const { origin, open, deadlines } = this.#options;
    const socket = await open();
    if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
      socket.destroy();
      throw new UpstreamFault('upstream-invalid', 'the server does not speak HTTP/2', 'exchange');
    }
    const session = connectSession(origin, { ...SESSION_OPTIONS, createConnection: () => socket });
    await settled(session, deadlines.connectTimeoutMs);
    session.setLocalWindowSize(LINK_WINDOW_BYTES);
    return new Http2Link(session);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const link = this.#linkWithRoom();
      const next = link === undefined ? undefined : waiting.shift();
      if (link === undefined || next === undefined) break;
      this.#send(link, next);
    }
    this.#waiting.unshift(...waiting);
  }

  #failWaiting(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { handler } of waiting) handler.onResponseError?.(undefined as never, error); // nothing was begun
  }
}

/** Waits for the server's settings. */
async function settled(session: ClientHttp2Session, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new UpstreamFault('upstream-timeout', `no HTTP/2 settings within ${timeoutMs} ms`));
      session.destroy();
    }, timeoutMs);
    // Stays on: an error of a connection that nobody uses must not end the process.
    session.on('error', (error: Error) => {
      clearTimeout(timer);
      const isNonsense = 'code' in error && error.code === 'ERR_HTTP2_ERROR';
      reject(
        isNonsense
          ? new UpstreamFault('upstream-invalid', `no HTTP/2: ${error.message}`, 'exchange')
          : new UpstreamFault('upstream-unreachable', error.message),
      );
    });
    session.once('close', () => {
      clearTimeout(timer);
      reject(new UpstreamFault('upstream-unreachable', 'the connection was closed before the settings of HTTP/2'));
    });
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
