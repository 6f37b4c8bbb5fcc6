/** A source of time. The only one in production is `systemClock`; tests move their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** The machine's wall clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves the clock by `milliseconds`, which may be negative (a clock jump). */
  advance(milliseconds: number): void;
}

/** Makes a clock for tests that starts at `start` (milliseconds since the epoch). */
export function manualClock(start: number): ManualClock {
  let current = start;
  return {
    now: () => current,
    advance(milliseconds: number): void {
      current += milliseconds;
    },
  };
}
