import type { IncomingHttpHeaders } from 'node:http2';
import { acceptKey } from '../websocket.ts';
import type { UpstreamRequest } from './transport.ts';

/** Fields of HTTP/1.1 that HTTP/2 has other means for. @see RFC 9113 section 8.2.2 */
const NOT_IN_HTTP2: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'sec-websocket-key',
]);

/** The head of a request: pseudo-fields, then fields in small letters. @see RFC 9113 section 8.3.1, RFC 8441 section 4 */
export function requestFields({ method, path, headers, isWebSocket }: UpstreamRequest, scheme: string): string[] {
  const fields: string[] = [];
  let authority = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (name === 'host') authority = value;
    else if (!NOT_IN_HTTP2.has(name)) fields.push(name, value);
  }
  return [
    ':method',
    isWebSocket ? 'CONNECT' : method,
    ...(isWebSocket ? [':protocol', 'websocket'] : []),
    ':scheme',
    scheme,
    ':authority',
    authority,
    ':path',
    path,
    ...fields,
    // Trailers are passed on; gRPC servers answer nobody who does not say so.
    ...(isWebSocket ? [] : ['te', 'trailers']),
  ];
}

/** What a server answered, apart from the status: as it came, and by name. */
export function answerFields(
  raw: readonly string[],
  byName: IncomingHttpHeaders,
): { raw: string[]; byName: IncomingHttpHeaders } {
  const rest: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!name.startsWith(':')) rest.push(name, raw[i + 1] ?? '');
  }
  const { ':status': _, ...fields } = byName;
  return { raw: rest, byName: fields };
}

/**
 * The accept key that a WebSocket's client of HTTP/1.1 waits for. Over HTTP/2 none is sent: `:protocol` proves that the server read the
 * request for what it is (RFC 8441 section 5).
 */
export function acceptFields({ headers }: UpstreamRequest): string[] {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'sec-websocket-key');
  return at === -1 ? [] : ['sec-websocket-accept', acceptKey(headers[at + 1] ?? '')];
}
