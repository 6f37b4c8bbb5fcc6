import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hardenServer, SERVER_OPTIONS } from './server-options.ts';

const IDLE_MS = 300;
const undone: (() => void)[] = [];
afterEach(() => {
  for (const undo of undone.splice(0)) undo();
});

async function listening(server: Server): Promise<{ port: number; open: () => Promise<number> }> {
  hardenServer(server, IDLE_MS);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  undone.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const open = async (): Promise<number> =>
    await new Promise((resolve) => {
      server.getConnections((_error, count) => resolve(count));
    });
  return { port: (server.address() as AddressInfo).port, open };
}

/** A client that sends `text` and, unless asked to, reads nothing. */
async function client(port: number, text: string, { reads = false }: { reads?: boolean } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  undone.push(() => socket.destroy());
  if (reads) socket.resume();
  else socket.pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(text);
  return socket;
}

async function isClosedWithin(open: () => Promise<number>, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) {
    if ((await open()) === 0) return true;
  }
  return false;
}

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const large: RequestListener = (_request, response) => {
  response.end(Buffer.alloc(32 * 1024 * 1024));
};
const endless: RequestListener = (_request, response) => {
  const fill = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', fill);
  fill();
};

describe('a connection is ended', () => {
  for (const [what, handler, text] of [
    ['one large answer', large, GET],
    ['an answer without end', endless, GET],
    ['many answers to requests sent at once', large, GET.repeat(20)],
  ] as const) {
    it(`that does not read ${what}`, async () => {
      const { port, open } = await listening(createServer(SERVER_OPTIONS, handler));
      await client(port, text);
      assert.equal(await isClosedWithin(open, 5000), true);
    });
  }

  it('that never begins its TLS handshake', async () => {
    const { port, open } = await listening(createTlsServer({ ...SERVER_OPTIONS, handshakeTimeout: IDLE_MS }));
    await client(port, '');
    assert.equal(await isClosedWithin(open, 5000), true);
  });

  it('that asks to become a WebSocket where nobody takes it over', async () => {
    const { port, open } = await listening(createServer(SERVER_OPTIONS, endless));
    await client(port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', {
      reads: true,
    });
    assert.equal(await isClosedWithin(open, 5000), true);
  });

  it('that stops in the middle of a body nobody waits for', async () => {
    const { port, open } = await listening(
      createServer({ ...SERVER_OPTIONS, keepAliveTimeout: IDLE_MS }, (_request, response) => response.end('no')),
    );
    await client(port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc', { reads: true });
    assert.equal(await isClosedWithin(open, 10_000), true);
  });
});

describe('a connection stays', () => {
  it('while its request is worked on, however long', async () => {
    const { port } = await listening(
      createServer(SERVER_OPTIONS, (_request, response) => {
        setTimeout(() => response.end('late'), 4 * IDLE_MS);
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await answer.text(), 'late');
  });

  it('while a slow client reads', async () => {
    const { port } = await listening(createServer(SERVER_OPTIONS, endless));
    const socket = await client(port, GET);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 10);
    });
    socket.resume();
    await sleep(4 * IDLE_MS);
    assert.equal(socket.destroyed, false);
    assert.ok(bytes > 0);
  });

  it('when somebody took it over as a WebSocket', async () => {
    const server = createServer(SERVER_OPTIONS);
    const { port, open } = await listening(server);
    server.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    await client(port, `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`, {
      reads: true,
    });
    await sleep(4 * IDLE_MS);
    assert.equal(await open(), 1);
  });
});
