/** What RFC 4251 section 5 calls `string`: its length in four bytes, then itself. */
export function sshString(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** `uint64` of RFC 4251. */
export function sshUint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** `uint32` of RFC 4251. */
export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Splits bytes that hold nothing but `count` strings; undefined when they hold anything else. */
export function readStrings(bytes: Buffer, count: number): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && strings.length < count) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return at === bytes.length && strings.length === count ? strings : undefined;
}

/** True for a positive `mpint` in its one form: no needless zero in front, no sign (RFC 4251 section 5). */
export function isPositiveMpint(bytes: Buffer): boolean {
  const [first, second = 0] = bytes;
  if (first === undefined || first >= 0x80) return false;
  return first !== 0 || second >= 0x80;
}
