import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type IpSet, ipSetOf, parseCidr } from '#base';
import { addressReader, clientAddress, isTrusted } from './client-address.ts';

function setOf(...networks: string[]): IpSet {
  return ipSetOf(
    networks.map((text) => {
      const read = parseCidr(text);
      assert.ok(read.ok);
      return read.value;
    }),
  );
}

const PROXIES = setOf('10.0.0.0/24', '2001:db8::/64');

describe('clientAddress', () => {
  const cases: Record<string, string> = {
    '203.0.113.9': '203.0.113.9',
    '203.0.113.9, 10.0.0.1': '203.0.113.9',
    '203.0.113.9,10.0.0.1,10.0.0.2': '203.0.113.9',
    // What the client said about itself stands left of what a proxy saw.
    '10.0.0.1, 203.0.113.9': '203.0.113.9',
    '198.51.100.1, 203.0.113.9, 10.0.0.1': '203.0.113.9',
    'garbage, 203.0.113.9': '203.0.113.9',
    '2001:DB8:1::1, 2001:db8::5': '2001:db8:1::1',
    '::ffff:203.0.113.9': '203.0.113.9',
    '10.0.0.7': '10.0.0.7',
    '10.0.0.7, 10.0.0.1': '10.0.0.7',
  };
  for (const [field, address] of Object.entries(cases)) {
    it(`finds ${address} in \`${field}\``, () => {
      assert.deepEqual(clientAddress(field, PROXIES), { ok: true, value: address });
    });
  }

  const refused = [
    '',
    ' ',
    'unknown',
    '203.0.113.9:1234',
    '203.0.113.9,',
    'x, 10.0.0.1',
    '010.0.0.1',
    '1.2.3',
    '[::1]',
  ];
  for (const field of refused) {
    it(`refuses \`${field}\``, () => assert.ok(!clientAddress(field, PROXIES).ok));
  }

  it('takes the nearest hop, whatever stands before it, while nobody is trusted', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (before) => {
        const found = clientAddress(`${before},203.0.113.9`, setOf());
        assert.deepEqual(found, { ok: true, value: '203.0.113.9' });
      }),
    );
  });
});

describe('addressReader', () => {
  it('says what clientAddress says, for lists that it has read, has forgotten, or never keeps', () => {
    const read = addressReader(PROXIES);
    const lists = [
      ...Array.from({ length: 1500 }, (_, i) => `203.0.${i >> 8}.${i & 255}, 10.0.0.1`),
      ...['10.0.0.1', '10.0.0.1, 203.0.113.9', 'garbage', '', `${'203.0.113.8, '.repeat(10)}10.0.0.9`],
    ];
    for (const list of [...lists, ...lists, ...lists.toReversed()])
      assert.deepEqual(read(list), clientAddress(list, PROXIES), list);
  });

  it('keeps what was read for one set of proxies from another', () => {
    const [one, other] = [addressReader(PROXIES), addressReader(setOf('10.0.0.0/8'))];
    const list = '203.0.113.9, 10.0.1.1, 10.0.0.1';
    assert.deepEqual(
      [one(list), other(list)],
      [clientAddress('10.0.1.1', PROXIES), clientAddress('203.0.113.9', PROXIES)],
    );
  });
});

describe('isTrusted', () => {
  it('knows a proxy by its address, also where IPv4 is shown as IPv6', () => {
    assert.ok(isTrusted('10.0.0.1', PROXIES));
    assert.ok(isTrusted('::ffff:10.0.0.1', PROXIES));
    assert.ok(isTrusted('2001:db8::9', PROXIES));
  });

  it('trusts nobody else, and nobody at all when none is named', () => {
    assert.ok(!isTrusted('10.0.1.1', PROXIES));
    assert.ok(!isTrusted('127.0.0.1', PROXIES));
    for (const address of ['127.0.0.1', '10.0.0.1', '::1']) assert.ok(!isTrusted(address, setOf()));
  });

  it('trusts no address that cannot be read', () => {
    for (const address of [undefined, '', '/run/x.sock']) assert.ok(!isTrusted(address, PROXIES));
  });
});
