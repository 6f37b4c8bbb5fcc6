import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, CordonError, type Json, Listeners } from '#base';
import type { OcsfEvent, WrittenEvent } from '#model';
import { Archive } from './archive.ts';
import { encodeEvent, encodeWritten } from './encode-event.ts';
import { type Head, HeadFile } from './head.ts';
import { type Layout, layoutOf, makeFolder } from './layout.ts';
import { encodeLines } from './line.ts';
import { lockJournal } from './lock.ts';
import { Pages } from './pages.ts';
import { type QueryParameter, Queries, readSealedTail } from './query.ts';
import { RecentEvents } from './recent.ts';
import type { JournalListener, Receipt } from './receipt.ts';
import { eventOf, type Recovered, recoverJournal, type TornTail } from './recover.ts';
import { OpenSegment } from './segment.ts';

/** What happened, append-only. One per directory. */
export interface Journal {
  /**
   * Resolves when the event is on disk. Rejects with `journal-unwritable` (it was not recorded) or `event-invalid`. Where nobody waits for
   * it, it may be written `soon`: within a hundredth of a second, together with what others append until then.
   */
  append(event: OcsfEvent, urgency?: Urgency): Promise<Receipt>;
  /** The same for an event that is written already, for whoever records thousands per second. */
  appendWritten(event: WrittenEvent, urgency?: Urgency): Promise<Receipt>;
  /** The same for an event that nobody waits for: it is written soon. `onLost` is called when it was not recorded, with what `append` rejects with. */
  note(event: WrittenEvent, onLost: (error: Error) => void): void;
  /** False after a failed write until a later one succeeds. */
  readonly writable: boolean;
  /** Events that wait for the disk now. */
  readonly queued: number;
  /** Returns the function that ends the subscription. A listener that throws is reported as a process warning. */
  subscribe(listener: JournalListener): () => void;
  /** The newest events, at most `limit` and at most 2000, newest last. */
  recent(limit: number): readonly OcsfEvent[];
  /** Runs one SELECT over the view `events`. Rejects with `query-refused`, `query-failed`, `query-timeout` or `query-too-large`. */
  query(sql: string, parameters?: readonly QueryParameter[]): Promise<Record<string, Json>[]>;
  /** Seals everything recorded so far into Parquet. Rejects with `journal-damaged` or `journal-unwritable`; events stay where they are then. */
  seal(): Promise<void>;
  /** A torn end found and cut off at open. */
  readonly recovered: TornTail | undefined;
  close(): Promise<void>;
}

/** When an event has to be on its way to the disk. */
export type Urgency = 'now' | 'soon';

/** Where a journal lives and when it changes files. */
export interface JournalOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Size at which a segment is finished and sealed; 64 MiB. */
  readonly segmentBytes?: number;
  /** Age in milliseconds at which a segment is finished and sealed; one hour. */
  readonly segmentAgeMs?: number;
}

const RECENT_EVENTS = 2000;
const MAX_BATCH_BYTES = 2 * 1024 * 1024;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const AGE_CHECK_MS = 5000;
/** How long what is to be written soon waits for more, milliseconds. */
const SOON_MS = 10;

/** Opens the journal in `directory`, creating or recovering it. Fails with `journal-in-use`, `journal-unwritable` or `journal-damaged`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const layout = layoutOf(options.directory);
  let unlock = (): void => {};
  try {
    await makeFolder(layout.directory);
    unlock = lockJournal(layout);
    for (const folder of [layout.segments, layout.sealed, layout.manifests]) await makeFolder(folder);
    const found = await recoverJournal(layout, RECENT_EVENTS);
    const missing = RECENT_EVENTS - found.recent.length;
    const older = missing > 0 ? await readSealedTail(layout, found.manifests, missing) : [];
    const headFile = await HeadFile.open(layout, found.head);
    const current = await openCurrent(layout, found, options.clock.now());
    return new SegmentedJournal(options, { layout, unlock, found, older, headFile, current });
  } catch (cause) {
    unlock();
    throw cause instanceof CordonError ? cause : unwritable(layout.directory, cause);
  }
}

async function openCurrent(layout: Layout, found: Recovered, now: number): Promise<OpenSegment> {
  const last = found.segments.at(-1);
  if (last === undefined) return await OpenSegment.create(layout, found.head, now);
  return await OpenSegment.reopen(last, Math.min(now, last.firstTime ?? now));
}

function unwritable(directory: string, cause: unknown): CordonError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new CordonError('journal-unwritable', `cannot write the journal in \`${directory}\`: ${text}`, {
    cause,
    hint: 'check that the disk has space and the directory is writable; writing is tried again with the next event',
  });
}

interface Pending {
  /** Absent when only the text came. */
  readonly event: OcsfEvent | undefined;
  readonly text: string;
  /** Absent when nobody waits for it. */
  readonly resolve: ((receipt: Receipt) => void) | undefined;
  readonly reject: (error: Error) => void;
}

interface Parts {
  readonly layout: Layout;
  readonly unlock: () => void;
  readonly found: Recovered;
  readonly older: readonly OcsfEvent[];
  readonly headFile: HeadFile;
  readonly current: OpenSegment;
}

class SegmentedJournal implements Journal {
  readonly recovered: TornTail | undefined;
  readonly #layout: Layout;
  readonly #clock: Clock;
  readonly #segmentBytes: number;
  readonly #segmentAgeMs: number;
  readonly #unlock: () => void;
  readonly #headFile: HeadFile;
  readonly #archive: Archive;
  readonly #queries = new Queries();
  readonly #listeners = new Listeners<Parameters<JournalListener>>('journal');
  readonly #timer: NodeJS.Timeout;
  readonly #recent: RecentEvents;
  readonly #pages = new Pages();
  #current: OpenSegment;
  #head: Head;
  #queue: Pending[] = [];
  #queuedBytes = 0;
  /** True when something in the queue does not wait for more. */
  #isUrgent = false;
  #soon: NodeJS.Timeout | undefined;
  #writable = true;
  #sealAsked: PromiseWithResolvers<void> | undefined;
  #flushing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: JournalOptions, parts: Parts) {
    this.#layout = parts.layout;
    this.#clock = options.clock;
    this.#segmentBytes = Math.min(options.segmentBytes ?? 64 * 1024 * 1024, 1024 * 1024 * 1024);
    this.#segmentAgeMs = options.segmentAgeMs ?? 3_600_000;
    this.#unlock = parts.unlock;
    this.#headFile = parts.headFile;
    this.#current = parts.current;
    this.#head = parts.found.head;
    this.recovered = parts.found.torn;
    this.#recent = new RecentEvents(RECENT_EVENTS, [...parts.older, ...parts.found.recent]);
    const { manifests, segments } = parts.found;
    this.#archive = new Archive(parts.layout, { manifests, segments: segments.slice(0, -1) });
    this.#archive.sealInBackground();
    this.#timer = setInterval(() => this.#startFlush(), AGE_CHECK_MS).unref();
  }

  get writable(): boolean {
    return this.#writable;
  }

  get queued(): number {
    return this.#queue.length;
  }

  append(event: OcsfEvent, urgency: Urgency = 'now'): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#checkRoom();
      this.#enqueue({ event, text: encodeEvent(event), resolve, reject }, urgency);
    });
  }

  appendWritten(event: WrittenEvent, urgency: Urgency = 'now'): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#checkRoom();
      this.#enqueue({ event: undefined, text: encodeWritten(event), resolve, reject }, urgency);
    });
  }

  note(event: WrittenEvent, onLost: (error: Error) => void): void {
    try {
      this.#checkRoom();
      this.#enqueue({ event: undefined, text: encodeWritten(event), resolve: undefined, reject: onLost }, 'soon');
    } catch (error) {
      onLost(error as Error);
    }
  }

  #checkRoom(): void {
    if (this.#closing !== undefined) throw unwritable(this.#layout.directory, 'it is closed');
    // Memory must not grow without end while the disk stands still.
    if (this.#queuedBytes > MAX_QUEUED_BYTES)
      throw unwritable(this.#layout.directory, 'too many events are waiting for the disk');
  }

  #enqueue(pending: Pending, urgency: Urgency): void {
    this.#queuedBytes += pending.text.length;
    this.#queue.push(pending);
    if (urgency === 'now' || this.#queuedBytes >= MAX_BATCH_BYTES) this.#flushNow();
    else this.#soon ??= setTimeout(() => this.#flushNow(), SOON_MS);
  }

  subscribe(listener: JournalListener): () => void {
    return this.#listeners.add(listener);
  }

  recent(limit: number): readonly OcsfEvent[] {
    return this.#recent.newest(limit);
  }

  async query(sql: string, parameters: readonly QueryParameter[] = []): Promise<Record<string, Json>[]> {
    return await this.#archive.whileKept(async ({ manifests, segments }) => {
      const open = [...segments.map(({ path }) => path), this.#current.path];
      return await this.#queries.run({
        layout: this.#layout,
        manifests,
        open,
        lastSeq: this.#head.seq,
        sql,
        parameters,
      });
    });
  }

  async seal(): Promise<void> {
    if (this.#closing !== undefined) throw unwritable(this.#layout.directory, 'it is closed');
    this.#sealAsked ??= Promise.withResolvers();
    const asked = this.#sealAsked.promise;
    this.#startFlush();
    await asked;
    await this.#archive.sealAll();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    if (this.#queue.length > 0) this.#flushNow();
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#archive.close();
    try {
      await this.#current.close();
    } finally {
      await this.#headFile.close();
      this.#unlock();
    }
  }

  #flushNow(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#isUrgent = true;
    this.#startFlush();
  }

  #startFlush(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
      if (this.#isUrgent || this.#sealAsked !== undefined) this.#startFlush();
    });
  }

  async #flush(): Promise<void> {
    do {
      // Not at once: callers that were answered just now, and append again, share the next write.
      await nextTurn();
      const batch = this.#takeBatch();
      try {
        await this.#rotateIfDue();
        if (batch.length > 0) await this.#commit(batch);
      } catch (cause) {
        this.#writable = false;
        const error = unwritable(this.#layout.directory, cause);
        for (const { reject } of batch) reject(error);
        this.#sealAsked?.reject(error);
        this.#sealAsked = undefined;
        await this.#current.clean().catch(() => {});
      }
    } while (this.#isUrgent);
  }

  #takeBatch(): Pending[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < MAX_BATCH_BYTES) bytes += this.#queue[count++]?.text.length ?? 0;
    this.#queuedBytes -= bytes;
    const batch = this.#queue.splice(0, count);
    this.#isUrgent = this.#queue.length > 0;
    return batch;
  }

  /** Chains, writes and syncs a batch, then tells everyone. The chain moves only when all of it is on disk. */
  async #commit(batch: readonly Pending[]): Promise<void> {
    const { bytes, lines } = encodeLines(
      this.#head,
      batch.map(({ text }) => text),
      this.#pages,
    );
    await this.#current.append(bytes);
    this.#writable = true;
    const last = lines.at(-1);
    if (last !== undefined) this.#head = { seq: last.seq, hash: last.hash };
    this.#headFile.record(this.#head);
    for (const [index, { seq, hash, from, to }] of lines.entries()) {
      const pending = batch[index];
      if (pending === undefined) continue;
      if (this.#recent.add(bytes, from, to)) this.#pages.reuse(this.#recent.memory());
      if (pending.resolve === undefined && this.#listeners.isEmpty) continue;
      const receipt = { seq, hash, segment: this.#current.path };
      if (!this.#listeners.isEmpty) this.#listeners.tell(pending.event ?? eventOf(pending.text), receipt);
      pending.resolve?.(receipt);
    }
  }

  async #rotateIfDue(): Promise<void> {
    const { bytes, openedAt } = this.#current;
    const isOld = this.#clock.now() - openedAt >= this.#segmentAgeMs;
    const isDue = bytes >= this.#segmentBytes || isOld || this.#sealAsked !== undefined;
    if (bytes > 0 && isDue) await this.#rotate();
    this.#sealAsked?.resolve();
    this.#sealAsked = undefined;
  }

  async #rotate(): Promise<void> {
    await this.#current.clean();
    const full = this.#current;
    this.#current = await OpenSegment.create(this.#layout, this.#head, this.#clock.now());
    this.#writable = true;
    this.#archive.add({ path: full.path, first: full.first, prev: full.prev, last: this.#head });
    // Everything in it is on disk already; a failed close loses nothing.
    await full.close().catch(() => {});
    this.#archive.sealInBackground();
  }
}
