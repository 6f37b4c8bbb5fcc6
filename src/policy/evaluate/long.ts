/** Cedar's Long, a signed integer of 64 bits: a number while that is exact, a bigint beyond. Each integer has one form only. */
export type Long = number | bigint;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** The one form of an integer, or undefined outside 64 bits. */
export function longOf(value: bigint): Long | undefined {
  if (value < MIN || value > MAX) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Whether a value is a Long. */
export function isLong(value: unknown): value is Long {
  return typeof value === 'number' || typeof value === 'bigint';
}

// A sum or product of two safe integers that is itself a safe number is exact: rounding never leads back below 2^53.

/** `a + b`, or undefined on overflow. */
export function addLong(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return longOf(BigInt(a) + BigInt(b));
}

/** `a - b`, or undefined on overflow. */
export function subtractLong(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return longOf(BigInt(a) - BigInt(b));
}

/** `a * b`, or undefined on overflow. */
export function multiplyLong(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0; // not -0
  }
  return longOf(BigInt(a) * BigInt(b));
}

/** `a / b` towards zero, for a small positive `b`. */
export function divideLong(a: Long, b: number): Long {
  if (typeof a === 'number') return (a - (a % b)) / b + 0;
  return longOf(a / BigInt(b)) ?? a;
}

/** The remainder of `a / b`, never negative, for a small positive `b`. */
export function moduloLong(a: Long, b: number): number {
  const rest = typeof a === 'number' ? a % b : Number(a % BigInt(b));
  return rest < 0 ? rest + b : rest + 0;
}
