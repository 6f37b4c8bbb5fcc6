import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { giveBackWritten, onceLeft } from './spent-bytes.ts';

/** Bytes in memory that is theirs alone, as they come from a socket. */
function bytes(length: number, fill = 'x'): Buffer {
  return Buffer.from(new ArrayBuffer(length)).fill(fill);
}

const ALIVE = { destroyed: false };

describe('memory of bytes that have left', () => {
  it('is given back at once', () => {
    const chunk = bytes(65_536);
    onceLeft(chunk, ALIVE)?.();
    assert.ok(chunk.buffer instanceof ArrayBuffer && chunk.buffer.detached);
    assert.equal(chunk.length, 0);
  });

  it('is given back once, also of bytes that were written to two places', () => {
    const chunk = bytes(65_536);
    const left = [onceLeft(chunk, ALIVE), onceLeft(chunk, ALIVE)];
    for (const one of left) one?.();
    assert.equal(chunk.length, 0);
  });

  for (const [what, chunk] of [
    ['the first part of more', bytes(65_536).subarray(0, 60_000)],
    ['the last part of more', bytes(65_536).subarray(1)],
    ['little', bytes(4_095)],
    ['shared with another thread', Buffer.from(new SharedArrayBuffer(65_536))],
    ['empty', bytes(0)],
  ] as const)
    it(`stays when it is ${what}`, () => {
      const { length } = chunk;
      onceLeft(chunk, ALIVE)?.();
      assert.equal(chunk.length, length);
    });

  it('stays when they did not leave, or what they were written to has broken off', () => {
    const chunk = bytes(65_536);
    onceLeft(chunk, ALIVE)?.(new Error('reset'));
    onceLeft(chunk, { destroyed: true })?.(null);
    assert.equal(chunk.length, 65_536);
  });
});

/** A socket that gives back, and the other end, which reads only when told to. */
async function pair(): Promise<{ socket: Socket; peer: Socket; end: () => void }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  giveBackWritten(socket);
  const end = (): void => {
    for (const one of [socket, peer]) one.destroy();
    server.close();
  };
  return { socket, peer, end };
}

async function readAll(peer: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of peer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

describe('a socket that gives back what is written to it', () => {
  it('does so when the bytes have left, and they arrive as they were', async () => {
    const { socket, peer, end } = await pair();
    const chunks = Array.from({ length: 64 }, (_, index) => bytes(65_536, String.fromCharCode(65 + index)));
    const sent = Buffer.concat(chunks).toString('latin1');
    for (const chunk of chunks) socket.write(chunk);
    await sleep(20);
    const last = chunks.at(-1) ?? assert.fail();
    assert.equal(last.length, 65_536, 'what waits stays');
    socket.end();
    assert.equal(await readAll(peer), sent);
    assert.deepEqual(
      chunks.filter(({ length }) => length > 0),
      [],
    );
    end();
  });

  it('keeps order with text and with bytes that leave in one write', async () => {
    const { socket, peer, end } = await pair();
    const chunk = bytes(8_192, 'b');
    socket.cork();
    socket.write('head\r\n', 'latin1');
    socket.write(chunk);
    socket.write(Buffer.from('tail'));
    socket.uncork();
    socket.end();
    assert.equal(await readAll(peer), `head\r\n${'b'.repeat(8_192)}tail`);
    assert.equal(chunk.length, 0);
    end();
  });

  it('leaves alone what a caller wants to hear about', async () => {
    const { socket, peer, end } = await pair();
    const chunk = bytes(8_192);
    await new Promise((resolve) => socket.write(chunk, resolve));
    assert.equal(chunk.length, 8_192);
    peer.destroy();
    end();
  });

  it('keeps what had not left when it broke off', async () => {
    const { socket, peer, end } = await pair();
    const chunks = Array.from({ length: 256 }, () => bytes(65_536));
    for (const chunk of chunks) socket.write(chunk);
    await sleep(20);
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    await sleep(1);
    const left = chunks.filter(({ length }) => length > 0);
    assert.ok(left.length > 100, `${left.length} of 256 were kept`);
    peer.destroy();
    end();
  });
});
