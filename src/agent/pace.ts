import { randomOctets } from '#base';

/** How long a failing attempt waits, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Waits longer after each failure, and never gives up. */
export class Backoff {
  readonly #limits: BackoffLimits;
  #failures = 0;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
  }

  /** Counts a failure and says how long to wait. */
  fail(): number {
    const { firstMs, mostMs } = this.#limits;
    const wait = Math.min(mostMs, firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return jitter(wait, 0.5);
  }

  succeed(): void {
    this.#failures = 0;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }
}

/** A duration moved by at most `share` of itself either way: a thousand agents that lost their server must not return as one. */
export function jitter(milliseconds: number, share: number): number {
  const random = randomOctets(4).readUInt32BE() / 2 ** 32;
  return milliseconds * (1 + share * (2 * random - 1));
}

/** A sleep that can be cut short. */
export class Rest {
  #wake: (() => void) | undefined;
  #isCalled = false;

  /** Ends the current or the next sleep at once. */
  wake(): void {
    this.#isCalled = true;
    this.#wake?.();
  }

  /** Resolves after `milliseconds`, on `wake`, or when the signal aborts. */
  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (!this.#isCalled && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        signal.addEventListener('abort', done);
        this.#wake = done;
      });
    }
    this.#wake = undefined;
    this.#isCalled = false;
  }
}
