import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { accept } from './upstream.ts';
import { until } from './wire.ts';
import { type World, world } from './world.ts';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

/** The handshake of a WebSocket, or the same without being one. */
function handshake(made: World, upgrade = UPGRADE): string {
  return (
    `GET / HTTP/1.1\r\nHost: wiki.localhost:${made.port}\r\nOrigin: http://wiki.localhost:${made.port}\r\n` +
    `Cookie: ${made.signIn()}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${upgrade}\r\n`
  );
}

describe('a client that resets its connection right after it asked', () => {
  for (const upgrade of ['', UPGRADE]) {
    it(`fails nothing inside the gateway, and is nobody on record (${upgrade === '' ? 'request' : 'WebSocket'})`, async () => {
      const made = await world();
      const head = handshake(made, upgrade);
      // Many, as the reset has to come before the request is read.
      for (let round = 0; round < 100; round++) {
        const socket = connect(made.port, '127.0.0.1');
        await once(socket, 'connect');
        socket.write(head);
        socket.resetAndDestroy();
      }
      assert.equal((await made.ask({ cookie: made.signIn() })).status, 200);
      await until(() => made.gateway.connections().length === 0, 'their end');
      assert.deepEqual(made.errors, []);
      assert.ok(!JSON.stringify(made.events).includes('"internal"'), 'no decision failed');
    });
  }
});

describe('a client that leaves while the app is dialled', () => {
  it('leaves no WebSocket behind, though the app never ends its side', async () => {
    const made = await world({ onUpgrade: (request, socket) => void setTimeout(() => accept(request, socket), 200) });
    const socket = connect(made.port, '127.0.0.1');
    socket.write(handshake(made));
    await until(() => made.arrivals.length === 1, 'the dial');
    socket.resume().end();
    await until(() => made.gateway.connections().length === 0, 'its end');
  });
});
