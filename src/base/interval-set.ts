/** An inclusive range of integers. */
export interface Range<T extends number | bigint> {
  readonly from: T;
  readonly to: T;
}

/**
 * A set of integers as sorted, disjoint, non-adjacent ranges: equal sets are equal arrays.
 * Only an algebra makes them canonical; hand-written ranges go through `of`.
 */
export type RangeSet<T extends number | bigint> = readonly Range<T>[];

/** Set operations over the integers `min` to `max`. Every result is canonical. */
export interface RangeAlgebra<T extends number | bigint> {
  readonly empty: RangeSet<T>;
  readonly full: RangeSet<T>;
  /** Makes a set of ranges in any order. Throws RangeError on a reversed range or one outside `min` to `max`: a caller's bug. */
  of(ranges: Iterable<Range<T>>): RangeSet<T>;
  union(a: RangeSet<T>, b: RangeSet<T>): RangeSet<T>;
  intersect(a: RangeSet<T>, b: RangeSet<T>): RangeSet<T>;
  subtract(a: RangeSet<T>, b: RangeSet<T>): RangeSet<T>;
  complement(a: RangeSet<T>): RangeSet<T>;
  has(set: RangeSet<T>, point: T): boolean;
  equals(a: RangeSet<T>, b: RangeSet<T>): boolean;
}

/** The integers a set algebra works on, and how to step through them. */
export interface RangeLine<T extends number | bigint> {
  readonly full: readonly Range<T>[];
  next(point: T): T;
  previous(point: T): T;
}

/** A set of ports, 0 to 65535. */
export type PortSet = RangeSet<number>;

/** Set algebra over ports. */
export const portSet: RangeAlgebra<number> = rangeAlgebra({
  full: [{ from: 0, to: 65_535 }],
  next: (point) => point + 1,
  previous: (point) => point - 1,
});

/** Renders ports as `22,80-90`, all of them as `any`, none as `none`. */
export function formatPorts(set: PortSet): string {
  if (set.length === 0) return 'none';
  if (portSet.equals(set, portSet.full)) return 'any';
  return set.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** Makes the set algebra of a line of integers. `full` must be canonical. */
export function rangeAlgebra<T extends number | bigint>(line: RangeLine<T>): RangeAlgebra<T> {
  const { full } = line;
  const complement = (a: RangeSet<T>): RangeSet<T> => subtractRanges(line, full, a);
  return {
    empty: [],
    full,
    of: (ranges) => canonical(line, ranges),
    union: (a, b) => (a.length === 0 ? b : b.length === 0 ? a : merge(line, [...a, ...b])),
    intersect: intersectRanges,
    subtract: (a, b) => subtractRanges(line, a, b),
    complement,
    has: hasPoint,
    equals: (a, b) => a.length === b.length && a.every((r, i) => r.from === b[i]?.from && r.to === b[i]?.to),
  };
}

function canonical<T extends number | bigint>(line: RangeLine<T>, ranges: Iterable<Range<T>>): RangeSet<T> {
  const all = [...ranges];
  for (const { from, to } of all) {
    if (!(from <= to) || !line.full.some((whole) => whole.from <= from && to <= whole.to)) {
      throw new RangeError(`the range ${from} to ${to} is reversed or outside the set's integers`);
    }
  }
  return merge(line, all);
}

function merge<T extends number | bigint>(line: RangeLine<T>, ranges: Range<T>[]): RangeSet<T> {
  ranges.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: Range<T>[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.from > line.next(last.to)) merged.push(range);
    else if (range.to > last.to) merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}

function intersectRanges<T extends number | bigint>(a: RangeSet<T>, b: RangeSet<T>): RangeSet<T> {
  const result: Range<T>[] = [];
  for (let i = 0, j = 0; ; ) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) return result;
    const from = left.from > right.from ? left.from : right.from;
    const to = left.to < right.to ? left.to : right.to;
    if (from <= to) result.push({ from, to });
    if (left.to < right.to) i++;
    else j++;
  }
}

function subtractRanges<T extends number | bigint>(line: RangeLine<T>, a: RangeSet<T>, b: RangeSet<T>): RangeSet<T> {
  const result: Range<T>[] = [];
  let j = 0;
  for (const range of a) {
    let from = range.from;
    let isSpent = false;
    for (let cut = b[j]; cut !== undefined && cut.from <= range.to; cut = b[j]) {
      if (cut.to >= from) {
        if (cut.from > from) result.push({ from, to: line.previous(cut.from) });
        if (cut.to >= range.to) {
          isSpent = true; // the cut may reach into the next range, so it stays current
          break;
        }
        from = line.next(cut.to);
      }
      j++;
    }
    if (!isSpent) result.push({ from, to: range.to });
  }
  return result;
}

function hasPoint<T extends number | bigint>(set: RangeSet<T>, point: T): boolean {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = set[middle];
    if (range === undefined || point < range.from) high = middle;
    else if (point > range.to) low = middle + 1;
    else return true;
  }
  return false;
}
