import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Session, connect, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Http2Limits, type Http2Sessions, http2Sessions } from './http2-sessions.ts';

const undone: (() => void)[] = [];
afterEach(() => {
  for (const undo of undone.splice(0)) undo();
});

/** Sessions over plain sockets: what is below makes no difference to them. */
async function listening(
  limits?: Http2Limits,
): Promise<{ sessions: Http2Sessions; port: number; streams: ServerHttp2Stream[] }> {
  const streams: ServerHttp2Stream[] = [];
  const sessions = http2Sessions((stream) => {
    streams.push(stream);
    stream.respond({ ':status': 200 });
  }, limits);
  const server: Server = createServer((socket) => sessions.begin(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undone.push(() => {
    sessions.destroy();
    server.close();
  });
  return { sessions, port: (server.address() as AddressInfo).port, streams };
}

async function client(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { createConnection: () => connectSocket(port, '127.0.0.1') });
  session.on('error', () => undefined);
  undone.push(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

async function isClosedWithin(session: ClientHttp2Session | Socket, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(10)) {
    if (session.destroyed) return true;
  }
  return false;
}

describe('a connection that speaks HTTP/2', () => {
  it('is told what it may do', async () => {
    const { port } = await listening();
    const { remoteSettings } = await client(port);
    assert.deepEqual(
      [remoteSettings.maxConcurrentStreams, remoteSettings.maxHeaderListSize, remoteSettings.enableConnectProtocol],
      [100, 16_384, true],
    );
  });

  it('may have a MiB under way, and of each stream what its window holds while nobody reads it', async () => {
    const { port, streams } = await listening();
    const session = await client(port);
    for (let i = 0; i < 100 && session.state.remoteWindowSize !== 1_048_576; i++) await sleep(10);
    assert.equal(session.state.remoteWindowSize, 1_048_576);
    const sent = [0, 0, 0, 0, 0, 0];
    for (const index of sent.keys()) {
      const stream = session.request({ ':path': '/', ':method': 'POST' });
      stream.on('error', () => undefined);
      const fill = (): void => {
        stream.write(Buffer.alloc(16_384), (error) => {
          if (error) return;
          sent[index] = (sent[index] ?? 0) + 16_384;
          fill();
        });
      };
      fill();
    }
    await sleep(300);
    // More than the connection's window in all, so one stream that is not read keeps no other waiting.
    assert.deepEqual(new Set(sent), new Set([262_144]));
    assert.equal(streams.length, sent.length);
  });

  it('hears the error of a stream that broke off before anybody was told of it', async () => {
    const { port, streams } = await listening();
    const session = await client(port);
    let broken: ServerHttp2Stream | undefined;
    const breakOff = (message: unknown): void => {
      ({ stream: broken } = message as { stream: ServerHttp2Stream });
      // Just before it is told of, as a connection does that ends with the same packet.
      process.nextTick(() => broken?.destroy(new Error('broken off')));
    };
    subscribe('http2.server.stream.created', breakOff);
    undone.push(() => unsubscribe('http2.server.stream.created', breakOff));
    const stream = session.request({ ':path': '/' }).on('error', () => undefined);
    await new Promise((resolve) => stream.once('close', resolve));
    assert.deepEqual([broken?.destroyed, streams], [true, []]);
  });

  it('is ended when it has had no stream for a while, and not before', async () => {
    const { port, streams } = await listening({ idleMs: 150 });
    const session = await client(port);
    const stream = session.request({ ':path': '/' });
    await new Promise((resolve) => stream.once('response', resolve));
    assert.equal(await isClosedWithin(session, 400), false, 'a stream is open');
    streams[0]?.end();
    stream.resume();
    assert.equal(await isClosedWithin(session, 1500), true);
  });

  it('is ended when it says nothing at all', async () => {
    const { port } = await listening({ idleMs: 100 });
    const socket = connectSocket(port, '127.0.0.1').resume();
    undone.push(() => socket.destroy());
    assert.equal(await isClosedWithin(socket, 2500), true);
  });

  it('is ended when it says something that is no stream', async () => {
    const { port } = await listening({ idleMs: 100 });
    const session = await client(port);
    const timer = setInterval(() => !session.destroyed && session.ping(() => undefined), 20);
    undone.push(() => clearInterval(timer));
    assert.equal(await isClosedWithin(session, 2500), true);
  });

  it('opens no stream for another scheme', async () => {
    const { port, streams } = await listening();
    const stream = (await client(port)).request({ ':path': '/', ':scheme': 'http' });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('close', resolve));
    assert.deepEqual([stream.rstCode, streams.length], [1, 0]);
  });

  it('takes no new stream once the listener closes, and ends when the open ones have', async () => {
    const { port, sessions, streams } = await listening();
    const session = await client(port);
    const stream = session.request({ ':path': '/' }).resume();
    await new Promise((resolve) => stream.once('response', resolve));
    sessions.close();
    assert.equal(await isClosedWithin(session, 200), false);
    streams[0]?.end('done');
    assert.equal(await isClosedWithin(session, 1000), true);
  });

  it('ends at once when it must', async () => {
    const { port, sessions } = await listening();
    const session = await client(port);
    session.request({ ':path': '/' }).on('error', () => undefined);
    sessions.destroy();
    assert.equal(await isClosedWithin(session, 500), true);
  });
});

describe('a slow client of HTTP/2', () => {
  const slowClients = { bytesPerSecond: 100_000, ms: 400 };

  it('is ended with all its streams after one deadline, however many stand still', async () => {
    const { port, streams } = await listening({ slowClients });
    const session = await client(port);
    const start = performance.now();
    for (let at = 0; at < 50; at++) {
      session
        .request({ ':path': `/${at}` })
        .pause()
        .on('error', () => undefined);
    }
    while (streams.length < 50) await sleep(5);
    for (const stream of streams) stream.write(Buffer.alloc(200_000));
    assert.equal(await isClosedWithin(session, 3000), true);
    const took = performance.now() - start;
    assert.ok(took >= 400 && took < 1500, `${took} ms`);
  });

  it('is not one that reads one answer and lets another wait, nor one for which nothing waits', async () => {
    const { port, streams } = await listening({ slowClients });
    const [session, quiet] = [await client(port), await client(port)];
    quiet.request({ ':path': '/' }).resume();
    while (streams.length < 1) await sleep(5);
    session.request({ ':path': '/waits' }).pause();
    session.request({ ':path': '/reads' }).resume();
    while (streams.length < 3) await sleep(5);
    for (const stream of streams.slice(1)) stream.write(Buffer.alloc(200_000));
    const writing = setInterval(() => streams[2]?.write(Buffer.alloc(30_000)), 50);
    undone.push(() => clearInterval(writing));
    assert.equal(await isClosedWithin(session, 1500), false);
    assert.equal(quiet.destroyed, false);
  });
});
