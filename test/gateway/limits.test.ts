import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './wire.ts';
import { world } from './world.ts';

describe('the limits', () => {
  it('bound what one session has open', async () => {
    const made = await world({ options: { limits: { connectionsPerSession: 2 } } });
    const cookie = made.signIn();
    await Promise.all([made.webSocket({ cookie }), made.webSocket({ cookie })]);
    const answer = await made.ask({ cookie });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [429, 'too-many-connections']);
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal((await made.ask({ cookie: made.signIn() })).status, 200);
  });

  it('bound what one address has open, before anybody is known, and only while it is open', async () => {
    const made = await world({ options: { limits: { connectionsPerAddress: 2 } } });
    const cookie = made.signIn();
    const clients = await Promise.all([made.webSocket({ cookie }), made.webSocket({ cookie })]);
    assert.equal((await made.ask()).status, 429);
    for (const { socket } of clients) socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'their end');
    assert.equal((await made.ask({ cookie })).status, 200);
  });

  it('count a refused WebSocket only until its answer is sent, whether the client leaves or not', async () => {
    const made = await world({ options: { limits: { connectionsPerAddress: 1 } } });
    const socket = connect({ port: made.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.write(
      `GET / HTTP/1.1\r\nhost: wiki.localhost\r\norigin: http://wiki.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await sleep(1200);
    const { status } = await made.ask({ cookie: made.signIn() });
    socket.destroy();
    assert.equal(status, 200);
  });

  it('bound what is written about strangers', async () => {
    const made = await world({ options: { limits: { anonymousEventsPerSecond: 1 } } });
    for (let i = 0; i < 8; i++) await made.ask();
    assert.deepEqual([made.events.length, made.gateway.counters.unrecorded], [5, 3]);
    await made.ask({ cookie: made.signIn() });
    assert.equal(made.events.length, 6);
  });
});

describe('a journal that cannot be written', () => {
  it('denies critical apps with cannot-record, others go on', async () => {
    const made = await world({
      apps: [{ tier: 1 }, { id: 'app_t2', name: 'Two', host: 'two.localhost', tier: 2 }],
    });
    made.isWritable = false;
    const strict = await made.ask({ cookie: made.signIn() });
    assert.deepEqual([strict.status, JSON.parse(strict.body).code], [503, 'cannot-record']);
    assert.equal(made.arrivals.length, 0);
    const other = await made.ask({ host: 'two.localhost', cookie: made.signIn({ host: 'two.localhost' }) });
    assert.equal(other.status, 200);
    assert.ok(made.gateway.counters.unrecorded >= 2);
  });

  it('lets nothing of a critical app through before its event is on disk, and denies when the write fails', async () => {
    const gate = Promise.withResolvers<void>();
    const made = await world({
      apps: [{ tier: 0 }],
      options: { journal: { append: () => gate.promise, writable: true } },
    });
    const asked = made.ask({ cookie: made.signIn() });
    await sleep(50);
    assert.equal(made.arrivals.length, 0);
    gate.reject(new Error('the disk is full'));
    assert.equal((await asked).status, 503);
    assert.equal(made.arrivals.length, 0);
  });
});

describe('a gateway that closes', () => {
  it('cuts what is open, says that it will be back, and answers nothing more', async () => {
    const made = await world();
    const cookie = made.signIn();
    const client = await made.webSocket({ cookie });
    await made.gateway.close();
    const { code, reason } = await client.closed;
    assert.deepEqual([code, reason], [1001, 'gateway-stopping: Cordon is being restarted']);
    const answer = await made.ask({ cookie });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [503, 'gateway-stopping']);
  });
});
