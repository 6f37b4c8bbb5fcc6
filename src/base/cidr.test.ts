import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Address,
  cidrContains,
  formatAddress,
  formatCidr,
  hostCidr,
  lastAddress,
  parseAddress,
  parseCidr,
} from './cidr.ts';

const address: fc.Arbitrary<Address> = fc.oneof(
  fc.bigInt(0n, 0xffff_ffffn).map((value): Address => ({ family: 4, value })),
  fc
    .array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 })
    .map((groups): Address => ({ family: 6, value: groups.reduce((sum, group) => (sum << 16n) | group, 0n) }))
    .filter(({ value }) => value >> 32n !== 0xffffn),
);

describe('parseAddress and formatAddress', () => {
  for (const [text, canonical] of [
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::', '2001:db8::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0001:0001:0001:0001:0001', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ] as const) {
    it(`writes \`${text}\` as \`${canonical}\` (RFC 5952)`, () => {
      const parsed = parseAddress(text);
      assert.ok(parsed.ok);
      assert.equal(formatAddress(parsed.value), canonical);
    });
  }

  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.04',
    '0x1.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '+1.2.3.4',
    '١.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::ffff:1.2.3.4',
    '::FFFF:1.2.3.4',
    '::ffff:102:304',
    '::1.2.3.4',
    '64:ff9b::1.2.3.4',
    ':1::',
    '1:',
    '[::1]',
  ]) {
    it(`refuses \`${text}\``, () => assert.equal(parseAddress(text).ok, false));
  }

  it('unmaps IPv4-mapped addresses only when asked', () => {
    for (const text of ['::ffff:1.2.3.4', '::ffff:102:304', '1.2.3.4']) {
      assert.deepEqual(parseAddress(text, { mapped: 'unmap' }), { ok: true, value: { family: 4, value: 0x01020304n } });
    }
    assert.equal(parseAddress('::ffff:1.2.3.400', { mapped: 'unmap' }).ok, false);
  });

  it('names the octal danger of leading zeros', () => {
    const parsed = parseAddress('010.0.0.1');
    assert.match(parsed.ok ? '' : parsed.error, /octal/);
  });

  it('reads back what it writes, as text that the platform agrees is an address', () => {
    fc.assert(
      fc.property(address, (value) => {
        const text = formatAddress(value);
        assert.equal(isIP(text), value.family);
        assert.deepEqual(parseAddress(text), { ok: true, value });
      }),
    );
  });

  it('never throws, and accepts only what the platform accepts', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.%/ ') });
    fc.assert(
      fc.property(noise, (text) => {
        const parsed = parseAddress(text);
        if (parsed.ok) assert.equal(isIP(text), parsed.value.family);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parseCidr', () => {
  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '/8',
    '10.0.0.1/8',
    '2001:db8::1/32',
    '::/129',
    '::/0/0',
    '0.0.0.0/+0',
  ]) {
    it(`refuses \`${text}\``, () => assert.equal(parseCidr(text).ok, false));
  }

  it('says which network is meant when host bits are set, and clears them when asked', () => {
    const refused = parseCidr('10.1.2.3/8');
    assert.match(refused.ok ? '' : refused.error, /`10\.0\.0\.0\/8`/);
    const cleared = parseCidr('10.1.2.3/8', { hostBits: 'clear' });
    assert.ok(cleared.ok);
    assert.equal(formatCidr(cleared.value), '10.0.0.0/8');
  });

  it('reads back what it writes; a network holds its own first and last address and no neighbour', () => {
    fc.assert(
      fc.property(address, fc.nat(), (seed, length) => {
        const bits = seed.family === 4 ? 32 : 128;
        const parsed = parseCidr(`${formatAddress(seed)}/${length % (bits + 1)}`, { hostBits: 'clear' });
        assert.ok(parsed.ok);
        const cidr = parsed.value;
        assert.ok(cidrContains(cidr, seed));
        assert.ok(cidrContains(cidr, hostCidr(lastAddress(cidr))));
        assert.ok(cidrContains(cidr, cidr));
        const after: Address = { family: cidr.family, value: lastAddress(cidr).value + 1n };
        assert.equal(cidrContains(cidr, after), false);
        assert.equal(cidrContains(cidr, { family: cidr.family === 4 ? 6 : 4, value: cidr.value }), false);
      }),
    );
  });
});
