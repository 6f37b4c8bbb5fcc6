const PAGE_BYTES = 1024 * 1024;
/** Pages that wait to be used again; more than a burst needs are given back. */
const MOST_FREE = 16;

/**
 * Memory for what is written, in pages that are used again. Memory that is asked for anew with every write is given back only by the slow
 * collection of garbage, which then runs several times per second.
 */
export class Pages {
  #page: Buffer = Buffer.alloc(0);
  #used = 0;
  readonly #full: Buffer[] = [];
  readonly #free: Buffer[] = [];

  /** Room for `most` bytes; what of it is needed has to be taken before anything else is asked for. */
  room(most: number): Buffer {
    if (this.#page.length - this.#used < most) {
      this.#full.push(this.#page);
      this.#page =
        (most <= PAGE_BYTES ? this.#free.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(most, PAGE_BYTES));
      this.#used = 0;
    }
    return this.#page.subarray(this.#used, this.#used + most);
  }

  /** Keeps the first `bytes` of the last room as they are now. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  /** Lets every full page be written again that is not among `kept`. */
  reuse(kept: ReadonlySet<ArrayBufferLike>): void {
    for (const page of this.#full.splice(0)) {
      if (kept.has(page.buffer)) this.#full.push(page);
      else if (page.length === PAGE_BYTES && this.#free.length < MOST_FREE) this.#free.push(page);
    }
  }
}
