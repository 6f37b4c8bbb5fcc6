import { PassThrough, type Readable } from 'node:stream';

/**
 * A body to hand on. Not the source itself: whoever destroys that takes the client's connection, and the answer, with it.
 * `onFirstRead` is called when somebody begins to read, before anything has to have arrived.
 */
export function requestBody(source: Readable, onFirstRead?: () => void): Readable {
  return source.pipe(onFirstRead === undefined ? new PassThrough() : new AwaitedBody(onFirstRead));
}

class AwaitedBody extends PassThrough {
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
