/** The outcome of an operation that can fail in expected ways. Failures are data, never exceptions. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Wraps a success. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Wraps an expected failure. */
export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** Marks a branch the type system proves unreachable; throws when untyped input reaches it all the same. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value \`${JSON.stringify(value)}\``);
}
