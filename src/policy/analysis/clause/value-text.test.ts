import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDatetime, parseDecimal, parseDuration, parseIp } from '../../evaluate/literals.ts';
import { Entity, type Value, ValueSet } from '../../evaluate/value.ts';
import { valueText } from './value-text.ts';

describe('valueText', () => {
  const cases: [Value | undefined, string][] = [
    ['a "b"', '"a \\"b\\""'],
    [true, 'true'],
    [9_223_372_036_854_775_807n, '9223372036854775807'],
    [new Entity('User', 'ada', true), 'User::"ada"'],
    [new ValueSet(['a', 1]), '["a", 1]'],
    [new ValueSet(Array.from({ length: 15 }, (_, at) => at)), '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 3 more]'],
    [parseIp('10.1.2.3'), 'ip("10.1.2.3")'],
    [parseIp('255.0.0.0/8'), 'ip("255.0.0.0/8")'],
    [parseIp('2001:db8::1'), 'ip("2001:db8:0:0:0:0:0:1")'],
    [parseIp('2001:db8::/32'), 'ip("2001:db8:0:0:0:0:0:0/32")'],
    [parseDatetime('2026-01-15T12:00:00Z'), 'datetime("2026-01-15T12:00:00.000Z")'],
    [parseDuration('1h'), 'duration("3600000ms")'],
    [parseDecimal('-0.5'), 'decimal("-0.5")'],
    [parseDecimal('12.3456'), 'decimal("12.3456")'],
    [parseDecimal('3.0'), 'decimal("3.0")'],
    [new Map<string, Value>([['a', new Map([['b', false]])]]), '{a: {b: false}}'],
  ];
  for (const [value, expected] of cases) {
    it(`writes ${expected}`, () => {
      assert.ok(value !== undefined);
      assert.equal(valueText(value), expected);
    });
  }
});
