import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { after, describe, it, mock } from 'node:test';
import { Http2Link } from './http2-link.ts';
import { GATEWAY_LIMITS } from '../limits.ts';
import { frame, okHead, serveBytes, serveFrames, until } from './testdata/servers.ts';

/** How a frame begins that asks whether somebody is there. */
const PING = Buffer.from([0, 0, 8, 6]);

async function linkTo(origin: string): Promise<Http2Link> {
  const session = connect(origin);
  session.on('error', () => undefined);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const link = new Http2Link(session);
  after(async () => {
    mock.timers.reset();
    await link.destroy();
  });
  return link;
}

describe('a connection over HTTP/2', () => {
  it('is asked every 30 s whether it is there, and stays while it says so', async () => {
    let pings = 0;
    const server = await serveFrames(() => undefined);
    const link = await linkTo(server.origin);
    server.connections[0]?.on('data', (chunk) => (pings += chunk.includes(PING) ? 1 : 0));
    mock.timers.tick(30_000);
    mock.timers.reset();
    await until(() => pings === 1, 'the question');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(link.room > 0);
  });

  it('that does not say within 10 s that it is there is taken down, with what is on it', async () => {
    const server = await serveBytes((socket) => {
      socket.resume();
      socket.write(frame(4, 0, 0));
    });
    const link = await linkTo(server.origin);
    let failed: Error | undefined;
    const request = { method: 'GET', path: '/', headers: ['host', 'a'], body: null, isWebSocket: false };
    link.send(request, { onResponseError: (_controller, error) => (failed = error) }, GATEWAY_LIMITS);
    mock.timers.tick(30_000);
    mock.timers.tick(9_999);
    assert.ok(link.room > 0);
    mock.timers.tick(1);
    mock.timers.reset();
    await until(() => failed !== undefined, 'the end of the request');
    assert.equal(link.room, 0);
  });

  it('that nothing goes over for 60 s is closed, and not while something does', async () => {
    let answer: (() => void) | undefined;
    const server = await serveFrames((socket, stream) => {
      answer = () => socket.write(okHead(stream, 5));
    });
    const link = await linkTo(server.origin);
    const request = { method: 'GET', path: '/', headers: ['host', 'a'], body: null, isWebSocket: false };
    let hasEnded = false;
    link.send(request, { onResponseEnd: () => (hasEnded = true) }, { ...GATEWAY_LIMITS, headersTimeoutMs: 1e9 });
    await untilNow(() => answer !== undefined);
    await pass(61_000);
    assert.ok(link.room > 0, 'something goes over it');
    answer?.();
    await untilNow(() => hasEnded && link.streams === 0);
    await pass(59_000);
    assert.ok(link.room > 0, 'its time is not over');
    await pass(1_000);
    assert.equal(link.room, 0);
  });
});

/** Lets time pass, second by second, and answers come in between. */
async function pass(milliseconds: number): Promise<void> {
  for (let i = 0; i < milliseconds; i += 1_000) {
    mock.timers.tick(1_000);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits without a timer. */
async function untilNow(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(condition());
}
