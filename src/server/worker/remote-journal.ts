import { setTimeout as wait } from 'node:timers/promises';
import { CordonError } from '#base';
import type { GatewayOptions } from '#gateway';
import type { WrittenEvent } from '#model';
import { errorOf } from './calls.ts';
import type { EventHead, ToRecord, ToWorker } from './messages.ts';

/** Characters that may wait for the main process; memory must not grow without end while it stands still. */
const MAX_QUEUED = 64 * 1024 * 1024;
/** As many are sent at once. */
const FULL_BATCH = 1024 * 1024;
/** How long what is to be written soon waits for more, milliseconds. */
const SOON_MS = 10;

/** The journal as a worker sees it: the main process writes it, and says when an event is on disk. */
export interface RemoteJournal extends Readonly<Required<GatewayJournal>> {
  onRecorded(message: Extract<ToWorker, { readonly type: 'recorded' }>): void;
  onBeat(message: Extract<ToWorker, { readonly type: 'beat' }>): void;
  /** Resolves when nothing is open, at the latest after `mostMs`. */
  settled(mostMs: number): Promise<void>;
  /** Rejects what is open and whatever is appended later. */
  close(): void;
}

type GatewayJournal = GatewayOptions['journal'];

/** Somebody who waits for the disk. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** In place of somebody who has been told already that their event is not there. */
const FAILED: Waiting = { resolve: nothing, reject: nothing };

/** The way to the main process. */
interface Way {
  sendWith(message: ToRecord, texts: string): void;
  readonly queued: number;
}

/** Makes it over a channel. Events of one turn, or of a hundredth of a second where nobody waits, go together. */
export function createRemoteJournal(channel: Way): RemoteJournal {
  return new Remote(channel);
}

class Remote implements RemoteJournal {
  readonly #channel: Way;
  /** Of events that are not acknowledged yet, oldest first. */
  #open: Waiting[] = [];
  /** Number of the first of them. */
  #first = 1;
  #heads: EventHead[] = [];
  #texts = '';
  #urgency: 'now' | 'soon' = 'soon';
  /** Told when nothing is open any more. */
  #onSettled: (() => void) | undefined;
  #now: NodeJS.Immediate | undefined;
  #soon: NodeJS.Timeout | undefined;
  #isWritable = true;
  #isClosed = false;

  constructor(channel: Way) {
    this.#channel = channel;
  }

  get writable(): boolean {
    return this.#isWritable && !this.#isClosed;
  }

  async append(event: Parameters<GatewayJournal['append']>[0], urgency: 'now' | 'soon' = 'now'): Promise<void> {
    const { time, class_uid } = event;
    await this.appendWritten({ time, class_uid, text: JSON.stringify(event) }, urgency);
  }

  appendWritten(event: WrittenEvent, urgency: 'now' | 'soon' = 'now'): Promise<void> {
    return new Promise((resolve, reject) => this.#enqueue(event, urgency, { resolve, reject }));
  }

  note(event: WrittenEvent, onLost: (error: Error) => void): void {
    try {
      this.#enqueue(event, 'soon', { resolve: nothing, reject: onLost });
    } catch (error) {
      onLost(error as Error);
    }
  }

  #enqueue({ time, class_uid, text }: WrittenEvent, urgency: 'now' | 'soon', waiting: Waiting): void {
    if (this.#isClosed) throw unwritable('the main process is gone');
    if (this.#channel.queued + this.#texts.length > MAX_QUEUED)
      throw unwritable('too many events are waiting for the main process');
    this.#open.push(waiting);
    this.#heads.push({ time, class_uid, length: text.length });
    this.#texts += text;
    if (urgency === 'now') this.#urgency = 'now';
    if (this.#texts.length >= FULL_BATCH) this.#flush();
    else if (urgency === 'now') this.#now ??= setImmediate(() => this.#flush());
    else this.#soon ??= setTimeout(() => this.#flush(), SOON_MS);
  }

  #flush(): void {
    clearImmediate(this.#now);
    clearTimeout(this.#soon);
    this.#now = undefined;
    this.#soon = undefined;
    if (this.#heads.length === 0 || this.#isClosed) return;
    const first = this.#first + this.#open.length - this.#heads.length;
    this.#channel.sendWith({ type: 'record', first, urgency: this.#urgency, events: this.#heads }, this.#texts);
    this.#heads = [];
    this.#texts = '';
    this.#urgency = 'soon';
  }

  onRecorded({ upTo, failed }: Extract<ToWorker, { readonly type: 'recorded' }>): void {
    for (const { id, error } of failed) {
      const at = id - this.#first;
      this.#open[at]?.reject(errorOf(error));
      this.#open[at] = FAILED;
    }
    const done = Math.max(0, upTo + 1 - this.#first);
    const known = this.#open.slice(0, done);
    this.#open = this.#open.slice(done);
    this.#first += known.length;
    for (const { resolve } of known) resolve();
    if (known.some((one) => one !== FAILED)) this.#isWritable = true;
    // One event that cannot be written says nothing about the next.
    if (failed.some(({ error }) => error.code === 'journal-unwritable')) this.#isWritable = false;
    if (this.#open.length === 0) this.#onSettled?.();
  }

  onBeat({ isWritable }: Extract<ToWorker, { readonly type: 'beat' }>): void {
    this.#isWritable = isWritable;
  }

  async settled(mostMs: number): Promise<void> {
    this.#flush();
    if (this.#open.length === 0) return;
    const settled = new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
    await Promise.race([settled, wait(mostMs, undefined, { ref: false })]);
  }

  close(): void {
    this.#flush();
    this.#isClosed = true;
    for (const { reject } of this.#open) reject(unwritable('the main process is gone'));
    this.#open = [];
    this.#onSettled?.();
  }
}

function nothing(): void {
  // Nobody waits.
}

function unwritable(why: string): CordonError {
  return new CordonError('journal-unwritable', `a worker cannot record: ${why}`, {
    hint: 'look at the log of the main process; start Cordon again when it is gone',
  });
}
