/** One thing that was counted. */
export interface Entry {
  /** Milliseconds since the epoch; event time. */
  readonly time: number;
  /** Equal values count once. */
  readonly value: string;
  /** `metadata.uid` of the event. */
  readonly eventId: string;
}

/** What a full window holds. */
export interface WindowHit {
  /** The latest entry of each different value within the window, oldest first. */
  readonly entries: readonly Entry[];
  /** Those of them that no earlier hit has told. */
  readonly fresh: readonly Entry[];
}

/** How a window counts. */
export interface WindowShape {
  readonly windowMs: number;
  readonly threshold: number;
  /** Different values kept at most; at least four times the threshold. */
  readonly values: number;
}

/**
 * Counts different values within any stretch of `windowMs`, whatever the order in which they arrive.
 *
 * An entry may be up to `windowMs` older than the newest and still counts exactly; what is older than two windows is ignored.
 * Memory is bounded and still nothing is missed: of one value, an entry between two that are no further apart than a window can never
 * matter, so at most five of each stay; and with more values than are kept (in two windows, four times the threshold) some window
 * was full already.
 */
export class CountingWindow {
  #entries: Entry[] = [];
  readonly #told = new Set<string>();

  /** Adds an entry. Returns the fullest window that holds it, if that reaches the threshold. */
  add(entry: Entry, shape: WindowShape): WindowHit | undefined {
    const newest = Math.max(entry.time, this.#entries.at(-1)?.time ?? entry.time);
    const horizon = newest - 2 * shape.windowMs;
    this.#drop(horizon);
    if (entry.time < horizon) return undefined;
    const at = this.#insert(entry);
    const best = this.#fullest(at, shape);
    const isFull = best.length >= shape.threshold;
    const fresh = isFull ? best.filter(({ eventId }) => !this.#told.has(eventId)) : [];
    for (const { eventId } of fresh) this.#told.add(eventId);
    this.#thin(entry.value, shape.windowMs);
    this.#limit(shape.values);
    return isFull ? { entries: best, fresh } : undefined;
  }

  /** How many entries are held. */
  get size(): number {
    return this.#entries.length;
  }

  #insert(entry: Entry): number {
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1]?.time ?? 0) > entry.time) at--;
    this.#entries.splice(at, 0, entry);
    return at;
  }

  /** Tries every window that ends with an entry and holds the one at `at`; in order of arrival that is one. */
  #fullest(at: number, { windowMs }: WindowShape): Entry[] {
    const time = this.#entries[at]?.time ?? 0;
    let best: Entry[] = [];
    for (let end = this.#entries.length - 1; end >= at; end--) {
      const last = this.#entries[end]?.time ?? 0;
      if (last - time > windowMs) continue;
      const latest = new Map<string, Entry>();
      for (let i = end; i >= 0; i--) {
        const candidate = this.#entries[i];
        if (candidate === undefined || last - candidate.time > windowMs) break;
        if (!latest.has(candidate.value)) latest.set(candidate.value, candidate);
      }
      if (latest.size > best.length) best = [...latest.values()].reverse();
    }
    return best;
  }

  #thin(value: string, windowMs: number): void {
    const same = this.#entries.filter((entry) => entry.value === value);
    const needless = new Set<Entry>();
    let kept = same[0];
    for (let i = 1; i + 1 < same.length; i++) {
      const [middle, after] = [same[i], same[i + 1]];
      if (kept === undefined || middle === undefined || after === undefined) break;
      if (after.time - kept.time <= windowMs) needless.add(middle);
      else kept = middle;
    }
    if (needless.size > 0) this.#keep((entry) => !needless.has(entry));
  }

  #limit(values: number): void {
    const latest = new Map<string, number>();
    for (const { value, time } of this.#entries) latest.set(value, time);
    if (latest.size <= values) return;
    // Entries are in order of time, so the first to be seen last is the oldest.
    const [oldest] = [...latest].reduce((a, b) => (b[1] < a[1] ? b : a));
    this.#keep((entry) => entry.value !== oldest);
  }

  #drop(horizon: number): void {
    if ((this.#entries[0]?.time ?? horizon) < horizon) this.#keep((entry) => entry.time >= horizon);
  }

  #keep(isKept: (entry: Entry) => boolean): void {
    const next: Entry[] = [];
    for (const entry of this.#entries) {
      if (isKept(entry)) next.push(entry);
      else this.#told.delete(entry.eventId);
    }
    this.#entries = next;
  }
}
