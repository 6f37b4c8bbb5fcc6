/** Upper bounds of the classes that times are counted in, milliseconds. What is longer than the last has a class of its own. */
export const TIME_BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 60_000,
];

/** How often something took how long. */
export interface TimeCounts {
  /** By class of `TIME_BOUNDS_MS`, and of what is longer. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** Times by a label. */
export type TimesByLabel = Readonly<Record<string, TimeCounts>>;

/** Labels are counted apart up to this many; further ones share this name (attack: to make series until the memory is full). */
const MOST_LABELS = 1000;
const OTHER = 'other';

/** Counts how long something took, by a label. Costs a look-up and a few additions each time. */
export class Times {
  readonly #byLabel = new Map<string, { readonly counts: Float64Array; sumMs: number }>();

  add(label: string, ms: number): void {
    const times = this.#byLabel.get(label) ?? this.#begin(label);
    let at = 0;
    while (at < TIME_BOUNDS_MS.length && ms > (TIME_BOUNDS_MS[at] ?? 0)) at += 1;
    times.counts[at] = (times.counts[at] ?? 0) + 1;
    times.sumMs += ms;
  }

  #begin(label: string): { readonly counts: Float64Array; sumMs: number } {
    const name = this.#byLabel.size < MOST_LABELS ? label : OTHER;
    const known = this.#byLabel.get(name);
    if (known !== undefined) return known;
    const times = { counts: new Float64Array(TIME_BOUNDS_MS.length + 1), sumMs: 0 };
    this.#byLabel.set(name, times);
    return times;
  }

  /** What was counted so far. */
  read(): TimesByLabel {
    const read = Array.from(
      this.#byLabel,
      ([label, { counts, sumMs }]) => [label, { counts: [...counts], sumMs }] as const,
    );
    return Object.fromEntries(read);
  }
}
