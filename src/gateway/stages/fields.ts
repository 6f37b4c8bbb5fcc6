import { awaitsContinue } from '../client/request-body.ts';
import { refuse, type Stage, type StageResult } from '../exchange.ts';
import { forwardable } from '../headers.ts';

/** Checks how long the body is said to be, and takes away every field a client must not be believed. */
export const fields: Stage = {
  name: 'fields',
  run: (exchange): StageResult => {
    const { client } = exchange;
    const length = client.header('content-length');
    const coding = client.header('transfer-encoding');
    // The parser refuses most of this; two parsers that disagree here are request smuggling (RFC 9112 section 6.1).
    if (length !== undefined && coding !== undefined)
      return refuse(400, 'request-malformed', 'content-length and transfer-encoding exclude each other');
    if (coding !== undefined && coding.toLowerCase() !== 'chunked')
      return refuse(400, 'request-malformed', 'the only transfer-encoding is `chunked`');
    if (length !== undefined && !/^\d{1,15}$/.test(length))
      return refuse(400, 'request-malformed', 'content-length is not a number');
    if (client.webSocket !== undefined) {
      const problem = client.hasBody ? 'a WebSocket handshake has no body' : client.webSocket.problem;
      if (problem !== undefined) return refuse(400, 'request-malformed', problem);
    }
    const expect = client.header('expect');
    if (expect !== undefined && !awaitsContinue(expect))
      return refuse(417, 'request-malformed', 'the only expectation that can be met is `100-continue`');
    const read = forwardable(client.rawHeaders, { keepLength: length !== undefined });
    if (!read.ok) return refuse(400, 'header-refused', read.error);
    exchange.fields = read.value;
    return undefined;
  },
};
