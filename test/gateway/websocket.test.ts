import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocket } from 'undici';
import { accept } from './upstream.ts';
import { freePort, until } from './wire.ts';
import { BOB, world } from './world.ts';

describe('a WebSocket', () => {
  it('is joined to the app’s, both ways, with its protocol', async () => {
    const made = await world({
      onUpgrade: (request, socket) => {
        accept(request, socket, 'sec-websocket-protocol: chat\r\n');
        socket.on('data', (chunk) => socket.write(chunk));
      },
    });
    const client = await made.webSocket({ cookie: made.signIn(), headers: { 'sec-websocket-protocol': 'chat' } });
    assert.match(client.head, /sec-websocket-protocol: chat/);
    assert.match(client.head, /x-cordon-correlation-id: cor_/);
    client.send('one');
    client.send('two');
    await until(() => client.texts.length === 2, 'the echo');
    assert.deepEqual(client.texts, ['one', 'two']);
    assert.ok(made.arrivals[0]?.headers['x-cordon-assertion']);
    assert.equal(made.gateway.connections()[0]?.kind, 'websocket');
    client.socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'its end');
  });

  it('works with the client of Node, through masking, fragments and closing', async () => {
    const made = await world({ apps: [{ id: 'app_ip', host: '127.0.0.1', allowedOrigins: [] }] });
    const cookie = made.signIn({ host: '127.0.0.1' });
    const socket = new WebSocket(`ws://127.0.0.1:${made.port}/`, {
      headers: { cookie, origin: `http://127.0.0.1:${made.port}` },
    });
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('not opened'));
    });
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
    made.gateway.cut({}, { code: 'connection-ended' });
    assert.deepEqual(await closed, { code: 4403, reason: 'connection-ended: An administrator ended this connection' });
  });

  it('is opened at another server when the first is down, and the client notices nothing', async () => {
    const made = await world();
    const { upstream = '' } = made.graph.get('app', 'app_wiki') ?? {};
    made.patch('app', 'app_wiki', {
      upstream: `http://127.0.0.1:${await freePort()}`,
      upstreamOptions: { others: [upstream] },
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    assert.equal(client.status, 101);
    client.send('through');
    await until(() => client.texts.length === 1, 'the echo');
    assert.equal(made.arrivals.length, 1);
  });

  it('is refused to whoever may not open it, with the reason', async () => {
    const made = await world();
    const client = await made.webSocket({ cookie: made.signIn({ user: BOB.id }) });
    assert.equal(client.status, 403);
    assert.match(client.head, /"code":"no-permit"/);
    assert.equal((await made.webSocket()).status, 401);
    assert.equal(made.arrivals.length, 0);
  });

  it('gets the app’s own answer when the app does not want it', async () => {
    const made = await world({
      onUpgrade: (_request, socket) => socket.end('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno'),
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    assert.equal(client.status, 426);
    assert.match(client.head, /\r\n\r\nno$/);
    await client.closed;
    await until(() => made.gateway.connections().length === 0, 'its end');
  });

  it('gets a large answer of the app in full', async () => {
    const body = 'x'.repeat(2_000_000);
    const made = await world({
      onUpgrade: (_request, socket) => socket.end(`HTTP/1.1 400 No\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    assert.ok(client.head.endsWith(body), `${client.head.length} bytes`);
  });

  it('ends on both sides when one side goes', async () => {
    const sockets: { destroyed: boolean; destroy(): void }[] = [];
    const made = await world({
      onUpgrade: (request, socket) => {
        accept(request, socket);
        socket.resume().on('end', () => socket.end());
        sockets.push(socket);
      },
    });
    const cookie = made.signIn();
    const [one, two] = await Promise.all([made.webSocket({ cookie }), made.webSocket({ cookie })]);
    one.socket.destroy();
    await until(() => sockets.some(({ destroyed }) => destroyed), 'the end at the app');
    for (const socket of sockets) socket.destroy();
    await two.closed;
    await until(() => made.gateway.connections().length === 0, 'their end');
  });
});
