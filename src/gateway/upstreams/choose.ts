import type { Health } from './health.ts';

/** When no server of an app can be reached, one request in this time finds out whether that is still so, milliseconds. */
export const LAST_RESORT_MS = 1_000;

/** What the choice depends on. */
export interface Candidate {
  readonly health: Health;
  /** Requests and connections under way. */
  readonly outstanding: number;
}

/** What is known of the request that needs a server. */
export interface Wish<T> {
  readonly now: number;
  /** It may go to another server when this one fails, so it can be the one that finds out. */
  readonly isRepeatable: boolean;
  /** Where it has failed already. */
  readonly except?: T | undefined;
}

/**
 * Chooses among the servers of one app. A healthy one with the fewest requests under way, equal ones in turn; one whose time is over gets
 * one request on trial. With none of these: one that only broke off answers; else, once a second, one that could not be reached.
 * Undefined: refuse without dialling. A server whose own health check says no is never chosen.
 */
export class Chooser<T extends Candidate> {
  readonly #candidates: readonly T[];
  readonly #only: T | undefined;
  #turn = 0;
  #lastResortAt = Number.NEGATIVE_INFINITY;

  constructor(candidates: readonly T[]) {
    this.#candidates = candidates;
    this.#only = candidates.length === 1 ? candidates[0] : undefined;
  }

  choose({ now, isRepeatable, except }: Wish<T>): T | undefined {
    if (this.#only?.health.isHealthy === true && except === undefined) return this.#only; // as it is nearly always
    const healthy = this.#least(({ health }) => health.isHealthy, except);
    if (healthy !== undefined && !isRepeatable) return healthy;
    const doubtful = this.#candidates.length > 1 || healthy === undefined;
    const trial = doubtful ? this.#least(({ health }) => health.condition(now) === 'trial', except) : undefined;
    if (trial !== undefined) {
      trial.health.beginTrial();
      return trial;
    }
    return healthy ?? this.#brokenOff(now, except) ?? this.#lastResort(now, except);
  }

  #brokenOff(now: number, except: T | undefined): T | undefined {
    return this.#least(({ health }) => health.condition(now) === 'out' && health.isReachable, except);
  }

  #lastResort(now: number, except: T | undefined): T | undefined {
    if (now - this.#lastResortAt < LAST_RESORT_MS) return undefined;
    const chosen = this.#least(({ health }) => health.condition(now) === 'out' && !health.isOnTrial, except);
    if (chosen === undefined) return undefined;
    this.#lastResortAt = now;
    chosen.health.beginTrial();
    return chosen;
  }

  /** The one with the fewest requests; of equal ones the next after the last that was taken. */
  #least(fits: (candidate: T) => boolean, except: T | undefined): T | undefined {
    const { length } = this.#candidates;
    let best: T | undefined;
    let at = this.#turn;
    for (let i = 0; i < length; i++) {
      const index = (this.#turn + i) % length;
      const candidate = this.#candidates[index];
      if (candidate === undefined || candidate === except || !fits(candidate)) continue;
      if (best !== undefined && candidate.outstanding >= best.outstanding) continue;
      best = candidate;
      at = index + 1;
    }
    if (best !== undefined) this.#turn = at;
    return best;
  }
}
