/**
 * Mutated requests, as bytes. A short run belongs to every test run; `npm run fuzz:gateway -- --seconds 600` goes on, and says its seed.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { listenTls } from '../gateway/http2-wire.ts';
import { until } from '../gateway/wire.ts';
import { BOB, type World, world } from '../gateway/world.ts';
import { changes, mutated } from './fuzz/mutate.ts';
import { changes as changesOfStreams, mutated as mutatedStream, type Stream } from './fuzz/mutate-http2.ts';
import { type Read, readRequests } from './fuzz/second-parser.ts';
import { frames } from './http2-frames.ts';
import { EVERYBODY } from './raw-gateway.ts';

const SECONDS = Number(process.env['CORDON_FUZZ_SECONDS'] ?? 2);
const SEED = Number(process.env['CORDON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const PARAMETERS = { numRuns: 1e9, interruptAfterTimeLimit: SECONDS * 1000, markInterruptAsFailure: false, seed: SEED };

/** Names in which only Cordon speaks, as this test knows them. */
const OURS = /^(?:x-cordon-|x-forwarded-|forwarded$|remote-|x-auth-|x-real-ip$)/;
const SET_BY_CORDON = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-cordon-correlation-id',
  'x-cordon-assertion',
]);

const GOOD: readonly ((cookie: string) => string)[] = [
  (cookie) => `GET /page?x=1 HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\nuser-agent: a\r\n\r\n`,
  (cookie) => `POST /form HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\ncontent-length: 5\r\n\r\nhello`,
  (cookie) =>
    `PUT /file HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  (cookie) =>
    `GET /a HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\nGET /b HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n\r\n`,
  (cookie) =>
    `GET /live HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\norigin: http://wiki.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
];

const REQUEST = (method: string, path: string): Stream['fields'] => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', 'wiki.localhost'],
  [':path', path],
];
const GOOD_STREAMS: readonly ((cookie: string) => Stream)[] = [
  (cookie) => ({ fields: [...REQUEST('GET', '/page?x=1'), ['cookie', cookie], ['user-agent', 'a']] }),
  (cookie) => ({ fields: [...REQUEST('POST', '/form'), ['content-length', '5'], ['cookie', cookie]], body: 'hello' }),
  (cookie) => ({
    fields: [...REQUEST('PUT', '/file'), ['cookie', 'a=b'], ['cookie', cookie], ['te', 'trailers']],
    body: 'hello',
    trailers: [['x-sum', '1']],
  }),
  (cookie) => ({
    fields: [
      ...REQUEST('CONNECT', '/live'),
      [':protocol', 'websocket'],
      ['cookie', cookie],
      ['origin', 'https://wiki.localhost'],
      ['sec-websocket-version', '13'],
    ],
    body: 'hello',
  }),
];

interface FuzzWorld extends World {
  /** What arrived at the app since the last call: requests, and bytes that are none. */
  taken(): { readonly requests: readonly Read[]; readonly nonsense: readonly string[] };
}

async function fuzzWorld(policies: string): Promise<FuzzWorld> {
  const requests: Read[] = [];
  const nonsense: string[] = [];
  const made = await world({
    policies,
    rawUpstream: (socket) => {
      let bytes = '';
      socket.on('data', (chunk) => {
        bytes += chunk.toString('latin1');
        try {
          const read = readRequests(bytes);
          if (read.requests.length === 0) return;
          requests.push(...read.requests);
          bytes = read.rest;
          socket.end('HTTP/1.1 200 OK\r\nx-from: app\r\ncontent-length: 2\r\n\r\nok');
        } catch {
          nonsense.push(bytes);
          socket.destroy();
        }
      });
    },
  });
  return Object.assign(made, { taken: () => ({ requests: requests.splice(0), nonsense: nonsense.splice(0) }) });
}

/** Sends bytes and reads what comes back until the connection closes or nothing moves for a moment. */
async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  await new Promise<void>((resolve) => {
    socket.setTimeout(25, resolve);
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.write(Buffer.from(bytes, 'latin1'));
  });
  socket.destroy();
  return answer;
}

/** Sends streams over one connection, and waits until nothing has come back for a moment. */
async function sendStreams(port: number, bytes: readonly Buffer[]): Promise<void> {
  const client = await frames(port, 'wiki.localhost');
  const quiet = new Promise<void>((resolve) => {
    client.socket.setTimeout(30, resolve).once('close', () => resolve());
  });
  await client.send(Buffer.concat([...bytes]));
  await quiet;
  client.socket.destroy();
}

const base = fc.integer({ min: 0, max: GOOD.length - 1 });
/** Some streams of one connection, the last of which are lost when an earlier one ends it. */
const streams = fc.array(fc.tuple(fc.integer({ min: 0, max: GOOD_STREAMS.length - 1 }), changesOfStreams), {
  minLength: 4,
  maxLength: 10,
});
type Streams = typeof streams extends fc.Arbitrary<infer T> ? T : never;

function bytesOf(all: Streams, cookie: string): Buffer[] {
  return all.map(([index, changed], at) => {
    const stream = GOOD_STREAMS[index]?.(cookie) ?? { fields: [] };
    return mutatedStream(stream, 2 * at + 1, changed);
  });
}

describe(`mutated requests (seed ${SEED})`, () => {
  it('of somebody who may not: not a byte reaches the app, and no answer is the app’s', async () => {
    const made = await fuzzWorld('permit (principal in Group::"engineering", action == Action::"access", resource);');
    const cookies = [
      made.signIn({ user: BOB.id }),
      '__Host-cordon_app=forged',
      made.signIn({ session: { expiresAt: 1 } }),
    ];
    await fc.assert(
      fc.asyncProperty(base, fc.constantFrom(...cookies), changes, async (index, cookie, all) => {
        const bytes = mutated(GOOD[index]?.(cookie) ?? '', all);
        const answer = await send(made.port, bytes);
        assert.deepEqual(made.taken(), { requests: [], nonsense: [] });
        assert.ok(!answer.includes('x-from'), answer);
        assert.doesNotMatch(answer, /^HTTP\/1\.1 2\d\d/);
      }),
      PARAMETERS,
    );
  });

  it('of somebody who may: the app reads the requests that were decided on, and no claim of the client’s', async () => {
    const made = await fuzzWorld(EVERYBODY);
    const cookie = made.signIn();
    const decided = decisions(made);
    await fc.assert(
      fc.asyncProperty(base, changes, async (index, all) => {
        await send(made.port, mutated(GOOD[index]?.(cookie) ?? '', all));
        await assertDecided(made, decided);
      }),
      PARAMETERS,
    );
  });
});

describe(`mutated streams of HTTP/2 (seed ${SEED})`, () => {
  it('of somebody who may not: not a byte reaches the app, and nobody is let in', async () => {
    const made = await fuzzWorld('permit (principal in Group::"engineering", action == Action::"access", resource);');
    const { port } = await listenTls(made);
    const cookies = [
      made.signIn({ user: BOB.id }),
      '__Host-cordon_app=forged',
      made.signIn({ session: { expiresAt: 1 } }),
    ];
    await fc.assert(
      fc.asyncProperty(streams, fc.constantFrom(...cookies), async (all, cookie) => {
        await sendStreams(port, bytesOf(all, cookie));
        assert.deepEqual(made.taken(), { requests: [], nonsense: [] });
        assert.equal(made.gateway.counters.permitted, 0);
      }),
      PARAMETERS,
    );
    await until(() => made.gateway.connections().length === 0, 'the end of all exchanges');
  });

  it('of somebody who may: the app reads the requests that were decided on, and no claim of the client’s', async () => {
    const made = await fuzzWorld(EVERYBODY);
    const { port } = await listenTls(made);
    const cookie = made.signIn();
    const decided = decisions(made);
    let arrived = 0;
    await fc.assert(
      fc.asyncProperty(streams, async (all) => {
        await sendStreams(port, bytesOf(all, cookie));
        arrived += await assertDecided(made, decided);
      }),
      PARAMETERS,
    );
    assert.ok(arrived > 0, 'what never arrives proves nothing');
    await until(() => made.gateway.connections().length === 0, 'the end of all exchanges');
  });
});

/** The permits of the journal, each of which is good for one request. */
function decisions({ events }: World): { take(what: string): boolean } {
  const unused: string[] = [];
  return {
    take: (what) => {
      for (const event of events.splice(0)) {
        if (!event.message.includes(' permitted ')) continue;
        const { http_method: method, url } = event['http_request'] as { http_method: string; url: { path: string } };
        unused.push(`${method} ${url.path}`);
      }
      const at = unused.indexOf(what);
      if (at !== -1) unused.splice(at, 1);
      return at !== -1;
    },
  };
}

/** Everything that arrived was decided on, each by a permit of its own, and says nothing in Cordon's name. Resolves with how many did. */
async function assertDecided(made: FuzzWorld, decided: ReturnType<typeof decisions>): Promise<number> {
  const { requests, nonsense } = made.taken();
  assert.deepEqual(nonsense, []);
  for (const request of requests) {
    const what = `${request.method} ${request.target.split('?')[0] ?? ''}`;
    // Whatever is slow today may come late, and is still decided on first.
    await until(() => decided.take(what), `a decision about \`${what}\`, which the app has got`);
    assertFields(request);
  }
  return requests.length;
}

function assertFields({ fields }: Read): void {
  const names = fields.map(([name]) => name);
  for (const name of ['host', ...SET_BY_CORDON]) {
    assert.equal(names.filter((other) => other === name).length, 1, `${name} in ${JSON.stringify(fields)}`);
  }
  for (const [name, value] of fields) {
    if (OURS.test(name)) assert.ok(SET_BY_CORDON.has(name), name);
    if (SET_BY_CORDON.has(name)) assert.ok(!value.includes('forged'), `${name}: ${value}`);
    if (name === 'cookie') assert.ok(!/__host-cordon/i.test(value), value);
    if (name === 'authorization') assert.ok(!value.includes('cordon_at_'), value);
  }
}
