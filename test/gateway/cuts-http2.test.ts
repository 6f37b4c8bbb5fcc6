import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http2';
import { TUNNEL } from '#wire';
import { describe, it } from 'node:test';
import { CAUSES, type Ended, type Kind, proveCut } from './causes.ts';
import { answerOf, listenTls, webSocketOver } from './http2-wire.ts';
import { until } from './wire.ts';
import type { World } from './world.ts';

const INADEQUATE_SECURITY = 12;

async function streamAt(
  made: World,
  headers: OutgoingHttpHeaders,
  { isStream, isOpen }: { readonly isStream: boolean; readonly isOpen: boolean },
): Promise<{ ended: ReturnType<typeof answerOf> }> {
  const session = await (await listenTls(made)).session();
  const stream = session.request(headers, { endStream: !isOpen });
  if (isOpen) stream.write('a part');
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = answerOf(stream);
  await until(() => made.arrivals.length === 1, 'the request at the app');
  if (isStream) await until(() => text.includes('tick'), 'the stream');
  return { ended };
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a request over HTTP/2 that waits for its answer': {
    open: async (made, cookie) => {
      const { ended } = await streamAt(made, { ':path': '/wait', cookie }, { isStream: false, isOpen: false });
      return { ended: ended.then(({ status, body }) => ({ how: `${status} ${body}` })) };
    },
    how: (code) => new RegExp(`^(401|403|503) [\\s\\S]*"code":"${code}"`),
  },
  'a stream of events over HTTP/2': {
    open: async (made, cookie) => {
      const { ended } = await streamAt(made, { ':path': '/events', cookie }, { isStream: true, isOpen: false });
      return { ended: ended.then(({ status, code }) => ({ how: `${status} reset ${code}` })) };
    },
    how: () => new RegExp(`^200 reset ${INADEQUATE_SECURITY}$`),
  },
  'an upload over HTTP/2': {
    open: async (made, cookie) => {
      const headers = { ':method': 'POST', ':path': '/upload', cookie };
      const { ended } = await streamAt(made, headers, { isStream: false, isOpen: true });
      return { ended: ended.then(({ status, body, code }) => ({ how: `${status} ${code} ${body}` })) };
    },
    how: (code) => new RegExp(`^(401|403|503) 0 [\\s\\S]*"code":"${code}"`),
  },
  'a call of gRPC with streams both ways': {
    open: async (made, cookie) => {
      const headers = {
        ':method': 'POST',
        ':path': '/call',
        'content-type': 'application/grpc',
        te: 'trailers',
        cookie,
      };
      const { ended } = await streamAt(made, headers, { isStream: true, isOpen: true });
      assert.equal(made.gateway.connections()[0]?.kind, 'grpc');
      const how = ended.then(({ trailers, code }) => ({
        how: `${code} ${trailers['grpc-status']} ${trailers['grpc-message']}`,
      }));
      return { ended: how };
    },
    // UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE.
    how: (code) => new RegExp(`^0 (16|7|14) ${code}: `),
  },
  'a tunnel over HTTP/2': {
    open: async (made, cookie): Promise<{ ended: Ended }> => {
      const { upstream = '' } = made.graph.get('app', 'app_wiki') ?? {};
      made.patch('app', 'app_wiki', { upstream: upstream.replace('http:', 'tcp:') });
      const session = await (await listenTls(made)).session();
      const tunnel = { ':path': TUNNEL.path, 'sec-websocket-protocol': TUNNEL.protocol, cookie };
      const { status, closed } = await webSocketOver(session, tunnel);
      assert.equal(status, 200);
      return { ended: closed.then(({ code, reason, reset }) => ({ how: `${code} ${reset} ${reason}` })) };
    },
    how: (code) => new RegExp(`^4403 0 ${code}: `),
  },
  'a WebSocket over HTTP/2': {
    open: async (made, cookie): Promise<{ ended: Ended }> => {
      const session = await (await listenTls(made)).session();
      const { status, closed } = await webSocketOver(session, { cookie });
      assert.equal(status, 200);
      return { ended: closed.then(({ code, reason, reset }) => ({ how: `${code} ${reset} ${reason}` })) };
    },
    how: (code) => new RegExp(`^4403 0 ${code}: `),
  },
};

for (const [kind, proof] of Object.entries(KINDS)) {
  describe(`${kind} is cut within a second, and the event says why, when`, () => {
    for (const [name, cause] of Object.entries(CAUSES)) it(name, async () => await proveCut(cause, proof));
  });
}
