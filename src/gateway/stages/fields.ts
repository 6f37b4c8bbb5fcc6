import { type Exchange, refuse, type Stage, type StageResult } from '../exchange.ts';
import { forwardable } from '../headers.ts';

/** Checks how long the body is said to be, and takes away every field a client must not be believed. */
export const fields: Stage = {
  name: 'fields',
  run: (exchange): StageResult => {
    const { request } = exchange;
    const length = request.headers['content-length'];
    const coding = request.headers['transfer-encoding'];
    // The parser refuses most of this; two parsers that disagree here are request smuggling (RFC 9112 section 6.1).
    if (length !== undefined && coding !== undefined)
      return refuse(400, 'request-malformed', 'content-length and transfer-encoding exclude each other');
    if (coding !== undefined && coding.toLowerCase() !== 'chunked')
      return refuse(400, 'request-malformed', 'the only transfer-encoding is `chunked`');
    if (length !== undefined && !/^\d{1,15}$/.test(length))
      return refuse(400, 'request-malformed', 'content-length is not a number');
    exchange.hasBody = coding !== undefined || (length !== undefined && Number(length) > 0);
    if (exchange.upgrade !== undefined) {
      const problem = handshakeProblem(exchange);
      if (problem !== undefined) return refuse(400, 'request-malformed', problem);
    }
    const read = forwardable(request.rawHeaders, { keepLength: length !== undefined });
    if (!read.ok) return refuse(400, 'header-refused', read.error);
    exchange.fields = read.value;
    return undefined;
  },
};

/** @see RFC 6455 section 4.2.1 */
function handshakeProblem({ request, hasBody }: Exchange): string | undefined {
  const { headers } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the only upgrade is `websocket`';
  if (request.method !== 'GET' || request.httpVersion !== '1.1') return 'a WebSocket begins with GET over HTTP/1.1';
  if (hasBody === true) return 'a WebSocket handshake has no body';
  if (headers['sec-websocket-version'] !== '13') return 'the WebSocket version must be 13';
  const key = headers['sec-websocket-key'] ?? '';
  return /^[A-Za-z0-9+/]{22}==$/.test(key) ? undefined : 'the WebSocket key is not 16 bytes in base64';
}
