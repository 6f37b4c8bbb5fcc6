import { type Readable, Transform, type TransformCallback } from 'node:stream';

/**
 * A body to hand on. Not the source itself: whoever destroys that takes the client's connection, and the answer, with it.
 * `onFirstRead` is called when somebody begins to read, before anything has to have arrived.
 */
export function requestBody(source: Readable, onFirstRead?: () => void): RequestBody {
  return source.pipe(onFirstRead === undefined ? new RequestBody() : new AwaitedBody(onFirstRead));
}

/** Passes on what comes, and knows how much it was. */
export class RequestBody extends Transform {
  bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    done(null, chunk);
  }
}

class AwaitedBody extends RequestBody {
  #onFirstRead: (() => void) | undefined;

  constructor(onFirstRead: () => void) {
    super();
    this.#onFirstRead = onFirstRead;
  }

  override _read(size: number): void {
    this.#onFirstRead?.();
    this.#onFirstRead = undefined;
    super._read(size);
  }
}

/** True when the client waits to hear that its body is wanted. @see RFC 9110 section 10.1.1 */
export function awaitsContinue(expect: string | undefined): boolean {
  return expect?.toLowerCase() === '100-continue';
}
