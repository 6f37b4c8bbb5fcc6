import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { type Dispatcher, errors } from 'undici';
import { UpstreamFault } from './fault.ts';
import { Http2Body } from './http2-body.ts';
import { acceptFields, answerFields, requestFields } from './http2-fields.ts';
import type { Deadlines, UpstreamRequest } from './transport.ts';

/** One exchange over an open connection. */
export interface Http2Parts {
  readonly session: ClientHttp2Session;
  readonly request: UpstreamRequest;
  readonly handler: Dispatcher.DispatchHandler;
  readonly deadlines: Deadlines;
  /** Called once, when the stream is gone; with true when it was ended from here. */
  readonly onClosed: (wasCancelled: boolean) => void;
}

/** Sends a request over HTTP/2. What becomes of it is told in the words of undici, as over HTTP/1.1. */
export function sendOverHttp2(parts: Http2Parts): void {
  new Http2Exchange(parts).start();
}

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

class Http2Exchange implements Dispatcher.DispatchController {
  readonly #parts: Http2Parts;
  rawHeaders: string[] = [];
  rawTrailers: string[] = [];
  #trailers: IncomingHttpHeaders = {};
  #stream: ClientHttp2Stream | undefined;
  #body: Http2Body | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;
  #reason: Error | null = null;
  #hasHead = false;
  /** Whether the server has said that nothing more comes; without this, an end is a part passed off as the whole. */
  readonly #end = { isWhole: false };
  /** What is missing of the length that the head names; NaN when it names none. */
  #missing = Number.NaN;
  #isOver = false;

  constructor(parts: Http2Parts) {
    this.#parts = parts;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get paused(): boolean {
    return this.#isPaused;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  abort(reason: Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#fail(reason);
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#stream?.resume();
    this.#timer?.refresh();
  }

  start(): void {
    const { handler, onClosed } = this.#parts;
    this.#guard(() => handler.onRequestStart?.(this, {}));
    if (this.#isOver) {
      onClosed(false); // nothing was sent
      return;
    }
    try {
      this.#open();
    } catch (error) {
      onClosed(false);
      const { destroyed, closed } = this.#parts.session;
      const problem = error instanceof Error ? error : new Error(String(error));
      // What the session cannot write for another reason than that it goes is the client's doing.
      this.#fail(
        destroyed || closed ? new UpstreamFault('upstream-unreachable', problem.message, 'exchange') : problem,
      );
    }
  }

  #open(): void {
    const { session, request, deadlines, onClosed } = this.#parts;
    const scheme = session.encrypted === true ? 'https' : 'http';
    const isOpenEnded = request.body !== null || request.isWebSocket;
    const stream = session.request(requestFields(request, scheme), {
      endStream: !isOpenEnded,
      waitForTrailers: request.body !== null,
    });
    this.#stream = stream;
    this.#watchEnd(stream);
    stream.once('close', () => {
      onClosed(this.aborted);
      this.#onClose(stream);
      // Node's list of streams outlives them, and holds them until the next slow collection; not with all that listened to them.
      stream.removeAllListeners().on('error', ignore);
    });
    stream.on('error', (error: Error) => {
      this.#onError(stream, error);
    });
    stream.on('headers', (head: Head, _flags: number, raw?: readonly string[]) => {
      if (this.#isOver) return;
      this.#parts.handler.onResponseStarted?.();
      const fields = answerFields(raw ?? [], head);
      this.rawHeaders = fields.raw;
      this.#guard(() => this.#parts.handler.onResponseStart?.(this, Number(head[':status']), fields.byName, ''));
    });
    stream.once('response', (head: Head, _flags: number, raw?: readonly string[]) => {
      if (this.#isOver) return;
      this.#guard(() => {
        this.#onHead(stream, head, raw ?? []);
      });
    });
    this.#startTimer(request.isWebSocket ? deadlines.upgradeTimeoutMs : deadlines.headersTimeoutMs);
    if (request.body !== null) {
      this.#body = new Http2Body(request.body, stream, {
        headers: request.headers,
        trailers: request.trailers,
        onProgress: () => this.#timer?.refresh(),
        onProblem: (error) => {
          this.#fail(error);
        },
      });
    }
  }

  /**
   * Notes whether the end came from the server. After a reset with code 0 or 8 Node ends the stream as well, and says nothing (attack, or
   * accident: a part of an answer that passes for the whole).
   */
  #watchEnd(stream: ClientHttp2Stream): void {
    const push = stream.push.bind(stream);
    const end = this.#end;
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed) end.isWhole = true;
      return push(chunk, encoding);
    };
  }

  #onHead(stream: ClientHttp2Stream, head: Head, raw: readonly string[]): void {
    const { handler, request, deadlines } = this.#parts;
    const status = Number(head[':status']);
    if (!Number.isInteger(status) || status < 200 || status > 999)
      throw new UpstreamFault('upstream-invalid', `the status is ${String(head[':status'])}`, 'exchange');
    this.#hasHead = true;
    handler.onResponseStarted?.();
    const fields = answerFields(raw, head);
    this.rawHeaders = fields.raw;
    this.#missing = Number(fields.byName['content-length']);
    if (request.isWebSocket && status < 300) {
      this.#upgrade(stream, fields.byName);
      return;
    }
    if (request.isWebSocket) stream.end(); // it said no; nothing more comes from here
    this.#startTimer(deadlines.idleTimeoutMs);
    stream.on('trailers', (trailers: IncomingHttpHeaders, _flags: number, rawTrailers?: readonly string[]) => {
      this.#trailers = trailers;
      this.rawTrailers = [...(rawTrailers ?? [])];
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#missing -= chunk.length;
      this.#timer?.refresh();
      this.#guard(() => handler.onResponseData?.(this, chunk));
    });
    stream.once('end', () => {
      this.#onEnd(stream);
    });
    handler.onResponseStart?.(this, status, fields.byName, '');
    if (this.#isPaused) stream.pause();
  }

  /** From here on the stream is the handler's. */
  #upgrade(stream: ClientHttp2Stream, byName: IncomingHttpHeaders): void {
    const { handler, request } = this.#parts;
    this.#isOver = true;
    clearTimeout(this.#timer);
    const accept = acceptFields(request);
    this.rawHeaders.push(...accept);
    const [name, value] = accept;
    const headers = { ...byName, ...(name === undefined ? {} : { [name]: value }) };
    handler.onRequestUpgrade?.(this, 101, headers, stream);
  }

  #onEnd(stream: ClientHttp2Stream): void {
    if (this.#isOver) return;
    // Node's own server resets a stream instead of ending it when it has not read the request. The length proves the whole as well.
    if (!this.#end.isWhole && !(this.#missing === 0 && stream.rstCode === constants.NGHTTP2_NO_ERROR)) {
      this.#fail(resetFault(stream.rstCode ?? 0));
      return;
    }
    this.#isOver = true;
    this.#release();
    // What the client still sends, nobody wants any more.
    if (this.#body?.isComplete === false) stream.close(constants.NGHTTP2_NO_ERROR);
    this.#guard(() => this.#parts.handler.onResponseEnd?.(this, this.#trailers));
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (!this.#isOver) this.#fail(resetFault(stream.rstCode ?? 0));
  }

  #onError(stream: ClientHttp2Stream, error: Error): void {
    const code = 'code' in error ? String(error.code) : '';
    if (code === 'ERR_HTTP2_STREAM_ERROR') this.#fail(resetFault(stream.rstCode ?? 0));
    else if (code === 'ERR_HTTP2_ERROR') this.#fail(new UpstreamFault('upstream-invalid', error.message, 'exchange'));
    else this.#fail(new UpstreamFault('upstream-unreachable', `${code} ${error.message}`.trim(), 'exchange'));
  }

  #startTimer(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A client that stands still in the middle of its body has its own time; the server is not late (attack: to have it put out).
      const isClients = !this.#hasHead && this.#body?.isAwaited === true;
      if (this.#isPaused || isClients) this.#timer?.refresh();
      else this.#fail(this.#hasHead ? new errors.BodyTimeoutError() : new errors.HeadersTimeoutError());
    }, milliseconds);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#body?.stop();
  }

  /** Ends it with what went wrong; the first that does is told. */
  #fail(error: Error): void {
    if (this.#isOver) {
      if (this.aborted) this.#stream?.close(constants.NGHTTP2_CANCEL);
      return;
    }
    this.#isOver = true;
    this.#release();
    this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#stream?.resume(); // a stream that nobody reads never goes
    this.#parts.handler.onResponseError?.(this, error);
  }

  /** A callback that throws ends the exchange, as undici has it. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function ignore(): void {
  // Nothing is left that could go wrong.
}

const NONSENSE_CODES: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
  constants.NGHTTP2_ENHANCE_YOUR_CALM, // ours for a head that is too long
]);

function resetFault(code: number): UpstreamFault {
  const reason = NONSENSE_CODES.has(code) ? 'upstream-invalid' : 'upstream-unreachable';
  return new UpstreamFault(reason, `the stream was reset or broke off (HTTP/2 code ${code})`, 'exchange');
}
