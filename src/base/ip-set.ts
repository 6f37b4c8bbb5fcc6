import { type Address, type Cidr, hostCidr, lastAddress } from './cidr.ts';
import { type RangeAlgebra, type RangeSet, rangeAlgebra } from './interval-set.ts';

/**
 * A set of addresses of both families. They lie on one line: IPv4 from 0, IPv6 from 2^128, with a gap between, so that every
 * operation is written once and no IPv4 range can ever run into IPv6.
 */
export type IpSet = RangeSet<bigint>;

const V6_START = 1n << 128n;
const FULL: IpSet = [
  { from: 0n, to: 0xffff_ffffn },
  { from: V6_START, to: V6_START + (1n << 128n) - 1n },
];

/** Set algebra over all addresses; `complement` is relative to all of IPv4 and all of IPv6. */
export const ipSet: RangeAlgebra<bigint> = rangeAlgebra({
  full: FULL,
  next: (point) => point + 1n,
  previous: (point) => point - 1n,
});

/** Makes a set of networks and single addresses. */
export function ipSetOf(members: Iterable<Address | Cidr>): IpSet {
  return ipSet.of(
    [...members].map((member) => {
      const cidr = 'prefix' in member ? member : hostCidr(member);
      return { from: pointOf(cidr), to: pointOf(lastAddress(cidr)) };
    }),
  );
}

/** True when the set holds the address. */
export function ipSetHas(set: IpSet, address: Address): boolean {
  return ipSet.has(set, pointOf(address));
}

/** The fewest networks that hold exactly the set, IPv4 first, in order. */
export function ipSetToCidrs(set: IpSet): Cidr[] {
  const cidrs: Cidr[] = [];
  for (const range of set) {
    const family = range.from < V6_START ? 4 : 6;
    const bits = family === 4 ? 32 : 128;
    for (let from = range.from; from <= range.to; ) {
      let free = 0; // host bits of the largest network that starts here and ends inside the range
      while (free < bits && (from & (1n << BigInt(free))) === 0n && from + (2n << BigInt(free)) - 1n <= range.to)
        free++;
      cidrs.push({ family, value: family === 4 ? from : from - V6_START, prefix: bits - free });
      from += 1n << BigInt(free);
    }
  }
  return cidrs;
}

/** The first and last address of every range, for renderers that speak ranges and for naming a witness. */
export function ipSetToRanges(set: IpSet): { from: Address; to: Address }[] {
  return set.map(({ from, to }) => ({ from: addressAt(from), to: addressAt(to) }));
}

function pointOf(address: Address): bigint {
  return address.family === 4 ? address.value : V6_START + address.value;
}

function addressAt(point: bigint): Address {
  return point < V6_START ? { family: 4, value: point } : { family: 6, value: point - V6_START };
}
