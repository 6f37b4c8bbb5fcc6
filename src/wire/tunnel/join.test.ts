import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closePayload, encodeFrame, newMask, OPCODE } from './frames.ts';
import { type JoinedTunnel, joinTunnel, type TunnelEnd, type TunnelEnding } from './join.ts';
import { TUNNEL } from './protocol.ts';

const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

/** Two ends of a TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const one = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [other] = (await once(server, 'connection')) as [Socket];
  server.close();
  opened.push(one, other);
  return [one, other];
}

interface Made {
  /** What a program talks to, and what a server behind the gateway has. */
  readonly near: Socket;
  readonly far: Socket;
  readonly client: JoinedTunnel;
  readonly gateway: JoinedTunnel;
  readonly frames: readonly [Socket, Socket];
  readonly ends: { client?: TunnelEnd; gateway?: TunnelEnd };
  /** How the gateway's end saw it, and the bytes that it handed on. */
  readonly seen: { ending?: TunnelEnding; toPeer: number; toConnection: number };
}

/** program – client end = gateway end – server */
async function tunnel(keepAliveMs?: number): Promise<Made> {
  const [[near, local], frames, [upstream, far]] = [await pair(), await pair(), await pair()];
  const ends: Made['ends'] = {};
  const seen: Made['seen'] = { toPeer: 0, toConnection: 0 };
  const more = keepAliveMs === undefined ? {} : { keepAliveMs };
  const client = joinTunnel({
    frames: frames[0],
    socket: local,
    role: 'client',
    onEnd: (end) => (ends.client = end),
    ...more,
  });
  const gateway = joinTunnel({
    frames: frames[1],
    socket: upstream,
    role: 'gateway',
    onEnd: (end, ending) => {
      ends.gateway = end;
      seen.ending = ending;
    },
    onBytes: (bytes, to) => (seen[to === 'peer' ? 'toPeer' : 'toConnection'] += bytes),
    ...more,
  });
  return { near, far, client, gateway, frames, ends, seen };
}

/** Everything that comes until the end; rejects when it is broken off. */
async function all(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

async function reset(socket: Socket): Promise<string> {
  const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

describe('a tunnel', () => {
  it('carries bytes both ways and ends when both directions have', async () => {
    const { near, far, ends, seen } = await tunnel();
    near.end('question');
    assert.equal(await all(far), 'question');
    await sleep(20);
    assert.deepEqual(ends, {}, 'one direction is still open');
    far.end('answer');
    assert.equal(await all(near), 'answer');
    await sleep(20);
    assert.deepEqual(ends, { client: { code: 1000, reason: '' }, gateway: { code: 1000, reason: '' } });
    assert.deepEqual(seen, { ending: { by: 'peer', isWhole: true }, toConnection: 8, toPeer: 6 });
  });

  it('lets the server end first', async () => {
    const { near, far, ends, seen } = await tunnel();
    far.end('banner');
    assert.equal(await all(near), 'banner');
    near.end('late');
    assert.equal(await all(far), 'late');
    await sleep(20);
    assert.equal(ends.gateway?.code, 1000);
    assert.deepEqual(seen, { ending: { by: 'connection', isWhole: true }, toConnection: 4, toPeer: 6 });
  });

  for (const [name, by, happen] of [
    ['the other end goes', 'peer', ({ frames }: Made): unknown => frames[0].destroy()],
    ['the connection behind this end is reset', 'connection', ({ far }: Made): unknown => far.resetAndDestroy()],
    ['this end is told to end', 'holder', ({ gateway }: Made): unknown => gateway.close(4403, 'no-permit: no')],
    ['the other end says that all is done before it is', 'peer', ({ client }: Made): unknown => client.close(1000, '')],
  ] as const) {
    it(`knows who ended it, and that something is missing, when ${name}`, async () => {
      const made = await tunnel();
      for (const socket of [made.near, made.far]) socket.on('error', () => undefined);
      happen(made);
      for (let i = 0; i < 100 && made.seen.ending === undefined; i++) await sleep(10);
      assert.deepEqual(made.seen.ending, { by, isWhole: false });
    });
  }

  it('carries much, and holds back whoever is faster than the other reads', { timeout: 20_000 }, async () => {
    const { near, far } = await tunnel();
    const block = Buffer.alloc(65_536, 'x');
    let accepted = 0;
    while (near.write(block) || accepted < 4 * 1024 * 1024) {
      accepted += block.length;
      if (accepted >= 64 * 1024 * 1024) break;
      await sleep(0);
    }
    await sleep(100);
    assert.ok(near.writableLength > 0, 'the writer waits');
    near.end();
    const text = await all(far);
    assert.equal(text.length, near.bytesWritten);
    assert.match(text, /^x+$/);
  });

  it('is cut with the reason, and looks broken to both ends', async () => {
    const { near, far, gateway, ends } = await tunnel();
    near.write('a');
    await once(far, 'data');
    const broken = Promise.all([reset(near), reset(far)]);
    gateway.close(4403, 'session-revoked: ended');
    assert.deepEqual(await broken, ['ECONNRESET', 'ECONNRESET']);
    assert.deepEqual(ends.client, { code: 4403, reason: 'session-revoked: ended' });
    assert.deepEqual(ends.gateway, ends.client);
    gateway.close(1000, 'again');
    assert.equal(ends.gateway?.code, 4403, 'told once');
  });

  it('lets no byte through once it is cut', async () => {
    const { near, far, gateway } = await tunnel();
    let bytes = 0;
    far.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('error', () => undefined);
    near.on('error', () => undefined);
    const timer = setInterval(() => near.write('tick'), 1);
    await sleep(30);
    gateway.close(4403, 'cut');
    const seen = bytes;
    await sleep(50);
    clearInterval(timer);
    assert.ok(seen > 0 && bytes - seen <= 8, `${bytes - seen} bytes after the cut`);
  });

  it('that breaks off is a reset, not an end', async () => {
    const { near, far, frames, ends } = await tunnel();
    const broken = Promise.all([reset(near), reset(far)]);
    frames[0].destroy();
    assert.deepEqual(await broken, ['ECONNRESET', 'ECONNRESET']);
    assert.deepEqual([ends.client?.code, ends.gateway?.code], [1006, 1006]);
  });

  it('whose WebSocket ends properly without `end` is a reset too', async () => {
    const { near, far, frames, ends } = await tunnel();
    const broken = Promise.all([reset(near), reset(far)]);
    frames[0].end(encodeFrame(OPCODE.close, closePayload(1000, ''), newMask()));
    assert.deepEqual(await broken, ['ECONNRESET', 'ECONNRESET']);
    assert.deepEqual([ends.client?.code, ends.gateway?.code], [1000, 1000]);
  });

  it('passes a reset of the server on', async () => {
    const { near, far, ends } = await tunnel();
    const broken = reset(near);
    far.resetAndDestroy();
    assert.equal(await broken, 'ECONNRESET');
    assert.equal(ends.client?.code, 1011);
  });

  it('is closed on a violation', async () => {
    const { near, far, frames, ends } = await tunnel();
    const broken = Promise.all([reset(near), reset(far)]);
    frames[0].write(encodeFrame(OPCODE.text, Buffer.from('hello'), newMask()));
    await broken;
    assert.deepEqual(ends.gateway, { code: 1002, reason: 'a text that is not `end`' });
  });

  it('stays open in silence, because each end answers the other', async () => {
    const { near, far, ends } = await tunnel(20);
    await sleep(150);
    assert.deepEqual(ends, {});
    near.write('still here');
    assert.equal(String((await once(far, 'data'))[0]), 'still here');
  });

  it('ends when the other end does not answer', async () => {
    const [[near, local], [frames, deaf]] = [await pair(), await pair()];
    const end = Promise.withResolvers<[TunnelEnd, TunnelEnding]>();
    const onEnd = (...told: [TunnelEnd, TunnelEnding]): void => end.resolve(told);
    joinTunnel({ frames, socket: local, role: 'client', keepAliveMs: 20, onEnd });
    const broken = reset(near);
    deaf.resume();
    assert.deepEqual(await end.promise, [
      { code: 1006, reason: 'the other end of the tunnel does not answer' },
      { by: 'silence', isWhole: false },
    ]);
    assert.equal(await broken, 'ECONNRESET');
  });

  it('does not keep answers for whoever asks and reads none', async () => {
    const [[near, local], [frames, asker]] = [await pair(), await pair()];
    joinTunnel({ frames, socket: local, role: 'gateway', onEnd: () => undefined });
    near.resume();
    asker.pause();
    const pings = Buffer.concat(
      Array.from({ length: 2000 }, () => encodeFrame(OPCODE.ping, Buffer.alloc(125), newMask())),
    );
    for (let i = 0; i < 60; i++) {
      asker.write(pings);
      await sleep(1);
    }
    await sleep(50);
    assert.ok(frames.writableLength < 200_000, `${frames.writableLength} bytes kept`);
  });

  it('waits as long as the server takes nothing, and ends when the client goes meanwhile', async () => {
    const { near, far, frames, ends } = await tunnel(30);
    for (const socket of [near, far]) socket.on('error', () => undefined).pause();
    const block = Buffer.alloc(65_536);
    for (let i = 0; i < 1000 && !frames[1].isPaused(); i++) {
      near.write(block);
      await sleep(1);
    }
    assert.ok(frames[1].isPaused(), 'the server is full');
    await sleep(100);
    assert.deepEqual(ends, {}, 'to wait is no end');
    frames[0].destroy();
    for (let i = 0; i < 100 && ends.gateway === undefined; i++) await sleep(20);
    assert.equal(ends.gateway?.code, 1006);
  });

  it('ends when the client had left, and tells of an end of the server, before they were joined', async () => {
    const [[far, upstream], [client, frames]] = [await pair(), await pair()];
    far.on('error', () => undefined);
    client.end();
    await once(frames, 'end');
    const end = Promise.withResolvers<TunnelEnd>();
    joinTunnel({ frames, socket: upstream, role: 'gateway', onEnd: end.resolve });
    assert.deepEqual(await end.promise, { code: 1006, reason: 'the tunnel broke off' });

    const [[server, ended], [asker, open]] = [await pair(), await pair()];
    server.end();
    await once(ended, 'end');
    joinTunnel({ frames: open, socket: ended, role: 'gateway', onEnd: () => undefined });
    assert.deepEqual((await once(asker, 'data'))[0], encodeFrame(OPCODE.text, Buffer.from(TUNNEL.end), undefined));
  });
});
