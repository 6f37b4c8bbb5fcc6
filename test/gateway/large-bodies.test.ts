/** Large bodies, both ways at once: the memory of what has left is used again, and nothing that is still under way may change with it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenTls } from './http2-wire.ts';
import { type World, world, type WorldOptions } from './world.ts';

const MIB = 1024 * 1024;
const BYTES = 24 * MIB;

/** Four bytes that are nowhere else, over and over: what is lost, twice or in another place shows. */
const NUMBERS = Buffer.from(Uint32Array.from({ length: BYTES / 4 }, (_, index) => index).buffer);

function* pieces(): Generator<Buffer> {
  for (let at = 0; at < BYTES; at += 100_000) yield NUMBERS.subarray(at, at + 100_000);
}

/** Returns each body while it comes. */
const ECHO: WorldOptions = {
  upstream: (asked, response) => {
    asked.pipe(response);
  },
};

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

describe('a large body and its answer', () => {
  for (const [how, exchange] of [
    ['over HTTP/1.1', async (made) => await overHttp1(made, { isTls: false, isChunked: false })],
    ['over HTTP/1.1, in chunks', async (made) => await overHttp1(made, { isTls: false, isChunked: true })],
    ['over HTTP/1.1 and TLS', async (made) => await overHttp1(made, { isTls: true, isChunked: false })],
    ['over HTTP/2', overHttp2],
  ] as const satisfies [string, (made: World) => Promise<Buffer>][])
    it(`arrive as they were sent ${how}, however slowly they are read`, async () => {
      const back = await exchange(await world(ECHO));
      assert.equal(back.length, BYTES);
      assert.ok(back.equals(NUMBERS), 'the bytes are others');
    });
});
