import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { upstreamRefusal } from './refusal.ts';
import { appAt, type Outcome, reach } from './testdata/permits.ts';
import { answerOf, closedPort, serveBytes, serveText, until } from './testdata/servers.ts';

const codeOf = ({ error }: Outcome): string | undefined =>
  error === undefined ? undefined : upstreamRefusal(error).reasons[0]?.code;

describe('several servers of one app', () => {
  it('get requests in turn, and a slow one gets fewer', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map(async (name) => await serveText(() => answerOf(name))));
    const made = reach(appAt(one?.origin ?? '', { others: [two?.origin ?? ''] }));
    const bodies: string[] = [];
    for (let i = 0; i < 6; i++) bodies.push((await made.ask()).body);
    assert.deepEqual(bodies, ['one', 'two', 'one', 'two', 'one', 'two']);
    const silent = await serveBytes(() => undefined);
    const busy = reach(appAt(silent.origin, { others: [one?.origin ?? ''] }));
    const first = busy.begin();
    await until(() => silent.connections.length === 1, 'the slow one');
    for (let i = 0; i < 4; i++) assert.equal((await busy.ask()).body, 'one');
    assert.equal(silent.connections.length, 1);
    first.controller().abort(new Error('enough'));
    await first.outcome;
  });

  it('lose one that is down at once: nobody notices but the journal, and it comes back by one request', async () => {
    const port = await closedPort();
    const well = await serveText(() => answerOf('well'));
    const made = reach(appAt(`http://127.0.0.1:${port}`, { others: [well.origin] }));
    for (let i = 0; i < 6; i++) assert.equal((await made.ask()).body, 'well');
    await until(() => made.events.length === 1, 'the event');
    const [event = assert.fail()] = made.events;
    assert.match(event.message, /is unhealthy: .*ECONNREFUSED/);
    assert.deepEqual(event.dst_endpoint, { hostname: '127.0.0.1', port, svc_name: 'a1' });
    const back = await serveText(() => answerOf('back'), port);
    await sleep(1_050);
    const bodies = [(await made.ask()).body, (await made.ask()).body, (await made.ask()).body];
    assert.ok(bodies.includes('back'), bodies.join());
    await until(() => made.events.length === 2, 'the second event');
    assert.match(made.events[1]?.message ?? '', /is healthy: it answers again/);
    assert.equal(back.connections.length, 1);
  });

  it('never get a POST twice, wherever it failed', async () => {
    const breaks = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const well = await serveText(() => answerOf('well'));
    const made = reach(appAt(breaks.origin, { others: [well.origin] }));
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) outcomes.push(codeOf(await made.ask({ method: 'POST' })));
    assert.deepEqual(outcomes, ['upstream-unreachable', undefined]);
    assert.deepEqual([breaks.connections.length, well.heads.length], [1, 1]);
  });

  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    it(`get a ${method} again at another one when the first gave no byte of an answer`, async () => {
      const breaks = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()));
      const well = await serveText(() => 'HTTP/1.1 204 No Content\r\n\r\n');
      const made = reach(appAt(breaks.origin, { others: [well.origin] }));
      assert.equal((await made.ask({ method })).status, 204);
      assert.deepEqual([breaks.connections.length, well.heads.length], [1, 1]);
    });

  it('never get a GET again that has a body', async () => {
    const breaks = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const well = await serveText(() => answerOf('well'));
    const made = reach(appAt(breaks.origin, { others: [well.origin] }));
    const body = new PassThrough().end('x');
    assert.equal(codeOf(await made.ask({ body })), 'upstream-unreachable');
    assert.equal(well.heads.length, 0);
  });

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    it(`get a ${method} without a body at another one when the first was not reached`, async () => {
      const well = await serveText(() => answerOf('well'));
      const made = reach(appAt(`http://127.0.0.1:${await closedPort()}`, { others: [well.origin] }));
      assert.equal((await made.ask({ method })).body, 'well');
      assert.equal(well.heads.length, 1);
    });

  it('never get a body twice, also when the first was not reached', async () => {
    const well = await serveText(() => answerOf('well'));
    const made = reach(appAt(`http://127.0.0.1:${await closedPort()}`, { others: [well.origin] }));
    assert.equal(codeOf(await made.ask({ method: 'POST', body: new PassThrough().end('x') })), 'upstream-unreachable');
    assert.equal(well.heads.length, 0);
  });

  for (const [name, bytes] of [
    ['a part of a head', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['a head', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n'],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha'],
  ] as const)
    it(`never get a request again after ${name}`, async () => {
      const breaks = await serveBytes((socket) => socket.once('data', () => socket.end(bytes)));
      const well = await serveText(() => answerOf('well'));
      const made = reach(appAt(breaks.origin, { others: [well.origin] }));
      assert.ok((await made.ask()).error !== undefined);
      assert.equal(well.heads.length, 0);
    });

  it('never get a request again that was ended here', async () => {
    const silent = await serveBytes(() => undefined);
    const well = await serveText(() => answerOf('well'));
    const made = reach(appAt(silent.origin, { others: [well.origin] }));
    const begun = made.begin();
    await until(() => silent.connections.length === 1, 'the connection');
    await sleep(20);
    begun.controller().abort(new Error('cut'));
    assert.equal((await begun.outcome).error?.message, 'cut');
    await sleep(20);
    assert.deepEqual([well.heads.length, made.events.length], [0, 0]);
  });

  it('that are all down: one request a second finds out, the others are refused at once', async () => {
    const ports = [await closedPort(), await closedPort()];
    const [first = '', ...others] = ports.map((port) => `http://127.0.0.1:${port}`);
    const made = reach(appAt(first, { others }));
    for (let i = 0; i < 3; i++) assert.equal(codeOf(await made.ask()), 'upstream-unreachable');
    const { error } = await made.ask();
    assert.match(error?.message ?? '', /no server of the app is healthy; the last failure: .*ECONNREFUSED/);
    await serveText(() => answerOf('back'), ports[0]);
    assert.ok((await made.ask()).error !== undefined);
    await sleep(1_050);
    assert.equal((await made.ask()).body, 'back');
    assert.equal((await made.ask()).body, 'back');
  });

  it('are not taken from everybody by requests that make them fall over', async () => {
    const server = await serveBytes((socket) =>
      socket.once('data', (head) => {
        if (String(head).startsWith('POST')) socket.resetAndDestroy();
        else socket.write(answerOf('well'));
      }),
    );
    const made = reach(appAt(server.origin));
    for (let i = 0; i < 12; i++) assert.ok((await made.ask({ method: 'POST' })).error !== undefined);
    assert.equal((await made.ask()).body, 'well');
  });
});

describe('the handshake of a WebSocket', () => {
  const HANDSHAKE = {
    isWebSocket: true,
    headers: [
      'host',
      'wiki.example.org',
      'sec-websocket-key',
      'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version',
      '13',
    ],
  } as const;
  const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
  const accepting = async (): ReturnType<typeof serveBytes> =>
    await serveBytes((socket) => socket.once('data', () => socket.write(ACCEPTED)));

  it('goes to another server when the first is down, until one is reached', async () => {
    const ports = [await closedPort(), await closedPort()];
    const well = await accepting();
    const [first = '', second = ''] = ports.map((port) => `http://127.0.0.1:${port}`);
    const made = reach(appAt(first, { others: [second, well.origin] }));
    const { status, socket } = await made.begin(HANDSHAKE).upgraded;
    assert.equal(status, 101);
    socket.destroy();
    await until(() => made.events.length === 2, 'the events of both');
    for (let i = 0; i < 3; i++) (await made.begin(HANDSHAKE).upgraded).socket.destroy();
    assert.equal(made.events.length, 2, 'and those that follow are not sent there');
  });

  it('goes to another server when the first cannot prove who it is', async () => {
    const impostor = await serveBytes((socket) => socket.once('data', () => socket.end('this is no TLS')));
    const well = await accepting();
    const made = reach(appAt(impostor.origin.replace('http:', 'https:'), { others: [well.origin] }));
    const { status, socket } = await made.begin(HANDSHAKE).upgraded;
    assert.equal(status, 101);
    socket.destroy();
  });

  for (const [name, serve] of Object.entries({
    'was read, and the connection lost': (socket: Socket) => socket.resetAndDestroy(),
    'was answered with a failure': (socket: Socket) => socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'),
  })) {
    it(`is not sent twice when it ${name}`, async () => {
      const breaks = await serveBytes((socket) => socket.once('data', () => serve(socket)));
      const well = await accepting();
      const made = reach(appAt(breaks.origin, { others: [well.origin] }));
      const { status, error } = await made.ask(HANDSHAKE);
      assert.ok(error !== undefined || status === 503);
      assert.equal(well.connections.length, 0);
    });
  }

  it('is refused when all are down, each of them asked once', async () => {
    const made = reach(
      appAt(`http://127.0.0.1:${await closedPort()}`, { others: [`http://127.0.0.1:${await closedPort()}`] }),
    );
    assert.equal(codeOf(await made.ask(HANDSHAKE)), 'upstream-unreachable');
    await until(() => made.events.length === 2, 'the events of both');
  });
});

describe('one server of an app', () => {
  it('that closed a kept connection gets a safe request over a new one', async () => {
    const server = await serveBytes((socket, index) =>
      socket.on('data', () => {
        if (index > 0) socket.write(answerOf('new'));
        else if (socket.bytesRead < 100) socket.write(answerOf('old'));
        else socket.destroy(); // as a server whose time for keeping it is over in this moment
      }),
    );
    const made = reach(appAt(server.origin));
    assert.equal((await made.ask()).body, 'old');
    await sleep(10);
    assert.equal((await made.ask({ path: `/${'x'.repeat(100)}` })).body, 'new');
  });

  it('that is down for a moment is asked again within a second, whatever it was before', async () => {
    const port = await closedPort();
    const made = reach(appAt(`http://127.0.0.1:${port}`));
    assert.equal(codeOf(await made.ask()), 'upstream-unreachable');
    await serveText(() => answerOf('up'), port);
    const end = performance.now() + 2_000;
    let body = '';
    while (body === '' && performance.now() < end) {
      ({ body } = await made.ask());
      await sleep(50);
    }
    assert.equal(body, 'up');
  });

  it('whose requests fail is not asked twice as often: retries are a fifth at most', async () => {
    let count = 0;
    const server = await serveBytes((socket) =>
      socket.once('data', () => {
        count += 1;
        socket.resetAndDestroy();
      }),
    );
    const made = reach(appAt(server.origin));
    for (let i = 0; i < 100; i++) await made.ask();
    assert.ok(count <= 100 + 10 + 20, `${count} requests arrived for 100`);
    assert.ok(count >= 100);
  });
});

describe('an app that changes', () => {
  it('is asked at its new servers from then on', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map(async (name) => await serveText(() => answerOf(name))));
    const app = appAt(one?.origin ?? '');
    const made = reach(app);
    assert.equal((await made.ask()).body, 'one');
    made.put({ ...app, upstream: two?.origin ?? '' });
    assert.equal((await made.ask()).body, 'two');
    await sleep(20); // a connection is free again one turn after its answer
    made.put({ ...app, upstream: two?.origin ?? '', name: 'Another name' });
    assert.equal((await made.ask()).body, 'two');
    assert.equal(two?.connections.length, 1);
    await until(() => one?.connections[0]?.destroyed === true, 'the end of the old connection');
  });
});
