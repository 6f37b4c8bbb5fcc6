import { type Long, addLong, longOf, multiplyLong } from './long.ts';
import { Datetime, Decimal, Duration, Ip } from './value.ts';

// What the constructors of the extension types accept. Each returns undefined for a text that Cedar refuses.

/** `decimal("-1.5")`: one to four digits behind the point, and ten-thousandths that fit 64 bits. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?)([0-9]+)\.([0-9]{1,4})$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const value = longOf(BigInt(`${sign}${whole}${fraction.padEnd(4, '0')}`));
  return value === undefined ? undefined : new Decimal(value);
}

const MS: readonly number[] = [86_400_000, 3_600_000, 60_000, 1000, 1];

/** `duration("-1d2h3m4s5ms")`: units in this order, each at most once, at least one. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/.exec(text);
  if (match === null || text === '' || text === '-') return undefined;
  const [, sign = '', ...amounts] = match;
  let sum: Long | undefined = 0;
  // From the smallest unit up, as Cedar adds: no partial sum may overflow either, but all have one sign, so any order does.
  for (const [at, amount] of amounts.entries()) {
    const count = longOf(BigInt(`${sign}${amount ?? 0}`));
    const part = count === undefined ? undefined : multiplyLong(count, MS[at] ?? 1);
    sum = sum === undefined || part === undefined ? undefined : addLong(sum, part);
  }
  return sum === undefined ? undefined : new Duration(sum);
}

const DATETIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;

/** `datetime("2024-10-15T11:38:02.101+0130")`, or a date alone. No leap second; an offset is below 24 hours. */
export function parseDatetime(text: string): Datetime | undefined {
  const match = DATETIME.exec(text);
  if (match === null) return undefined;
  const part = (at: number): number => Number(match[at] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const [offsetHour, offsetMinute] = [part(9), part(10)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const midnight = startOfDay(year, month, day);
  if (midnight === undefined) return undefined;
  const offset = (offsetHour * 60 + offsetMinute) * 60_000 * (match[8] === '-' ? 1 : -1);
  return new Datetime(midnight + ((hour * 60 + minute) * 60 + second) * 1000 + part(7) + offset);
}

/** Milliseconds of a day's start, or undefined for a day that no calendar has. `Date.UTC` alone would take year 24 for 1924. */
function startOfDay(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

const LONGEST_IP = 43;

/**
 * `ip("10.0.0.0/8")`: an address or a network, host bits allowed. Refuses leading zeros in IPv4 and in the prefix, zones, and IPv4
 * written inside IPv6, which would give one host two spellings.
 */
export function parseIp(text: string): Ip | undefined {
  if (text.length > LONGEST_IP) return undefined;
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const words = address.includes(':') ? parseV6(address) : parseV4(address);
  if (words === undefined) return undefined;
  const bits = words.length * 32;
  if (slash === -1) return new Ip(words, bits);
  const prefix = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > bits) return undefined;
  return new Ip(words, Number(prefix));
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    word = word * 256 + Number(part);
  }
  return [word];
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const words: number[] = [];
  for (let at = 0; at < 8; at += 2)
    words.push(Number.parseInt(groups[at] ?? '', 16) * 65_536 + Number.parseInt(groups[at + 1] ?? '', 16));
  return words;
}
