/** A stream of choices that follows from its seed alone, so that every run can be repeated. */
export class Random {
  #state: number;

  /** `seed` is any integer from 0 to 2^32 - 1. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits. The generator is mulberry32: small, fast, good enough to choose test cases. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + (this.bits() % (high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.bits() < probability * 2 ** 32;
  }

  /** One of `items`; throws when there is none. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to choose from');
    return items[this.bits() % items.length] as T;
  }

  /** One of `items`, or undefined when there is none. */
  maybe<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : this.pick(items);
  }

  /** `low` to `high` of the items, each at most once, in their order. */
  some<T>(items: readonly T[], low: number, high: number): T[] {
    const wanted = Math.min(items.length, this.between(low, high));
    const chosen = new Set<number>();
    while (chosen.size < wanted) chosen.add(this.bits() % items.length);
    return items.filter((_, index) => chosen.has(index));
  }

  /** As many results of `make` as asked for. */
  list<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }
}
