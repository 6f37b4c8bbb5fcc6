import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Address, type Cidr, cidrContains, formatCidr, lastAddress, parseAddress, parseCidr } from './cidr.ts';
import { type IpSet, ipSet, ipSetHas, ipSetOf, ipSetToCidrs, ipSetToRanges } from './ip-set.ts';

/** Networks close together, at both ends of both families, so that they overlap and touch. */
const cidr: fc.Arbitrary<Cidr> = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    free: fc.integer({ min: 0, max: 5 }),
    low: fc.bigInt(0n, 31n),
    atEnd: fc.boolean(),
  })
  .map(({ family, free, low, atEnd }) => {
    const bits = family === 4 ? 32 : 128;
    const value = (atEnd ? (1n << BigInt(bits)) - 32n : 0n) + ((low >> BigInt(free)) << BigInt(free));
    return { family, value, prefix: bits - free };
  });
const cidrs = fc.array(cidr, { maxLength: 6 });

const SAMPLES: Address[] = ([4, 6] as const).flatMap((family) => {
  const end = 1n << (family === 4 ? 32n : 128n);
  return Array.from({ length: 40 }, (_, i) => BigInt(i)).flatMap((i): Address[] => [
    { family, value: i },
    { family, value: end - 1n - i },
  ]);
});

const naiveHas = (members: readonly Cidr[], address: Address): boolean =>
  members.some((member) => cidrContains(member, address));

function assertCanonical(set: IpSet): void {
  for (const [i, range] of set.entries()) {
    assert.ok(range.from <= range.to);
    const next = set[i + 1];
    if (next !== undefined) assert.ok(range.to + 1n < next.from);
  }
}

describe('ipSet', () => {
  it('agrees with naive evaluation in every operation, with canonical results', () => {
    fc.assert(
      fc.property(cidrs, cidrs, (left, right) => {
        const a = ipSetOf(left);
        const b = ipSetOf(right);
        const cases: [IpSet, (address: Address) => boolean][] = [
          [a, (address) => naiveHas(left, address)],
          [ipSet.union(a, b), (address) => naiveHas(left, address) || naiveHas(right, address)],
          [ipSet.intersect(a, b), (address) => naiveHas(left, address) && naiveHas(right, address)],
          [ipSet.subtract(a, b), (address) => naiveHas(left, address) && !naiveHas(right, address)],
          [ipSet.complement(a), (address) => !naiveHas(left, address)],
        ];
        for (const [set, expected] of cases) {
          assertCanonical(set);
          for (const address of SAMPLES) assert.equal(ipSetHas(set, address), expected(address));
        }
      }),
    );
  });

  it('turns into networks and back without loss, each network aligned and disjoint', () => {
    fc.assert(
      fc.property(cidrs, fc.boolean(), (members, isInverted) => {
        const set = isInverted ? ipSet.complement(ipSetOf(members)) : ipSetOf(members);
        const networks = ipSetToCidrs(set);
        assert.ok(ipSet.equals(ipSetOf(networks), set));
        for (const network of networks) assert.deepEqual(parseCidr(formatCidr(network)), { ok: true, value: network });
        for (const [i, network] of networks.entries()) {
          const next = networks[i + 1];
          if (next?.family === network.family) assert.ok(lastAddress(network).value < next.value);
        }
      }),
    );
  });

  it('covers everything with two networks', () => {
    assert.deepEqual(ipSetToCidrs(ipSet.full).map(formatCidr), ['0.0.0.0/0', '::/0']);
    assert.deepEqual(ipSet.complement(ipSet.full), []);
    assert.equal(ipSetToRanges(ipSet.full).length, 2);
  });

  it('keeps the families apart where their numbers are equal', () => {
    const v4 = parseAddress('0.0.0.1');
    const v6 = parseAddress('::1');
    assert.ok(v4.ok && v6.ok);
    assert.equal(ipSetHas(ipSetOf([v4.value]), v6.value), false);
    assert.equal(ipSetOf([v4.value, v6.value]).length, 2);
  });
});
