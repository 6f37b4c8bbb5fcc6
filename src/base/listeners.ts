/** The subscribers of one source. None of them can disturb the source or the others: one that fails is warned about, and the rest is told. */
export class Listeners<Arguments extends readonly unknown[]> {
  readonly #name: string;
  readonly #all = new Set<(...told: Arguments) => unknown>();

  /** `name` says in warnings whose listener failed, for example `journal`. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Returns the function that removes it again. */
  add(listener: (...told: Arguments) => unknown): () => void {
    // Wrapped, so that the same function added twice is told twice and each removal takes away one.
    const own = (...told: Arguments): unknown => listener(...told);
    this.#all.add(own);
    return () => this.#all.delete(own);
  }

  /** True when telling would reach nobody. */
  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Tells all, in the order they were added. */
  tell(...told: Arguments): void {
    for (const listener of this.#all) {
      try {
        const outcome = listener(...told);
        if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#warn(error));
      } catch (error) {
        this.#warn(error);
      }
    }
  }

  #warn(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`a ${this.#name} listener failed: ${text}`, {
      code: `CORDON_${this.#name.toUpperCase()}_LISTENER`,
    });
  }
}
