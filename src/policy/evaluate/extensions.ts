import { parseDatetime, parseDecimal, parseDuration, parseIp } from './literals.ts';
import { addLong, divideLong, type Long, moduloLong, subtractLong } from './long.ts';
import { Datetime, Decimal, Duration, Failure, Ip, type Outcome, typeName, type Value } from './value.ts';

/** One function or method of an extension type. All arguments are values; the receiver of a method is the first. */
export interface ExtensionFunction {
  readonly arity: 1 | 2;
  readonly call: (first: Value, second: Value) => Outcome;
}

const DAY = 86_400_000;

const OFFSET_OVERFLOW = new Failure('overflow when adding an offset');
const SINCE_OVERFLOW = new Failure('overflow when computing the duration between two moments');
const DATE_OVERFLOW = new Failure('overflow when computing the date');

/** Every extension function of language 4.5. */
export const EXTENSIONS: ReadonlyMap<string, ExtensionFunction> = new Map<string, ExtensionFunction>([
  ['decimal', constructor('decimal', parseDecimal)],
  ['lessThan', comparison((a, b) => a < b)],
  ['lessThanOrEqual', comparison((a, b) => a <= b)],
  ['greaterThan', comparison((a, b) => a > b)],
  ['greaterThanOrEqual', comparison((a, b) => a >= b)],

  ['ip', constructor('ip', parseIp)],
  ['isIpv4', unary(Ip, 'ipaddr', ({ words }) => words.length === 1)],
  ['isIpv6', unary(Ip, 'ipaddr', ({ words }) => words.length === 4)],
  ['isLoopback', unary(Ip, 'ipaddr', (ip) => isInRange(ip, ip.words.length === 1 ? LOOPBACK_V4 : LOOPBACK_V6))],
  ['isMulticast', unary(Ip, 'ipaddr', (ip) => isInRange(ip, ip.words.length === 1 ? MULTICAST_V4 : MULTICAST_V6))],
  ['isInRange', binary(Ip, Ip, isInRange)],

  ['datetime', constructor('datetime', parseDatetime)],
  ['offset', binary(Datetime, Duration, (at, by) => moment(addLong(at.ms, by.ms), OFFSET_OVERFLOW))],
  ['durationSince', binary(Datetime, Datetime, (at, since) => length(subtractLong(at.ms, since.ms)))],
  ['toDate', unary(Datetime, 'datetime', ({ ms }) => moment(subtractLong(ms, moduloLong(ms, DAY)), DATE_OVERFLOW))],
  ['toTime', unary(Datetime, 'datetime', ({ ms }) => new Duration(moduloLong(ms, DAY)))],

  ['duration', constructor('duration', parseDuration)],
  ['toMilliseconds', unary(Duration, 'duration', ({ ms }) => ms)],
  ['toSeconds', unary(Duration, 'duration', ({ ms }) => divideLong(ms, 1000))],
  ['toMinutes', unary(Duration, 'duration', ({ ms }) => divideLong(ms, 60_000))],
  ['toHours', unary(Duration, 'duration', ({ ms }) => divideLong(ms, 3_600_000))],
  ['toDays', unary(Duration, 'duration', ({ ms }) => divideLong(ms, DAY))],
]);

const LOOPBACK_V4 = new Ip([0x7f00_0000], 8);
const LOOPBACK_V6 = new Ip([0, 0, 0, 1], 128);
const MULTICAST_V4 = new Ip([0xe000_0000], 4);
const MULTICAST_V6 = new Ip([0xff00_0000, 0, 0, 0], 8);

/** The constructor that an expected type implies: with a schema, `"10.0.0.1"` may stand for `ip("10.0.0.1")`. */
export const CONSTRUCTOR_OF: Readonly<Record<string, string>> = {
  decimal: 'decimal',
  ipaddr: 'ip',
  datetime: 'datetime',
  duration: 'duration',
};

function constructor(name: string, parse: (text: string) => Value | undefined): ExtensionFunction {
  return {
    arity: 1,
    call: (text) => {
      if (typeof text !== 'string') return new Failure(`type error: expected string, got ${typeName(text)}`);
      return parse(text) ?? new Failure(`\`${name}\` cannot read its text`);
    },
  };
}

type Kind<T> = abstract new (...parts: never[]) => T;

function unary<T>(kind: Kind<T>, name: string, call: (value: T) => Outcome): ExtensionFunction {
  const wrong = new Failure(`type error: expected ${name}`);
  return { arity: 1, call: (value) => (value instanceof kind ? call(value) : wrong) };
}

function binary<A, B>(first: Kind<A>, second: Kind<B>, call: (a: A, b: B) => Outcome): ExtensionFunction {
  const wrong = new Failure(`type error: expected ${first.name.toLowerCase()} and ${second.name.toLowerCase()}`);
  return { arity: 2, call: (a, b) => (a instanceof first && b instanceof second ? call(a, b) : wrong) };
}

/** Decimals are compared by methods only; `<` refuses them. */
function comparison(holds: (a: Long, b: Long) => boolean): ExtensionFunction {
  return binary(Decimal, Decimal, (a, b) => holds(a.value, b.value));
}

/** Every address of `ip` lies in `range`. IPv4 is never in IPv6. */
function isInRange(ip: Ip, range: Ip): boolean {
  if (ip.words.length !== range.words.length || ip.prefix < range.prefix) return false;
  for (let at = 0, left = range.prefix; left > 0; at += 1, left -= 32) {
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if ((((ip.words[at] ?? 0) ^ (range.words[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function moment(ms: Long | undefined, overflow: Failure): Outcome {
  return ms === undefined ? overflow : new Datetime(ms);
}

function length(ms: Long | undefined): Outcome {
  return ms === undefined ? SINCE_OVERFLOW : new Duration(ms);
}
