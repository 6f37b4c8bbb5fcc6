/** Large bodies, both ways at once: the memory of what has left is used again, and nothing that is still under way may change with it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { Agent, request as requestTls } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenTls } from './http2-wire.ts';
import { listen, portOf } from './upstream.ts';
import { type World, world } from './world.ts';

const MIB = 1024 * 1024;
const BYTES = 16 * MIB;

/** Four bytes that are nowhere else, over and over: what is lost, twice or in another place shows. */
const NUMBERS = Buffer.from(Uint32Array.from({ length: BYTES / 4 }, (_, index) => index).buffer);

function* pieces(): Generator<Buffer> {
  for (let at = 0; at < BYTES; at += 100_000) yield NUMBERS.subarray(at, at + 100_000);
}

/** A world whose app returns each body while it comes. */
async function worldOf(protocol: 'http1' | 'http2'): Promise<World> {
  if (protocol === 'http1') return await world({ upstream: (asked, response) => asked.pipe(response) });
  const app = createHttp2();
  app.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  after(() => app.close());
  const port = portOf(await listen(app));
  return await world({ apps: [{ upstream: `http://127.0.0.1:${port}`, upstreamOptions: { protocol } }] });
}

/** Takes what comes, with pauses in which the other side has to wait. */
async function readSlowly(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let untilPause = MIB;
  for await (const part of answer) {
    parts.push(part);
    untilPause -= part.length;
    if (untilPause > 0) continue;
    await sleep(5);
    untilPause = MIB;
  }
  return Buffer.concat(parts);
}

async function overHttp1(made: World, how: { readonly isTls: boolean; readonly isChunked: boolean }): Promise<Buffer> {
  const options = {
    method: 'POST',
    headers: {
      host: 'wiki.localhost',
      cookie: made.signIn(),
      ...(how.isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': BYTES }),
    },
  };
  const tls = how.isTls ? await listenTls(made) : undefined;
  const outgoing =
    tls === undefined
      ? requestHttp({ ...options, host: '127.0.0.1', port: made.port })
      : requestTls({
          ...options,
          host: '127.0.0.1',
          port: tls.port,
          servername: 'wiki.localhost',
          agent: new Agent({ ca: tls.ca }),
        });
  Readable.from(pieces()).pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>];
  return await readSlowly(response);
}

async function overHttp2(made: World): Promise<Buffer> {
  const session = await (await listenTls(made)).session();
  const stream: Duplex = session.request(
    { ':method': 'POST', ':path': '/', cookie: made.signIn() },
    { endStream: false },
  );
  Readable.from(pieces()).pipe(stream);
  return await readSlowly(stream);
}

const WAYS: Readonly<Record<string, (made: World) => Promise<Buffer>>> = {
  'over HTTP/1.1': async (made) => await overHttp1(made, { isTls: false, isChunked: false }),
  'over HTTP/1.1, in chunks': async (made) => await overHttp1(made, { isTls: false, isChunked: true }),
  'over HTTP/1.1 and TLS': async (made) => await overHttp1(made, { isTls: true, isChunked: false }),
  'over HTTP/2': overHttp2,
};

describe('a large body and its answer', () => {
  for (const [app, protocol] of [
    ['HTTP/1.1', 'http1'],
    ['HTTP/2', 'http2'],
  ] as const)
    for (const [how, exchange] of Object.entries(WAYS))
      it(`arrive as they were sent ${how}, however slowly they are read, with an app that speaks ${app}`, async () => {
        const back = await exchange(await worldOf(protocol));
        assert.equal(back.length, BYTES);
        assert.ok(back.equals(NUMBERS), 'the bytes are others');
      });

  for (const protocol of ['http1', 'http2'] as const)
    it(`are not changed by others on the connection that break off, with an app of ${protocol}`, async () => {
      const made = await worldOf(protocol);
      const session = await (await listenTls(made)).session();
      const one = async (breaksOff: boolean): Promise<void> => {
        const stream = session.request(
          { ':method': 'POST', ':path': '/', cookie: made.signIn() },
          { endStream: false },
        );
        Readable.from(pieces()).pipe(stream);
        if (!breaksOff) {
          assert.ok((await readSlowly(stream)).equals(NUMBERS), 'the bytes are others');
          return;
        }
        stream.on('error', () => undefined).once('data', () => setTimeout(() => stream.close(8), 10));
        await once(stream, 'close');
      };
      await Promise.all([true, false, true, false, true].map(one));
    });

  it('arrive as they were sent through a WebSocket, whoever reads along', async () => {
    const made = await world();
    const { socket, status } = await made.webSocket({ cookie: made.signIn() });
    assert.equal(status, 101);
    socket.removeAllListeners('data');
    const parts: Buffer[] = [];
    let left = BYTES;
    const all = Promise.withResolvers<void>();
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      left -= part.length;
      if (left <= 0) all.resolve();
    });
    for (const piece of pieces()) if (!socket.write(piece)) await once(socket, 'drain');
    await all.promise;
    assert.ok(Buffer.concat(parts).equals(NUMBERS), 'the bytes are others');
    socket.destroy();
  });
});
