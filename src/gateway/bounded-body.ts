import { Transform, type TransformCallback } from 'node:stream';

/** A body that ends in an error once it is longer than it may be; what came before is handed on as it comes. */
export class BoundedBody extends Transform {
  #left: number;
  readonly #onExceed: () => void;

  constructor(most: number, onExceed: () => void) {
    super();
    this.#left = most;
    this.#onExceed = onExceed;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left >= 0) {
      done(null, chunk);
      return;
    }
    // Nothing more is handed on, and the stream never ends: it must not look whole.
    this.#onExceed();
  }
}
