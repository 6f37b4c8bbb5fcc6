import type { OcsfEvent } from '#model';
import { eventOf } from './recover.ts';

/** Bytes in which an event was written. */
interface Written {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/**
 * The newest events. They are kept as the bytes that were written until somebody asks for them: thousands of living trees of objects, or
 * texts, would be walked and moved by every collection of garbage, and nobody looks at most of them.
 */
export class RecentEvents {
  readonly #most: number;
  #events: (OcsfEvent | Written)[];

  /** Keeps `most` events at least, and at most twice as many. */
  constructor(most: number, events: readonly OcsfEvent[]) {
    this.#most = most;
    this.#events = [...events];
  }

  /**
   * Adds an event that was recorded: its JSON lies in `bytes`, which nobody changes as long as it is among `memory`. Returns true when older
   * events were let go of.
   */
  add(bytes: Buffer, from: number, to: number): boolean {
    const isFull = this.#events.length >= 2 * this.#most;
    if (isFull) this.#events = this.#events.slice(-this.#most);
    this.#events.push({ bytes, from, to });
    return isFull;
  }

  /** The memory that kept events lie in. */
  memory(): ReadonlySet<ArrayBufferLike> {
    return new Set(this.#events.flatMap((kept) => (isWritten(kept) ? [kept.bytes.buffer] : [])));
  }

  /** The newest, at most `limit` and at most as many as are kept for sure, newest last. */
  newest(limit: number): OcsfEvent[] {
    const found: OcsfEvent[] = [];
    const end = this.#events.length;
    for (let at = Math.max(0, end - Math.min(limit, this.#most)); at < end; at++) {
      const kept = this.#events[at];
      if (kept === undefined) continue;
      const event = isWritten(kept) ? eventOf(kept.bytes.toString('utf8', kept.from, kept.to)) : kept;
      this.#events[at] = event;
      found.push(event);
    }
    return found;
  }
}

function isWritten(kept: OcsfEvent | Written): kept is Written {
  return 'bytes' in kept && Buffer.isBuffer(kept.bytes);
}
