/**
 * What Envoy writes when it asks, made apart from what Cordon reads it with.
 */

/** A field of a message that holds text or another message, of less than 16 kB. */
function field(number: number, content: string | Buffer): Buffer {
  const octets = Buffer.from(content);
  const { length } = octets;
  const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...size]), octets]);
}

/** `envoy.service.auth.v3.CheckRequest`. */
export function check(
  { source, host = 'wiki.localhost', path = '/page' }: { source?: string; host?: string; path?: string },
  headers: Readonly<Record<string, string>>,
): Buffer {
  const fields = Object.entries(headers).map(([name, value]) =>
    field(3, Buffer.concat([field(1, name), field(2, value)])),
  );
  const http = Buffer.concat([field(2, 'GET'), ...fields, field(4, path), field(5, host), field(6, 'http')]);
  const peer = source === undefined ? Buffer.alloc(0) : field(1, field(1, field(1, field(2, source))));
  return field(1, Buffer.concat([peer, field(4, field(2, http))]));
}

/** The one frame of a call. */
export function framed(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
