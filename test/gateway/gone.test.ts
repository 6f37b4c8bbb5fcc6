import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { until } from './wire.ts';
import { world } from './world.ts';

describe('a client that resets its connection right after it asked', () => {
  for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n']) {
    it(`fails nothing inside the gateway, and is nobody on record (${upgrade === '' ? 'request' : 'WebSocket'})`, async () => {
      const made = await world();
      const head =
        `GET / HTTP/1.1\r\nHost: wiki.localhost:${made.port}\r\nOrigin: http://wiki.localhost:${made.port}\r\n` +
        `Cookie: ${made.signIn()}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${upgrade}\r\n`;
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
