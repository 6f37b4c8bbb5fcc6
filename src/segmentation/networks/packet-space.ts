import { ipSet, type RangeAlgebra, type RangeSet, rangeAlgebra } from '#base';

/** What a packet filter can tell packets apart by. Values are numbers as on the wire, or as numbered in `networks/nftables`. */
export type Dimension =
  | 'protocol'
  | 'dport'
  | 'state'
  | 'direction'
  | 'saddr'
  | 'daddr'
  | 'sport'
  | 'icmpType'
  | 'loopback';

/** Packets with every named dimension inside its set; a dimension that is absent may be anything. No set is empty. */
export type Box = { readonly [D in Dimension]?: RangeSet<bigint> };

/** The union of its boxes. */
export type Region = readonly Box[];

const upTo = (max: bigint): RangeAlgebra<bigint> =>
  rangeAlgebra<bigint>({
    full: [{ from: 0n, to: max }],
    next: (point) => point + 1n,
    previous: (point) => point - 1n,
  });

/** The set algebra of each dimension; its `full` is every value there is. */
export const ALGEBRA: { readonly [D in Dimension]: RangeAlgebra<bigint> } = {
  protocol: upTo(255n),
  dport: upTo(65_535n),
  state: upTo(4n),
  direction: upTo(1n),
  saddr: ipSet,
  daddr: ipSet,
  sport: upTo(65_535n),
  icmpType: upTo(255n),
  loopback: upTo(1n),
};

/** All dimensions. */
const DIMENSIONS = Object.keys(ALGEBRA) as readonly Dimension[];

/** One value of a dimension. */
export function only(value: number | bigint): RangeSet<bigint> {
  return [{ from: BigInt(value), to: BigInt(value) }];
}

/** Packets in both boxes; undefined when there are none. */
export function intersectBoxes(a: Box, b: Box): Box | undefined {
  const result: { [D in Dimension]?: RangeSet<bigint> } = { ...a };
  for (const dimension of DIMENSIONS) {
    const right = b[dimension];
    if (right === undefined) continue;
    const left = a[dimension];
    const both = left === undefined ? right : ALGEBRA[dimension].intersect(left, right);
    if (both.length === 0) return undefined;
    result[dimension] = both;
  }
  return result;
}

/** Packets of `a` outside `b`, as disjoint boxes. */
function subtractBoxes(a: Box, b: Box): Box[] {
  if (intersectBoxes(a, b) === undefined) return [a];
  const rest: Box[] = [];
  let inside: Box = a;
  for (const dimension of DIMENSIONS) {
    const cut = b[dimension];
    if (cut === undefined) continue;
    const { full, subtract, intersect } = ALGEBRA[dimension];
    const whole = inside[dimension] ?? full;
    const outside = subtract(whole, cut);
    if (outside.length > 0) rest.push({ ...inside, [dimension]: outside });
    inside = { ...inside, [dimension]: intersect(whole, cut) };
  }
  return rest;
}

/** Packets of the region outside all of the boxes. */
export function subtractRegion(region: Region, boxes: Region): Region {
  let rest = region;
  for (const box of boxes) rest = rest.flatMap((one) => subtractBoxes(one, box));
  return rest;
}
