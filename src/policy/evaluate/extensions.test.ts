import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EXTENSIONS } from './extensions.ts';
import { parseDatetime, parseDecimal, parseDuration, parseIp } from './literals.ts';
import { conditionBoth } from './testdata/both-sides.ts';
import { Failure } from './value.ts';

type Row = readonly [condition: string, outcome: 'true' | 'false' | 'error'];
const FAR = 'datetime("1970-01-01").offset(duration("-9223372036854775808ms"))';
const TABLE: readonly Row[] = [
  ['decimal("1.1").lessThan(decimal("1.2"))', 'true'],
  ['decimal("-0.5").lessThan(decimal("0.0"))', 'true'],
  ['decimal("1.2").lessThanOrEqual(decimal("1.20"))', 'true'],
  ['decimal("1.2").greaterThan(decimal("1.2"))', 'false'],
  ['decimal("1.2").greaterThanOrEqual(decimal("1.2"))', 'true'],
  ['decimal("1.2").lessThan(1)', 'error'],
  ['ip("::1").lessThan(decimal("1.0"))', 'error'],
  ['decimal(1) == 1', 'error'],
  ['ip("10.0.0.1").isIpv4()', 'true'],
  ['ip("::1").isIpv4()', 'false'],
  ['ip("::1").isIpv6()', 'true'],
  ['ip("10.0.0.1").isIpv6()', 'false'],
  ['"10.0.0.1".isIpv4()', 'error'],
  ['ip("127.0.0.1").isLoopback()', 'true'],
  ['ip("127.0.0.0/8").isLoopback()', 'true'],
  ['ip("127.0.0.0/7").isLoopback()', 'false'],
  ['ip("128.0.0.1").isLoopback()', 'false'],
  ['ip("::1").isLoopback()', 'true'],
  ['ip("::1/127").isLoopback()', 'false'],
  ['ip("::2").isLoopback()', 'false'],
  ['ip("224.0.0.1").isMulticast()', 'true'],
  ['ip("239.255.255.255").isMulticast()', 'true'],
  ['ip("240.0.0.0").isMulticast()', 'false'],
  ['ip("224.0.0.0/4").isMulticast()', 'true'],
  ['ip("224.0.0.0/3").isMulticast()', 'false'],
  ['ip("ff02::1").isMulticast()', 'true'],
  ['ip("ff00::/8").isMulticast()', 'true'],
  ['ip("ff00::/7").isMulticast()', 'false'],
  ['ip("10.1.2.3").isInRange(ip("10.0.0.0/8"))', 'true'],
  ['ip("11.1.2.3").isInRange(ip("10.0.0.0/8"))', 'false'],
  ['ip("10.1.2.3/24").isInRange(ip("10.1.2.99/24"))', 'true'],
  ['ip("10.1.2.3/23").isInRange(ip("10.1.2.99/24"))', 'false'],
  ['ip("255.255.255.255").isInRange(ip("0.0.0.0/0"))', 'true'],
  ['ip("255.255.255.255").isInRange(ip("255.255.255.255"))', 'true'],
  ['ip("10.0.0.1").isInRange(ip("::/0"))', 'false'],
  ['ip("2001:db8:1::1").isInRange(ip("2001:db8::/32"))', 'true'],
  ['ip("2001:db9::1").isInRange(ip("2001:db8::/32"))', 'false'],
  ['ip("2001:db8:0:1::").isInRange(ip("2001:db8::/63"))', 'true'],
  ['ip("2001:db8:0:2::").isInRange(ip("2001:db8::/63"))', 'false'],
  ['ip("::1").isInRange(ip("::/0"))', 'true'],
  ['ip("::1").isInRange("::/0")', 'error'],
  ['datetime("2024-01-31").offset(duration("1d")) == datetime("2024-02-01")', 'true'],
  ['datetime("2024-01-01").offset(duration("9223372036854775807ms")) == datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01").offset(datetime("2024-01-01")) == 1', 'error'],
  ['datetime("2024-03-01").durationSince(datetime("2024-02-01")) == duration("29d")', 'true'],
  [`datetime("2024-01-01").durationSince(${FAR}) == 1`, 'error'],
  ['datetime("2024-01-01").durationSince(duration("1d")) == 1', 'error'],
  ['datetime("2024-01-01T23:59:59.999Z").toDate() == datetime("2024-01-01")', 'true'],
  ['datetime("1969-12-31T23:59:59.999Z").toDate() == datetime("1969-12-31")', 'true'],
  [`${FAR}.toDate() == 1`, 'error'],
  [`${FAR}.toTime() == duration("16h47m4s192ms")`, 'true'],
  ['datetime("2024-01-01T12:00:00Z").toTime() == duration("12h")', 'true'],
  ['datetime("1969-12-31T12:00:00Z").toTime() == duration("12h")', 'true'],
  ['duration("1d").toTime() == 1', 'error'],
  ['duration("1d2h3m4s5ms").toMilliseconds() == 93784005', 'true'],
  ['duration("-1500ms").toSeconds() == -1', 'true'],
  ['duration("9223372036854775807ms").toSeconds() == 9223372036854775', 'true'],
  ['duration("-9223372036854775808ms").toMilliseconds() == -9223372036854775808', 'true'],
  ['duration("119s").toMinutes() == 1', 'true'],
  ['duration("-119m").toHours() == -1', 'true'],
  ['duration("47h").toDays() == 1', 'true'],
  ['datetime("2024-01-01").toDays() == 1', 'error'],
];

describe('extension functions', () => {
  for (const [condition, outcome] of TABLE)
    it(`${condition} is ${outcome}`, () => assert.equal(conditionBoth(condition), outcome));

  it('all have a row that succeeds and one that errs', () => {
    for (const name of EXTENSIONS.keys()) {
      const rows = TABLE.filter(([condition]) => condition.includes(`${name}(`));
      assert.ok(
        rows.some(([, outcome]) => outcome !== 'error'),
        name,
      );
    }
    const [one] = [EXTENSIONS.get('toDays')];
    assert.ok(one?.call('1d', '1d') instanceof Failure);
  });
});

const PARSERS = { decimal: parseDecimal, ip: parseIp, datetime: parseDatetime, duration: parseDuration } as const;
const BOTH: Record<keyof typeof PARSERS, { accepted: string[]; refused: string[] }> = {
  decimal: {
    accepted: ['0.0', '-0.5', '1.2345', '00.1', '922337203685477.5807', '-922337203685477.5808', '-0.0'],
    refused: [
      '',
      '1',
      '1.',
      '.1',
      '+1.0',
      '1.00000',
      '1,0',
      '922337203685477.5808',
      '-922337203685477.5809',
      '1.0\n',
      '٣.0',
      ' 1.0',
      '1e1',
      '--1.0',
    ],
  },
  ip: {
    accepted: [
      '0.0.0.0',
      '255.255.255.255/32',
      '10.1.2.3/0',
      '::',
      '::1',
      '1:2:3:4:5:6:7:8',
      '1:2:3:4:5:6:7::',
      '::1:2:3:4:5:6:7',
      'ABCD::ef/12',
      '0001:0002:0003:0004:0005:0006:0007:0008/128',
    ],
    refused: [
      '',
      '1.2.3',
      '01.2.3.4',
      '0.0.0.00',
      '1.2.3.256',
      '1..2.3',
      '1.2.3.4.5',
      ' 1.2.3.4',
      '1.2.3.4/',
      '1.2.3.4/33',
      '1.2.3.4/032',
      '1.2.3.4/08',
      '1.2.3.4/+1',
      '1.2.3.4/1/2',
      '1.2.3.4:80',
      ':1',
      '1:',
      ':::',
      '1::2::3',
      '1:2:3:4::5:6:7:8',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      '::g',
      '::/129',
      '::/00',
      '[::1]',
      'fe80::1%eth0',
      '::ffff:1.2.3.4',
      '::1.2.3.4',
    ],
  },
  datetime: {
    accepted: [
      '0000-01-01',
      '9999-12-31',
      '2024-02-29',
      '2024-01-01T00:00:00Z',
      '2024-01-01T23:59:59.999Z',
      '2024-01-01T00:00:00+2359',
      '2024-01-01T00:00:00.001-0000',
      '0000-01-01T00:00:00+2359',
    ],
    refused: [
      '',
      '2024-1-1',
      '24-01-01',
      '2023-02-29',
      '2024-00-01',
      '2024-13-01',
      '2024-01-32',
      '2024-01-01Z',
      '2024-01-01T00:00:00',
      '2024-01-01T00:00:00z',
      '2024-01-01t00:00:00Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:60:00Z',
      '2016-12-31T23:59:60Z',
      '2024-01-01T00:00:00.1Z',
      '2024-01-01T00:00:00.0001Z',
      '2024-01-01T00:00:00+2400',
      '2024-01-01T00:00:00+0060',
      '2024-01-01T00:00:00+01:00',
      '10000-01-01',
      '2024-01-01\n',
    ],
  },
  duration: {
    accepted: [
      '0ms',
      '1d',
      '-1d2h3m4s5ms',
      '5m5ms',
      '00001ms',
      '9223372036854775807ms',
      '-9223372036854775808ms',
      '106751991167d',
    ],
    refused: [
      '',
      '-',
      '1',
      'ms',
      '1h1d',
      '1ms1s',
      '1D',
      '+1d',
      '1 d',
      '--1d',
      '1.5h',
      '9223372036854775808ms',
      '106751991168d',
      '99999999999999999999ms',
    ],
  },
};

describe('the texts of extension values', () => {
  for (const [name, { accepted, refused }] of Object.entries(BOTH)) {
    const parse = PARSERS[name as keyof typeof PARSERS];
    const isValid = (text: string): string =>
      conditionBoth(`context has t && ${name}(context.t) == ${name}(context.t)`, { context: { t: text } });
    for (const text of accepted) {
      it(`${name} takes ${JSON.stringify(text)}, as Cedar does`, () => {
        assert.notEqual(parse(text), undefined);
        assert.equal(isValid(text), 'true');
      });
    }
    for (const text of refused) {
      it(`${name} refuses ${JSON.stringify(text)}, as Cedar does`, () => {
        assert.equal(parse(text), undefined);
        assert.equal(isValid(text), 'error');
      });
    }
    it(`${name} takes and refuses what Cedar takes and refuses, for anything that looks like it`, () => {
      const pieces = fc.constantFrom(
        '0',
        '1',
        '12',
        '255',
        '2024',
        '-',
        '+',
        '.',
        ':',
        '::',
        '/',
        'T',
        'Z',
        'd',
        'h',
        'm',
        's',
        'ms',
        'f',
        '01',
      );
      const mutated = fc
        .tuple(fc.constantFrom(...accepted), fc.nat(40), pieces)
        .map(([text, at, piece]) => text.slice(0, at) + piece + text.slice(at + 1));
      const any = fc.oneof(
        mutated,
        fc.array(pieces, { maxLength: 9 }).map((all) => all.join('')),
      );
      fc.assert(
        fc.property(any, (text) => assert.equal(isValid(text), parse(text) === undefined ? 'error' : 'true')),
        { numRuns: 150 },
      );
    });
  }
});
