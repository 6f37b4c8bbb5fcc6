/** Retries that may be saved up, so that a quiet app has some as well. */
const MOST = 10;
/** What each request adds. */
const SHARE = 0.2;

/** Bounds retries to a fifth of the requests: a server that is down must not get twice the load when it comes back. */
export class RetryBudget {
  #left = MOST;

  /** Counts a request. */
  earn(): void {
    this.#left = Math.min(MOST, this.#left + SHARE);
  }

  /** Takes one retry, if there is one. */
  take(): boolean {
    // A fifth is not exact in binary; five of them are worth one all the same.
    if (this.#left < 1 - 1e-9) return false;
    this.#left -= 1;
    return true;
  }
}
