/** Requests that are nearly right: good ones, changed in a few places. */
import fc from 'fast-check';

/** What is put in, taken out or said twice. */
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '%2f',
  '%00',
  '/../',
  '//',
  '\\',
  '#',
  '?',
  'chunked',
  'identity',
  '0\r\n\r\n',
  'content-length: 5\r\n',
  'Content-Length: +5\r\n',
  'content-length : 0\r\n',
  'transfer-encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'transfer-encoding:\x0bchunked\r\n',
  'host: evil.example\r\n',
  'x-forwarded-user: forged\r\n',
  'X_Forwarded_User: forged\r\n',
  'remote-user: forged\r\n',
  'x-cordon-assertion: forged\r\n',
  'connection: x-cordon-assertion, authorization\r\n',
  'connection: keep-alive\r\n',
  'expect: 100-continue\r\n',
  'upgrade: websocket\r\n',
  'upgrade: h2c\r\n',
  'cookie: __Host-cordon_app=forged\r\n',
  'authorization: Bearer cordon_at_forged\r\n',
  'authorization: DPoP cordon_at_forged\r\nDPoP: forged\r\n',
  'GET /admin HTTP/1.1\r\nhost: wiki.localhost\r\n\r\n',
  'http://evil.example',
  'HTTP/1.0',
  'HTTP/2.0',
] as const;

/** One change, at a place between the beginning (0) and the end (1). */
export interface Change {
  readonly kind: 'insert' | 'delete' | 'flip' | 'repeat' | 'at-line';
  readonly place: number;
  readonly piece: string;
  readonly size: number;
}

export const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('insert', 'delete', 'flip', 'repeat', 'at-line'),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    piece: fc.constantFrom(...PIECES),
    size: fc.integer({ min: 1, max: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Applies changes to a text of octets, one after the other. */
export function mutated(text: string, all: readonly Change[]): string {
  return all.reduce((now, change) => apply(now, change), text);
}

function apply(text: string, { kind, place, piece, size }: Change): string {
  const at = Math.floor(place * text.length);
  if (kind === 'insert') return text.slice(0, at) + piece + text.slice(at);
  if (kind === 'delete') return text.slice(0, at) + text.slice(at + size);
  if (kind === 'repeat') return text.slice(0, at) + text.slice(at, at + size) + text.slice(at);
  if (kind === 'flip') {
    const code = text.charCodeAt(at) || 0;
    return text.slice(0, at) + String.fromCharCode(code ^ (1 << (size % 8))) + text.slice(at + 1);
  }
  // Between two lines, where whole fields do the most.
  const line = text.indexOf('\r\n', at);
  return line === -1 ? text + piece : text.slice(0, line + 2) + piece + text.slice(line + 2);
}
