import { CordonError } from '#base';
import type { Layout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { dropSegment, sealSegment } from './seal.ts';
import { type SealPriority, Sealer } from './sealer.ts';
import type { FullSegment } from './segment.ts';

/** What has been finished: sealed segments and those that wait for it. */
export interface Finished {
  readonly manifests: readonly Manifest[];
  readonly segments: readonly FullSegment[];
}

/**
 * So many finished segments may wait for idle CPU time. More are sealed in competition with everything else, until one is left:
 * NDJSON takes twenty times the disk that Parquet takes, and every start and every query reads through it.
 */
const MAX_PATIENT = 8;

/** How an archive waits, milliseconds. */
export interface Patience {
  /** From a failed seal to the next try; one minute. */
  readonly retryMs: number;
  /** When closing, for the seal under way; five seconds. */
  readonly closeMs: number;
}

/** The finished segments of an open journal. Has them sealed one by one, beside the appends, and removes no file that a query reads. */
export class Archive {
  readonly #layout: Layout;
  #manifests: readonly Manifest[];
  #waiting: readonly FullSegment[];
  readonly #patience: Patience;
  readonly #sealer = new Sealer();
  #priority: SealPriority = 'lowest';
  #sealing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #readers = 0;
  #onIdle: (() => void)[] = [];
  #isInBackground = false;
  #isClosed = false;

  constructor(layout: Layout, found: Finished, patience: Patience = { retryMs: 60_000, closeMs: 5000 }) {
    this.#layout = layout;
    this.#manifests = found.manifests;
    this.#waiting = found.segments;
    this.#patience = patience;
  }

  add(segment: FullSegment): void {
    this.#waiting = [...this.#waiting, segment];
  }

  /** Starts sealing what waits. A failure is a process warning; a minute later, or with the next segment, it is tried again. */
  sealInBackground(): void {
    if (this.#waiting.length === 0 || this.#isInBackground || this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#isInBackground = true;
    this.sealAll()
      .catch((error: unknown) => {
        if (this.#isClosed) return;
        const text = error instanceof Error ? error.message : String(error);
        process.emitWarning(`sealing the journal failed: ${text}`, { code: 'CORDON_JOURNAL_SEAL' });
        this.#retry = setTimeout(() => this.sealInBackground(), this.#patience.retryMs).unref();
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

  /** Waits for the seal under way, for seconds at most; its segment stays as it is after that. Starts no other. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const late = setTimeout(() => this.#sealer.stop(), this.#patience.closeMs);
    await this.#sealing?.catch(() => {});
    clearTimeout(late);
    this.#sealer.stop();
  }

  async #sealFirst(): Promise<void> {
    const segment = this.#waiting[0];
    if (segment === undefined) return;
    try {
      if (this.#waiting.length > MAX_PATIENT) this.#priority = 'normal';
      else if (this.#waiting.length === 1) this.#priority = 'lowest';
      const priority = this.#priority;
      const manifest = await sealSegment(this.#layout, segment, (full, work) =>
        this.#sealer.write(full, work, priority),
      );
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
