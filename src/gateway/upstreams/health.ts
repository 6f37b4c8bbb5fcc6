/** How long the first failure keeps a server out, milliseconds. Each further one doubles it. */
export const SHORTEST_EJECTION_MS = 1_000;
/** How long a server is kept out at most, milliseconds. */
export const LONGEST_EJECTION_MS = 60_000;
/** A server that has been well for this long starts again with the shortest time, milliseconds. */
const FORGIVEN_AFTER_MS = 60_000;
/** Answers in a row that broke off, or did not begin in time, until a server counts as unhealthy. */
const BROKEN_IN_A_ROW = 5;
/** Own checks in a row that change what is thought of a server. */
const UP_AFTER = 2;
const DOWN_AFTER = 3;

/** What is thought of one server. `down`: its own health check says no. `out`: it failed, and its time is not over. `trial`: one request may find out. */
export type Condition = 'healthy' | 'trial' | 'out' | 'down';

/**
 * What one server of an app is worth, from how requests and checks ended. Pure: time comes in, and what changes is returned. A server that
 * cannot be reached is put out at once. One that breaks off answers is put out only after several in a row, and stays usable
 * when nothing else is there: a single request can make an app fall over, and must not take it from everybody (`isReachable`).
 */
export class Health {
  #until = 0;
  #level = -1;
  #isOut = false;
  #isDown = false;
  #isReachable = true;
  #isOnTrial = false;
  #wellSince = Number.NEGATIVE_INFINITY;
  #broken = 0;
  #good = 0;
  #bad = 0;

  /** What is thought of it at a time. */
  condition(now: number): Condition {
    if (this.#isDown) return 'down';
    if (!this.#isOut) return 'healthy';
    return now >= this.#until && !this.#isOnTrial ? 'trial' : 'out';
  }

  /** False when the last attempt found nobody there. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** True while a request that finds out is under way. */
  get isOnTrial(): boolean {
    return this.#isOnTrial;
  }

  /** Nothing speaks against it. */
  get isHealthy(): boolean {
    return !this.#isOut && !this.#isDown;
  }

  /** The request that finds out is on its way; others wait until it ends. */
  beginTrial(): void {
    this.#isOnTrial = true;
  }

  /** The request that was to find out has ended without telling. */
  endTrial(): void {
    this.#isOnTrial = false;
  }

  /** An answer has begun. */
  answered(now: number): void {
    this.#isOnTrial = false;
    this.#isReachable = true;
    if (!this.#isOut) return;
    this.#isOut = false;
    this.#broken = 0;
    this.#wellSince = now;
  }

  /** An answer came whole. */
  completed(): void {
    this.#broken = 0;
  }

  /** Nobody is there, or it cannot prove who it is. */
  unreachable(now: number): void {
    this.#isReachable = false;
    this.#putOut(now);
  }

  /** It was reached, and broke off, did not answer in time, or answered with nonsense. */
  broke(now: number): void {
    this.#isReachable = true;
    this.#broken += 1;
    if (this.#isOut || this.#broken >= BROKEN_IN_A_ROW) this.#putOut(now);
    this.#isOnTrial = false;
  }

  /** A check of our own went well, or not. */
  checked(isWell: boolean, now: number): void {
    this.#good = isWell ? this.#good + 1 : 0;
    this.#bad = isWell ? 0 : this.#bad + 1;
    if (this.#bad >= DOWN_AFTER) this.#isDown = true;
    if (this.#good < UP_AFTER) return;
    this.#isDown = false;
    this.answered(now);
  }

  #putOut(now: number): void {
    const wasOnTrial = this.#isOnTrial;
    this.#isOnTrial = false;
    // Requests that were under way together fail together, and count once.
    if (this.#isOut && now < this.#until && !wasOnTrial) return;
    const isForgiven = !this.#isOut && now - this.#wellSince >= FORGIVEN_AFTER_MS;
    this.#level = isForgiven ? 0 : this.#level + 1;
    this.#until = now + Math.min(LONGEST_EJECTION_MS, SHORTEST_EJECTION_MS * 2 ** this.#level);
    this.#isOut = true;
    this.#good = 0;
  }
}
