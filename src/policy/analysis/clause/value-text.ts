import { Datetime, Decimal, Duration, Entity, Ip, type Value, ValueSet } from '../../evaluate/value.ts';
import { stringText, uidText } from './expression-text.ts';

/** Items of a set that are written out; a person reads no more. */
const MOST_ITEMS = 12;

/** A value as Cedar writes it. Long sets are cut, and say so. */
export function valueText(value: Value): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Entity) return uidText(value);
  if (value instanceof ValueSet) return setText(value);
  if (value instanceof Ip) return `ip("${ipText(value)}")`;
  if (value instanceof Datetime) return `datetime("${new Date(Number(value.ms)).toISOString()}")`;
  if (value instanceof Duration) return `duration("${value.ms}ms")`;
  if (value instanceof Decimal) return `decimal("${decimalText(BigInt(value.value))}")`;
  return `{${Array.from(value, ([name, item]) => `${name}: ${valueText(item)}`).join(', ')}}`;
}

function setText({ items }: ValueSet): string {
  const shown = items.slice(0, MOST_ITEMS).map(valueText);
  const left = items.length - shown.length;
  return `[${[...shown, ...(left > 0 ? [`… ${left} more`] : [])].join(', ')}]`;
}

function ipText({ words, prefix }: Ip): string {
  const bytes = words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
  if (words.length === 1) return prefix === 32 ? bytes.join('.') : `${bytes.join('.')}/${prefix}`;
  const groups = words.flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  return prefix === 128 ? groups.join(':') : `${groups.join(':')}/${prefix}`;
}

function decimalText(tenThousandths: bigint): string {
  const sign = tenThousandths < 0n ? '-' : '';
  const digits = String(tenThousandths < 0n ? -tenThousandths : tenThousandths).padStart(5, '0');
  return `${sign}${digits.slice(0, -4)}.${digits.slice(-4).replace(/0{1,3}$/, '')}`;
}
