import { err, ok, type Result } from '#base';

/** A message of protocol buffers as its fields stand on the wire: number, and octets or an integer. Only what Envoy's check needs is read. */
export interface WireField {
  readonly number: number;
  /** Content of a length-delimited field; absent for the other wire types. */
  readonly octets?: Buffer;
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
const MOST_FIELDS = 4096;

/**
 * Reads the fields of one message, in order. Refuses what is cut off, groups (which nothing sends any more), numbers that do not fit,
 * and more fields than any request has.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function readMessage(octets: Buffer): Result<readonly WireField[], string> {
  const fields: WireField[] = [];
  let at = 0;
  while (at < octets.length) {
    if (fields.length >= MOST_FIELDS) return err('the message has too many fields');
    const key = readVarint(octets, at);
    if (key === undefined) return err('the message is cut off');
    at = key.next;
    const number = Math.floor(key.value / 8);
    if (number < 1 || number > 0x1fff_ffff) return err('the message has a field without a valid number');
    const size = sizeOf(key.value % 8, octets, at);
    if (size === undefined || size.end > octets.length) return err('the message is cut off, or no message');
    fields.push(size.isDelimited ? { number, octets: octets.subarray(size.start, size.end) } : { number });
    at = size.end;
  }
  return ok(fields);
}

function sizeOf(
  type: number,
  octets: Buffer,
  at: number,
): { readonly start: number; readonly end: number; readonly isDelimited: boolean } | undefined {
  if (type === FIXED64) return { start: at, end: at + 8, isDelimited: false };
  if (type === FIXED32) return { start: at, end: at + 4, isDelimited: false };
  if (type !== VARINT && type !== DELIMITED) return undefined;
  const varint = readVarint(octets, at);
  if (varint === undefined) return undefined;
  if (type === VARINT) return { start: at, end: varint.next, isDelimited: false };
  return { start: varint.next, end: varint.next + varint.value, isDelimited: true };
}

/** A value beyond 2^53 loses its low bits here; as a length or a key such a one is refused anyway. */
function readVarint(octets: Buffer, start: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const octet = octets[start + i];
    if (octet === undefined) return undefined;
    value += (octet & 0x7f) * 2 ** (7 * i);
    if (octet < 0x80) return { value, next: start + i + 1 };
  }
  return undefined;
}

/** Writes a length-delimited field. */
export function delimited(number: number, content: Buffer | string): Buffer {
  const octets = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  return Buffer.concat([varint(number * 8 + DELIMITED), varint(octets.length), octets]);
}

/** Writes an integer field; `value` is not negative. */
export function integer(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8 + VARINT), varint(value)]);
}

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  octets.push(rest);
  return Buffer.from(octets);
}
