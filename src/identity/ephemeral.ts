import { type Clock, hashToken, newToken } from '#base';

interface Held<T> {
  readonly value: T;
  readonly expiresAt: number;
  readonly owner: string;
}

/**
 * Short-lived secrets with something behind them: pending sign-ins, challenges, hand-off codes, unfinished enrolments.
 *
 * They live in memory on purpose. They last minutes, are worth nothing after a restart (the person starts that step again),
 * `take` is atomic without a transaction, and a flood of them writes nothing to disk. Keys are hashes, so a dump of the
 * process shows no usable code. Size is bounded in all and per owner: an owner's oldest gives way before anybody else's.
 */
export class Ephemeral<T> {
  readonly #held = new Map<string, Held<T>>();
  readonly #owners = new Map<string, Set<string>>();
  readonly #clock: Clock;
  readonly #max: number;
  readonly #perOwner: number;

  constructor(clock: Clock, max: number, perOwner: number) {
    this.#clock = clock;
    this.#max = max;
    this.#perOwner = perOwner;
  }

  /** How many are held, expired ones included until `sweep`. */
  get size(): number {
    return this.#held.size;
  }

  /** Keeps `value` until `expiresAt` (milliseconds) and returns its secret. */
  add(value: T, owner: string, expiresAt: number): string {
    const token = newToken();
    const mine = this.#owners.get(owner) ?? new Set<string>();
    if (mine.size >= this.#perOwner) this.#drop(mine.values().next().value);
    if (this.#held.size >= this.#max) this.#drop(this.#held.keys().next().value);
    const key = hashToken(token);
    this.#held.set(key, { value, owner, expiresAt });
    // Fetched again: dropping the owner's only entry removed its set.
    const keys = this.#owners.get(owner) ?? new Set<string>();
    this.#owners.set(owner, keys.add(key));
    return token;
  }

  /** The value behind a secret, or undefined when unknown, taken or expired. */
  peek(token: string): T | undefined {
    const held = this.#held.get(hashToken(token));
    return held === undefined || held.expiresAt <= this.#clock.now() ? undefined : held.value;
  }

  /** Like `peek`, and the secret is dead afterwards: of two callers exactly one gets the value. */
  take(token: string): T | undefined {
    const value = this.peek(token);
    this.#drop(hashToken(token));
    return value;
  }

  /** Exchanges the value behind a living secret. */
  replace(token: string, value: T): void {
    const key = hashToken(token);
    const held = this.#held.get(key);
    if (held !== undefined) this.#held.set(key, { ...held, value });
  }

  /** Ends everything an owner holds. */
  dropOwner(owner: string): void {
    for (const key of this.#owners.get(owner) ?? []) this.#drop(key);
  }

  /** Removes what has expired. */
  sweep(): void {
    const now = this.#clock.now();
    for (const [key, held] of this.#held) if (held.expiresAt <= now) this.#drop(key);
  }

  #drop(key: string | undefined): void {
    if (key === undefined) return;
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    const keys = this.#owners.get(held.owner);
    keys?.delete(key);
    if (keys?.size === 0) this.#owners.delete(held.owner);
  }
}
