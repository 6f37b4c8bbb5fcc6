import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endSlowClients, wasSlow } from './slow-clients.ts';

const MEBIBYTE = 1024 * 1024;
const PIECE = Buffer.alloc(MEBIBYTE / 16);

/** A server that has more to say than fits anywhere. */
async function serving(t: TestContext, mebibytes: number, sockets: Socket[] = []): Promise<number> {
  const server = createServer((_request, response) => {
    // With back-pressure, as the gateway hands on what an app says.
    Readable.from(Array.from({ length: 16 * mebibytes }, () => PIECE)).pipe(response);
  });
  server.on('connection', (socket) => sockets.push(socket));
  endSlowClients(server, { bytesPerSecond: MEBIBYTE, ms: 400 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function asking(port: number): { socket: Socket; isEnded: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  let isEnded = false;
  socket.on('error', () => (isEnded = true)).on('close', () => (isEnded = true));
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  return { socket, isEnded: () => isEnded };
}

describe('a slow client', () => {
  it('that reads a little now and then is ended, and known to have been', async (t) => {
    const sockets: Socket[] = [];
    const { socket, isEnded } = asking(await serving(t, 64, sockets));
    for (let i = 0; i < 20 && !isEnded(); i++) {
      await sleep(100);
      socket.read(1000);
    }
    socket.resume(); // to see the end
    for (let i = 0; i < 20 && !isEnded(); i++) await sleep(50);
    assert.ok(isEnded());
    assert.deepEqual(sockets.map(wasSlow), [true]);
  });

  it('is not one that reads as fast as it should, however long it takes', async (t) => {
    const sockets: Socket[] = [];
    const { socket, isEnded } = asking(await serving(t, 64, sockets));
    let taken = 0;
    for (let i = 0; i < 20; i++) {
      const until = taken + 2 * MEBIBYTE;
      while (taken < until && !isEnded()) {
        taken += (socket.read() as Buffer | null)?.length ?? 0;
        await sleep(0);
      }
      await sleep(100);
    }
    assert.equal(isEnded(), false);
    assert.ok(taken > 4 * MEBIBYTE);
    socket.destroy();
    await sleep(20);
    assert.deepEqual(sockets.map(wasSlow), [false]);
  });

  it('is not one that has nothing to read, nor one that keeps its connection without asking', async (t) => {
    const port = await serving(t, 0);
    const { socket, isEnded } = asking(port);
    await sleep(1500);
    assert.equal(isEnded(), false);
    socket.destroy();
  });
});
