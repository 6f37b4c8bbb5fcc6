import type { ClientHttp2Session } from 'node:http2';
import type { Dispatcher } from 'undici';
import { sendOverHttp2 } from './http2-exchange.ts';
import type { Deadlines, UpstreamRequest } from './transport.ts';

/** How often the other end is asked whether it is there, and how long it may take to say so, milliseconds. */
const PING_MS = 30_000;
const PONG_MS = 10_000;
/** How long a connection without streams is kept, milliseconds. */
const IDLE_MS = 60_000;

/**
 * Streams that were cancelled until a connection takes no new ones. Servers end a connection that cancels too much (since CVE-2023-44487
 * after some hundred to a thousand), and with it what others have on it: one client that comes and goes must not do that to them.
 */
const MOST_CANCELLED = 100;

/** One connection over HTTP/2 whose settings are known. */
export class Http2Link {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #cancelled = 0;
  #isLeaving = false;
  #idle: NodeJS.Timeout | undefined;
  readonly #ping: NodeJS.Timeout;

  constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.once('goaway', () => {
      this.retire(); // the server takes no more streams; those it took go on
    });
    this.#ping = setInterval(() => {
      this.#askIfThere();
    }, PING_MS).unref();
    session.once('close', () => {
      this.#isLeaving = true;
      clearInterval(this.#ping);
      clearTimeout(this.#idle);
    });
    this.#noteIdle();
  }

  /** How many streams are on it. */
  get streams(): number {
    return this.#streams;
  }

  /** How many more streams it takes. */
  get room(): number {
    const session = this.#session;
    if (this.#isLeaving || session.closed || session.destroyed) return 0;
    return Math.max(0, (session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY) - this.#streams);
  }

  /** Whether a WebSocket may go over it. @see RFC 8441 section 3 */
  get takesWebSockets(): boolean {
    return this.#session.remoteSettings.enableConnectProtocol === true;
  }

  onceGone(work: () => void): void {
    if (this.#session.destroyed) work();
    else this.#session.once('close', work);
  }

  send(request: UpstreamRequest, handler: Dispatcher.DispatchHandler, deadlines: Deadlines): void {
    this.#streams += 1;
    clearTimeout(this.#idle);
    this.#session.ref();
    const onClosed = (wasCancelled: boolean): void => {
      this.#streams -= 1;
      if (wasCancelled && ++this.#cancelled === MOST_CANCELLED) this.retire();
      if (this.#streams === 0) this.#noteIdle();
    };
    sendOverHttp2({ session: this.#session, request, handler, deadlines, onClosed });
  }

  /** Takes no more streams, and closes after the last one. */
  retire(): void {
    this.#isLeaving = true;
    if (!this.#session.closed) this.#session.close();
  }

  async destroy(): Promise<void> {
    this.#isLeaving = true;
    const session = this.#session;
    if (session.destroyed) return;
    const gone = new Promise<void>((resolve) => {
      session.once('close', resolve);
    });
    session.destroy();
    await gone;
  }

  #noteIdle(): void {
    const session = this.#session;
    if (session.destroyed) return;
    session.unref();
    this.#idle = setTimeout(() => {
      this.retire();
    }, IDLE_MS).unref();
  }

  #askIfThere(): void {
    const session = this.#session;
    if (session.destroyed) return;
    const late = setTimeout(() => {
      session.destroy();
    }, PONG_MS).unref();
    try {
      session.ping(() => {
        clearTimeout(late);
      });
    } catch {
      session.destroy(); // it went in this moment
    }
  }
}
