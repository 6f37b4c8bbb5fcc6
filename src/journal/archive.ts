import { CordonError } from '#base';
import type { Layout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { dropSegment, type FullSegment, sealSegment } from './seal.ts';

/** What has been finished: sealed segments and those that wait for it. */
export interface Finished {
  readonly manifests: readonly Manifest[];
  readonly segments: readonly FullSegment[];
}

/** The finished segments of an open journal. Seals them one by one, beside the appends, and removes no file that a query reads. */
export class Archive {
  readonly #layout: Layout;
  #manifests: readonly Manifest[];
  #waiting: readonly FullSegment[];
  #sealing: Promise<void> | undefined;
  #readers = 0;
  #onIdle: (() => void)[] = [];
  #isInBackground = false;
  #isClosed = false;

  constructor(layout: Layout, manifests: readonly Manifest[], waiting: readonly FullSegment[]) {
    this.#layout = layout;
    this.#manifests = manifests;
    this.#waiting = waiting;
  }

  add(segment: FullSegment): void {
    this.#waiting = [...this.#waiting, segment];
  }

  /** Starts sealing what waits. A failure is a process warning; the next segment, or the next start, tries again. */
  sealInBackground(): void {
    if (this.#waiting.length === 0 || this.#isInBackground) return;
    this.#isInBackground = true;
    this.sealAll()
      .catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        process.emitWarning(`sealing the journal failed: ${text}`, { code: 'CORDON_JOURNAL_SEAL' });
      })
      .finally(() => {
        this.#isInBackground = false;
      });
  }

  /** Seals all that waits, joining a seal that is under way. */
  async sealAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      this.#sealing ??= this.#sealFirst().finally(() => {
        this.#sealing = undefined;
      });
      await this.#sealing;
    }
  }

  /** Runs a reader on the files as they are now; they stay until it is done. */
  async whileKept<T>(read: (finished: Finished) => Promise<T>): Promise<T> {
    this.#readers++;
    try {
      return await read({ manifests: this.#manifests, segments: this.#waiting });
    } finally {
      this.#readers--;
      if (this.#readers === 0) for (const wake of this.#onIdle.splice(0)) wake();
    }
  }

  /** Waits for the seal under way; starts no other. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sealing?.catch(() => {});
  }

  async #sealFirst(): Promise<void> {
    const segment = this.#waiting[0];
    if (segment === undefined) return;
    try {
      const manifest = await sealSegment(this.#layout, segment);
      // From here on readers see the Parquet instead; both in one step, so that none sees an event twice or not at all.
      this.#manifests = [...this.#manifests, manifest];
      this.#waiting = this.#waiting.slice(1);
      while (this.#readers > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
      await dropSegment(this.#layout, segment.path);
    } catch (cause) {
      if (cause instanceof CordonError) throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new CordonError('journal-unwritable', `cannot seal \`${segment.path}\`: ${text}`, {
        cause,
        hint: 'check that the disk has space; the events stay in the open segment and sealing is tried again',
      });
    }
  }
}
