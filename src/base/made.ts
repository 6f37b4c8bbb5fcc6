/** Something made from an object of the graph and from what else it depends on, and kept as long as the object. */
export class Made<K extends object, B, T> {
  readonly #known = new WeakMap<K, { readonly basis: B; readonly made: T }>();
  readonly #make: (key: K, basis: B) => T;
  readonly #isSame: (a: B, b: B) => boolean;

  /** `isSame` says when what else it depends on is the same; without it, only the very same is. */
  constructor(make: (key: K, basis: B) => T, isSame: (a: B, b: B) => boolean = (a, b) => a === b) {
    this.#make = make;
    this.#isSame = isSame;
  }

  get(key: K, basis: B): T {
    const known = this.#known.get(key);
    if (known !== undefined && this.#isSame(known.basis, basis)) return known.made;
    const made = this.#make(key, basis);
    this.#known.set(key, { basis, made });
    return made;
  }
}
