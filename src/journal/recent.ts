import type { OcsfEvent } from '#model';
import { eventOf } from './recover.ts';

/**
 * The newest events. They are kept as text until somebody asks for them: thousands of living trees of objects would be walked by every
 * collection of garbage, and nobody looks at most of them.
 */
export class RecentEvents {
  readonly #most: number;
  #events: (OcsfEvent | string)[];

  /** Keeps `most` events at least, and at most twice as many. */
  constructor(most: number, events: readonly OcsfEvent[]) {
    this.#most = most;
    this.#events = [...events];
  }

  /** Adds the text of an event that was recorded. */
  add(text: string): void {
    if (this.#events.length >= 2 * this.#most) this.#events = this.#events.slice(-this.#most);
    this.#events.push(text);
  }

  /** The newest, at most `limit` and at most as many as are kept for sure, newest last. */
  newest(limit: number): OcsfEvent[] {
    const found: OcsfEvent[] = [];
    const end = this.#events.length;
    for (let at = Math.max(0, end - Math.min(limit, this.#most)); at < end; at++) {
      const kept = this.#events[at];
      if (kept === undefined) continue;
      const event = typeof kept === 'string' ? eventOf(kept) : kept;
      this.#events[at] = event;
      found.push(event);
    }
    return found;
  }
}
