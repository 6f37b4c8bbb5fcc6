import type { ClientHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { errors } from 'undici';
import { byName } from '../headers.ts';
import { onceLeft } from '../spent-bytes.ts';

/** What goes with a body. */
export interface Http2BodyOptions {
  readonly headers: readonly string[];
  /** Fields after it, asked for when it has ended. */
  readonly trailers?: (() => readonly string[]) | undefined;
  /** A part has left. */
  readonly onProgress: () => void;
  /** It cannot be sent, or is not as long as was said. */
  readonly onProblem: (error: Error) => void;
}

/**
 * Sends a body over a stream of HTTP/2, no faster than it is taken. It must be exactly as long as `content-length` says: a server that
 * passes it on over HTTP/1.1 would take the rest for another request.
 */
export class Http2Body {
  readonly #body: Readable;
  readonly #stream: ClientHttp2Stream;
  readonly #options: Http2BodyOptions;
  readonly #length: number;
  #sent = 0;
  #isComplete = false;
  #isStopped = false;
  #isBlocked = false;

  constructor(body: Readable, stream: ClientHttp2Stream, options: Http2BodyOptions) {
    this.#body = body;
    this.#stream = stream;
    this.#options = options;
    this.#length = lengthOf(options.headers);
    stream.on('drain', this.#onDrain);
    stream.once('wantTrailers', () => {
      this.#sendTrailers();
    });
    body.on('data', this.#onData);
    body.once('end', this.#onEnd);
    body.once('error', this.#onProblem);
    body.once('close', this.#onClose);
  }

  /** All of it has been given to the stream. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** The server would take more of it, and whoever sends it has not sent more. */
  get isAwaited(): boolean {
    return !this.#isComplete && !this.#isBlocked;
  }

  /** Sends no more of it, and lets it go. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const body = this.#body;
    body.off('data', this.#onData);
    body.off('end', this.#onEnd);
    body.off('close', this.#onClose);
    this.#stream.off('drain', this.#onDrain);
    if (!this.#isComplete) body.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#sent += chunk.length;
    if (this.#sent > this.#length) {
      this.#options.onProblem(new errors.RequestContentLengthMismatchError());
      return;
    }
    this.#options.onProgress();
    if (this.#stream.write(chunk, onceLeft(chunk, this.#stream))) return;
    this.#isBlocked = true;
    this.#body.pause();
  };

  readonly #onDrain = (): void => {
    this.#isBlocked = false;
    this.#options.onProgress();
    this.#body.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#sent < this.#length && this.#length !== Number.POSITIVE_INFINITY) {
      this.#options.onProblem(new errors.RequestContentLengthMismatchError());
      return;
    }
    this.#isComplete = true;
    this.#options.onProgress();
    this.#stream.end();
  };

  readonly #onProblem = (error: Error): void => {
    this.#options.onProblem(error);
  };

  readonly #onClose = (): void => {
    if (!this.#isComplete) this.#options.onProblem(new errors.RequestAbortedError());
  };

  #sendTrailers(): void {
    try {
      this.#stream.sendTrailers(byName(this.#isComplete ? (this.#options.trailers?.() ?? []) : []));
    } catch (error) {
      this.#options.onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function lengthOf(headers: readonly string[]): number {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]?.toLowerCase() === 'content-length') return Number(headers[i + 1]);
  return Number.POSITIVE_INFINITY;
}
