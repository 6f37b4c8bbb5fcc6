/** What an overload is judged by. Times in milliseconds. */
export interface OverloadLimits {
  /** Requests under way at once; beyond, all are shed. */
  readonly requestsAtOnce: number;
}

/** A time during which requests were shed. */
export interface Episode {
  readonly kind: 'began' | 'ended';
  readonly because: 'event-loop-late' | 'too-many-at-once';
  /** How late the event loop was when it began, at worst when it ended. */
  readonly lateMs: number;
  readonly underWay: number;
  /** Requests shed since it began. */
  readonly shed: number;
}

const NOT_SPARED = { isSpared: false };

/** How often the event loop is looked at, milliseconds. */
const SAMPLE_MS = 50;
/** Later than this, requests wait longer than they should. */
const LATE_MS = 100;
/** Sooner than this, there is room again. */
const IN_TIME_MS = 40;
/** One long piece of work is no overload: so many samples in a row are. */
const LATE_IN_A_ROW = 3;
/** What of the requests is let in after each late sample, and how much more after each in time. */
const LESS = 0.7;
const MORE = 0.05;
/** Never less than this part, so that it shows when there is room again. */
const LEAST = 0.05;
/** So few under way at once are not what the event loop is late for; shedding them would help nobody. */
const FEW = 32;
/** Below this part of `requestsAtOnce`, there is room again. */
const ROOM = 0.9;

/**
 * Decides when there is more to do than can be done, and which requests to turn away then: a part of them that grows while the event
 * loop is late and shrinks once it is not, so that those who are let in are answered in time. Without it, all wait until none is in time.
 */
export class Overload {
  readonly #limits: OverloadLimits;
  readonly #onEpisode: (episode: Episode) => void;
  /** Part of the requests that is let in. */
  #admitted = 1;
  /** What is left over of a request when only a part of each is let in. */
  #credit = 0;
  #lateInARow = 0;
  #isFull = false;
  #underWay = 0;
  #shed = 0;
  #worstMs = 0;
  #because: Episode['because'] | undefined;

  constructor(limits: OverloadLimits, onEpisode: (episode: Episode) => void) {
    this.#limits = limits;
    this.#onEpisode = onEpisode;
  }

  /** True while requests are shed. */
  get isOn(): boolean {
    return this.#because !== undefined;
  }

  /** Requests under way now. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Takes note of a request; false: it has to be turned away. `leave` follows in either case. */
  enter({ isSpared = false }: { readonly isSpared?: boolean } = NOT_SPARED): boolean {
    this.#underWay += 1;
    if (isSpared) return true;
    if (this.#underWay > this.#limits.requestsAtOnce) {
      this.#isFull = true;
      this.#begin('too-many-at-once', 0);
    }
    if (this.#because === undefined || (this.#underWay <= FEW && !this.#isFull)) return true;
    if (!this.#isFull) {
      this.#credit += this.#admitted;
      if (this.#credit >= 1) {
        this.#credit -= 1;
        return true;
      }
    }
    this.#shed += 1;
    return false;
  }

  /** A request has ended. */
  leave(): void {
    this.#underWay -= 1;
  }

  /** Takes note of how late the event loop was, as often as `SAMPLE_MS` says. */
  sample(lateMs: number): void {
    this.#worstMs = Math.max(this.#worstMs, lateMs);
    if (lateMs > LATE_MS) {
      this.#lateInARow += 1;
      if (this.#lateInARow >= LATE_IN_A_ROW) {
        this.#admitted = Math.max(LEAST, this.#admitted * LESS);
        this.#begin('event-loop-late', lateMs);
      }
    } else {
      this.#lateInARow = 0;
      if (lateMs < IN_TIME_MS) this.#admitted = Math.min(1, this.#admitted + MORE);
    }
    if (this.#isFull && this.#underWay <= this.#limits.requestsAtOnce * ROOM) this.#isFull = false;
    if (this.#because !== undefined && this.#admitted === 1 && !this.#isFull) this.#end();
  }

  #begin(because: Episode['because'], lateMs: number): void {
    if (this.#because !== undefined) return;
    this.#because = because;
    this.#shed = 0;
    this.#worstMs = lateMs;
    this.#onEpisode({ kind: 'began', because, lateMs: Math.round(lateMs), underWay: this.#underWay, shed: 0 });
  }

  #end(): void {
    const because = this.#because ?? 'event-loop-late';
    this.#because = undefined;
    this.#credit = 0;
    const lateMs = Math.round(this.#worstMs);
    this.#onEpisode({ kind: 'ended', because, lateMs, underWay: this.#underWay, shed: this.#shed });
  }
}

/** Tells `overload` how late the event loop is, until it is told to stop. */
export function watchEventLoop(overload: Overload): () => void {
  let dueAt = performance.now() + SAMPLE_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    overload.sample(Math.max(0, now - dueAt));
    dueAt = now + SAMPLE_MS;
  }, SAMPLE_MS).unref();
  return () => {
    clearInterval(timer);
  };
}
