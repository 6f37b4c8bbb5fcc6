/** Attacks on the gateway over HTTP/2, byte by byte; numbered as in `gateway.test.ts`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, askHttp2, listenTls, type TlsListener } from '../gateway/http2-wire.ts';
import { until } from '../gateway/wire.ts';
import { world } from '../gateway/world.ts';
import { FLAG, FRAME, field, frame, frames, word } from './http2-frames.ts';
import { EVERYBODY, rawWorld } from './raw-gateway.ts';

const PROTOCOL_ERROR = 1;
const ENHANCE_YOUR_CALM = 11;
const GOAWAY = 7;

type Field = readonly [string, string];
const PSEUDO: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'wiki.localhost'],
  [':path', '/'],
];
const without = (name: string, ...more: Field[]): Field[] => [...PSEUDO.filter(([known]) => known !== name), ...more];

function literal(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => field(name, value)));
}

/** Sends frames, and says what came back first: the answer of stream 1, how it was reset, or how the connection ended. */
async function rawHttp2({ port }: TlsListener, sent: readonly Buffer[]): Promise<string> {
  const client = await frames(port, 'wiki.localhost');
  await client.send(Buffer.concat([...sent]));
  let said = 'nothing';
  const isSaid = (): boolean => {
    let rest = client.received();
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3) && said === 'nothing') {
      const payload = rest.subarray(9, 9 + rest.readUIntBE(0, 3));
      const [type, stream] = [rest[3], rest.readUInt32BE(5)];
      rest = rest.subarray(9 + payload.length);
      if (type === FRAME.headers && stream === 1) said = 'answered';
      if (type === FRAME.reset && stream === 1) said = `reset ${payload.readUInt32BE(0)}`;
      if (type === GOAWAY && payload.readUInt32BE(4) !== 0) said = `ended ${payload.readUInt32BE(4)}`;
    }
    return said !== 'nothing';
  };
  await until(() => isSaid() || client.isEnded(), 'an answer');
  client.socket.destroy();
  return said;
}

describe('over HTTP/2', () => {
  const resets: Readonly<Record<string, readonly Field[]>> = {
    '29: `transfer-encoding`': [...PSEUDO, ['transfer-encoding', 'chunked']],
    '29: `connection`': [...PSEUDO, ['connection', 'close, authorization']],
    '29: `keep-alive`': [...PSEUDO, ['keep-alive', 'timeout=5']],
    '29: `proxy-connection`': [...PSEUDO, ['proxy-connection', 'keep-alive']],
    '29: `upgrade`': [...PSEUDO, ['upgrade', 'websocket']],
    '29: `te` with another coding': [...PSEUDO, ['te', 'trailers, deflate']],
    'a name in capitals': [...PSEUDO, ['X-Trace', 'a']],
    'a line break in the path': without(':path', [':path', '/ HTTP/1.1\r\nhost: evil']),
    'a space in the method': without(':method', [':method', 'GET / HTTP/1.1']),
    'a line break in the authority': without(':authority', [':authority', 'wiki.localhost\r\nx: y']),
    'two paths': [...PSEUDO, [':path', '/admin']],
    'two authorities': [...PSEUDO, [':authority', 'docs.localhost']],
    'two hosts in fields': without(':authority', ['host', 'wiki.localhost'], ['host', 'docs.localhost']),
    'user information in the authority': without(':authority', [':authority', 'root@wiki.localhost']),
    'a pseudo-field after the fields': [...without(':path'), ['x-a', 'b'], [':path', '/']],
    'a pseudo-field nobody knows': [...PSEUDO, [':forwarded-user', 'root']],
    'a pseudo-field of answers': [...PSEUDO, [':status', '200']],
    'no path': without(':path'),
    'an empty path': without(':path', [':path', '']),
    'no method': without(':method'),
    'a path that is none': without(':path', [':path', 'wiki']),
    'another scheme than the connection’s': without(':scheme', [':scheme', 'http']),
    'a scheme of its own': without(':scheme', [':scheme', 'https://evil.localhost/?']),
    'an extended CONNECT without a path': [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':authority', 'wiki.localhost'],
    ],
    '`:protocol` outside of CONNECT': [...PSEUDO, [':protocol', 'websocket']],
  };
  for (const [what, fields] of Object.entries(resets)) {
    it(`${what}: the stream is reset, and nothing reaches the app`, async () => {
      const made = await rawWorld();
      const head = literal([...fields, ['cookie', made.signIn()]]);
      const said = await rawHttp2(await listenTls(made), [
        frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, head),
      ]);
      assert.equal(said, `reset ${PROTOCOL_ERROR}`);
      assert.equal(made.bytes(), '');
    });
  }

  const dropped: Readonly<Record<string, readonly Field[]>> = {
    '29: a line break in a value': [...PSEUDO, ['x-a', 'b\r\nx-forwarded-user: root']],
    '29: a bare LF in a value': [...PSEUDO, ['x-a', 'b\nc']],
    '29: NUL in a value': [...PSEUDO, ['x-a', 'b\0c']],
    '29: a line break in a name': [...PSEUDO, ['x-a\r\nx-b', 'c']],
    '29: a colon in a name': [...PSEUDO, ['x-a: b', 'c']],
    '29: a space in a name': [...PSEUDO, ['x a', 'c']],
  };
  for (const [what, fields] of Object.entries(dropped)) {
    it(`${what}: that field is not there for anybody`, async () => {
      const made = await rawWorld();
      const head = literal([...fields, ['cookie', made.signIn()]]);
      const said = await rawHttp2(await listenTls(made), [
        frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, head),
      ]);
      assert.equal(said, 'answered');
      assert.match(made.bytes(), /^GET \/ HTTP\/1\.1\r\n/);
      assert.doesNotMatch(made.bytes(), /x[- ][ab]|x-forwarded-user|root/);
      assert.equal(made.bytes().match(/ HTTP\/1\.1/g)?.length, 1);
    });
  }

  const refusals: Readonly<Record<string, readonly [readonly Field[], number, string]>> = {
    'another host in a field': [[...PSEUDO, ['host', 'docs.localhost']], 400, 'request-malformed'],
    'a target that names a host': [without(':path', [':path', '//docs.localhost/']), 400, 'path-refused'],
    'a path that climbs': [without(':path', [':path', '/a/../admin']), 400, 'path-refused'],
    'a method in small letters': [without(':method', [':method', 'get']), 405, 'request-malformed'],
    TRACE: [without(':method', [':method', 'TRACE']), 405, 'request-malformed'],
    '1: an underscore in a name': [[...PSEUDO, ['x_forwarded_user', 'root']], 400, 'header-refused'],
    'two credentials': [[...PSEUDO, ['authorization', 'a'], ['authorization', 'b']], 400, 'header-refused'],
  };
  for (const [what, [fields, status, code]] of Object.entries(refusals)) {
    it(`${what} is refused with ${code}`, async () => {
      const made = await rawWorld();
      const head = literal([...fields, ['cookie', made.signIn()]]);
      const said = await rawHttp2(await listenTls(made), [
        frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, head),
      ]);
      assert.equal(said, 'answered');
      await until(() => made.events.length > 0, 'the event');
      assert.equal(made.events[0]?.status_code, code);
      assert.equal((made.events[0] as { http_response?: { code: number } }).http_response?.code, status);
      assert.equal(made.bytes(), '');
    });
  }

  // One write, so that the stream is broken off before anybody was told that there is one.
  const breaks: Readonly<Record<string, readonly Buffer[]>> = {
    'a body longer than it said': [frame(FRAME.data, FLAG.endStream, 1, Buffer.from('hello'))],
    'a body shorter than it said': [frame(FRAME.data, FLAG.endStream, 1)],
    'a second head': [frame(FRAME.headers, FLAG.endHeaders, 1, literal([['x-a', 'b']]))],
    'a pseudo-field after the body': [
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, literal([[':path', '/']])),
    ],
    'a window that grows by nothing': [frame(FRAME.windowUpdate, 0, 1, word(0))],
    'a window too large': [frame(FRAME.windowUpdate, 0, 1, word(0x7fffffff))],
    'a reset': [frame(FRAME.reset, 0, 1, word(2))],
    'a head after its end': [
      frame(FRAME.data, FLAG.endStream, 1, Buffer.from('he')),
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, literal(PSEUDO)),
    ],
    'a body after its end': [
      frame(FRAME.data, FLAG.endStream, 1, Buffer.from('he')),
      frame(FRAME.data, 0, 1, Buffer.from('x')),
    ],
    'settings of one stream': [frame(FRAME.settings, 0, 1)],
    'a ping of one stream': [frame(FRAME.ping, 0, 1, Buffer.alloc(8))],
    'a head that goes on after its end': [frame(FRAME.continuation, FLAG.endHeaders, 1)],
    'a stream that depends on itself': [frame(FRAME.priority, 0, 1, Buffer.concat([word(1), Buffer.from([1])]))],
    'a reset as if all were well': [frame(FRAME.reset, 0, 1, word(0))],
  };
  for (const [what, rest] of Object.entries(breaks)) {
    it(`${what} in the same breath as the head ends the stream or its connection, and nothing else`, async () => {
      const made = await rawWorld();
      const head = literal([...without(':method', [':method', 'POST']), ['content-length', '2']]);
      const { port } = await listenTls(made);
      const bytes = [frame(FRAME.headers, FLAG.endHeaders, 1, head), ...rest];
      // Right behind the preface, where Node reads all of it before it tells of any.
      const client = await frames(port, 'wiki.localhost', [], bytes);
      await sleep(50);
      await client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 99, literal(PSEUDO)));
      await until(() => made.events.some(({ message }) => message.includes('GET')) || client.isEnded(), 'an answer');
      client.socket.destroy();
      await until(() => made.gateway.connections().length === 0, 'the end of all exchanges');
    });
  }

  it('one host, said twice alike, is one host', async () => {
    const made = await world();
    const tls = await listenTls(made);
    const answer = await askHttp2(await tls.session(), {
      ':authority': 'wiki.localhost',
      host: 'wiki.localhost',
      ':path': '/',
      cookie: made.signIn(),
    });
    assert.equal(answer.status, 200);
  });

  it('a length that is not the body’s never lets bytes of one request pass as another', async () => {
    for (const [length, body] of [
      [3, 'abcGET /smuggled HTTP/1.1\r\n\r\n'],
      [30, 'abc'],
    ] as const) {
      const made = await rawWorld();
      const head = literal([
        ...without(':method', [':method', 'POST']),
        ['content-length', String(length)],
        ['cookie', made.signIn()],
      ]);
      const said = await rawHttp2(await listenTls(made), [
        frame(FRAME.headers, FLAG.endHeaders, 1, head),
        frame(FRAME.data, FLAG.endStream, 1, Buffer.from(body)),
      ]);
      // Of the stream or, where its frame is broken too, of the connection.
      assert.match(said, /^(reset 1|ended \d+)$/);
      assert.doesNotMatch(made.bytes(), /smuggled/);
    }
  });

  it('29: identity and routing said after the body do not arrive', async () => {
    let sent: object | undefined;
    const made = await world({
      upstream: (asked, response) => {
        asked.resume().on('end', () => {
          sent = asked.trailers;
          response.end('ok');
        });
      },
    });
    const stream = (await (await listenTls(made)).session()).request(
      { ':method': 'POST', ':path': '/', cookie: made.signIn() },
      { endStream: false, waitForTrailers: true },
    );
    stream.on('wantTrailers', () => {
      stream.sendTrailers({
        'x-forwarded-user': 'root',
        'x-cordon-assertion': 'no',
        authorization: 'no',
        host: 'evil',
      });
    });
    const answer = answerOf(stream);
    stream.end('body');
    assert.equal((await answer).status, 200);
    assert.deepEqual(sent, {});
  });

  it('37: streams of one connection are cut each for itself', async () => {
    const made = await world({
      upstream: (_asked, response) => {
        response.write('begun');
      },
    });
    const [mine, other] = [made.signIn(), made.signIn()];
    const session = await (await listenTls(made)).session();
    const ended: string[] = [];
    for (const [name, cookie] of [
      ['mine', mine],
      ['other', other],
    ] as const) {
      const stream = session.request({ ':path': '/', cookie });
      stream.on('error', () => undefined);
      stream.once('close', () => ended.push(name));
      await new Promise((resolve) => stream.once('data', resolve));
    }
    const [first] = made.gateway.connections();
    made.remove('session', first?.sessionId ?? '');
    await until(() => ended.length > 0, 'the cut');
    assert.deepEqual(ended, ['mine']);
    assert.equal(made.gateway.connections().length, 1);
    assert.equal(session.destroyed, false);
  });

  const tooLarge: readonly (readonly [string, readonly Field[], string])[] = [
    ['fields', Array.from({ length: 200 }, (_, index): Field => [`x-${index}`, 'a']), `reset ${ENHANCE_YOUR_CALM}`],
    [
      'bytes',
      Array.from({ length: 100 }, (_, index): Field => [`x-${index}-${'n'.repeat(60)}`, 'v'.repeat(120)]),
      'answered',
    ],
  ];
  for (const [what, fields, how] of tooLarge) {
    it(`a head with more ${what} than fit reaches nobody`, async () => {
      const made = await rawWorld({ policies: EVERYBODY });
      const head = literal([...PSEUDO, ['cookie', made.signIn()], ...fields]);
      const pieces: Buffer[] = [];
      for (let at = 0; at < head.length; at += 16_000) {
        const isLast = at + 16_000 >= head.length;
        const flags = (isLast ? FLAG.endHeaders : 0) | (at === 0 ? FLAG.endStream : 0);
        pieces.push(frame(at === 0 ? FRAME.headers : FRAME.continuation, flags, 1, head.subarray(at, at + 16_000)));
      }
      assert.equal(await rawHttp2(await listenTls(made), pieces), how);
      assert.equal(made.bytes(), '');
      assert.deepEqual(made.events, []);
    });
  }
});
