/** Odd answers of an app, to clients of both protocols: each is an answer or a broken one in time, and none ends the process. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, askHttp2, listenTls, type TlsListener } from '../gateway/http2-wire.ts';
import { until } from '../gateway/wire.ts';
import { type World, world } from '../gateway/world.ts';
import { EVERYBODY } from './raw-gateway.ts';

/** Names of which Node takes one value only. */
const ONCE = ['age', 'etag', 'expires', 'location', 'server', 'date', 'retry-after', 'content-type', 'dnt'];
const TWICE = ONCE.map((name) => `${name}: a\r\n${name}: b\r\n`).join('');
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

interface Odd {
  readonly name: string;
  /** What comes at once, and what comes a moment later. */
  readonly parts: readonly [string, string];
  /** Statuses over HTTP/1.1 and HTTP/2. */
  readonly statuses: readonly [number, number];
}

const ODD: readonly Odd[] = [
  {
    name: 'the status 600',
    parts: ['HTTP/1.1 600 What\r\ncontent-length: 2\r\n\r\n', 'ok'],
    statuses: [600, 502],
  },
  {
    name: 'the status 999 in one piece',
    parts: ['HTTP/1.1 999 No\r\ncontent-length: 2\r\n\r\nok', ''],
    statuses: [999, 502],
  },
  {
    name: 'every name twice that may come once',
    parts: [`HTTP/1.1 200 OK\r\n${TWICE}content-length: 2\r\n\r\n`, 'ok'],
    statuses: [200, 200],
  },
  { name: 'the same after the body', parts: [CHUNKED, `2\r\nok\r\n0\r\n${TWICE}\r\n`], statuses: [200, 200] },
  {
    name: 'names that every object has, after the body',
    parts: [CHUNKED, '2\r\nok\r\n0\r\nconstructor: x\r\nhasownproperty: x\r\nvalueof: x\r\n\r\n'],
    statuses: [200, 200],
  },
  {
    name: 'octets that are no UTF-8, after the body',
    parts: [CHUNKED, '2\r\nok\r\n0\r\nx-a: \x80\xff\r\n\r\n'],
    statuses: [200, 200],
  },
  {
    name: 'a length without a body',
    parts: ['HTTP/1.1 204 None\r\ncontent-length: 2\r\n\r\n', ''],
    statuses: [204, 204],
  },
  {
    name: 'a hint with a length, and with a name that every object has',
    parts: ['HTTP/1.1 103 Hint\r\ncontent-length: 5\r\nconstructor: x\r\nlink: a\r\n\r\n', OK],
    statuses: [200, 200],
  },
];

/** A world whose app answers each connection once with what `parts` holds. */
async function worldThat(parts: Odd['parts']): Promise<{ made: World; tls: TlsListener }> {
  const made = await world({
    policies: EVERYBODY,
    rawUpstream: (socket) => {
      socket.once('data', () => {
        socket.write(parts[0], 'latin1');
        setTimeout(() => socket.end(parts[1], 'latin1'), 20);
      });
    },
  });
  return { made, tls: await listenTls(made) };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = sleep(1500, undefined, { ref: false }).then(() => assert.fail('nothing came in time'));
  return await Promise.race([work, late]);
}

describe('an app that answers with', () => {
  for (const { name, parts, statuses } of ODD) {
    it(name, async () => {
      const { made, tls } = await worldThat(parts);
      const cookie = made.signIn();
      const plain = await inTime(made.ask({ cookie, headers: { te: 'trailers' } }));
      await sleep(40); // that connection ends
      const session = await tls.session();
      const { status } = await inTime(askHttp2(session, { ':path': '/', cookie, te: 'trailers' }));
      assert.deepEqual([plain.status, status], statuses);
      await until(() => made.gateway.connections().length === 0, 'the end of both');
    });
  }
});

describe('a client that sends after its body', () => {
  it('a name that every object has reaches an app over HTTP/2 like any other', async () => {
    let sent: object = {};
    const app = createServer().on('stream', (stream) => {
      stream.on('trailers', (fields: object) => (sent = fields));
      stream.resume().on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    after(() => app.close());
    const upstream = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
    const made = await world({ policies: EVERYBODY, apps: [{ upstream, upstreamOptions: { protocol: 'http2' } }] });
    const cookie = made.signIn();
    const head = `POST / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
    const answer = await made.raw(`${head}1\r\nx\r\n0\r\nconstructor: mine\r\nvalueof: mine\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.deepEqual(Object.entries(sent), [
      ['constructor', 'mine'],
      ['valueof', 'mine'],
    ]);
  });

  it('nothing that leaves its exchange open when it goes', async () => {
    const { made, tls } = await worldThat([CHUNKED, '']);
    const session = await tls.session();
    const stream = session.request({ ':path': '/', ':method': 'POST', cookie: made.signIn() }, { endStream: false });
    const ended = answerOf(stream);
    await until(() => made.gateway.connections().length === 1, 'the exchange');
    session.destroy();
    await ended;
    await until(() => made.gateway.connections().length === 0, 'the end of it');
  });
});
