import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { appAt, reach } from './testdata/permits.ts';
import { answerOf, closedPort, serveHttp2, serveText, until } from './testdata/servers.ts';

const FAST = { healthIntervalMs: 20, healthTimeoutMs: 100 };

describe('the check of a server’s health', () => {
  it('is a GET of Cordon’s own: the app’s host, no assertion, nothing of any client', async () => {
    const server = await serveText(() => answerOf('ok'));
    reach(appAt(server.origin, { healthPath: '/healthz?full' }), FAST);
    await until(() => server.heads.length > 2, 'checks without any request');
    const [first = ''] = server.heads;
    assert.match(first, /^GET \/healthz\?full HTTP\/1\.1\r\n/);
    const names = first
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(':')[0]);
    assert.deepEqual(new Set(names), new Set(['connection', 'host', 'user-agent']));
    assert.match(first, /host: wiki\.example\.org/);
  });

  it('takes a server out after three bad answers and back in after two good ones, and says so once', async () => {
    let status = '503 Service Unavailable';
    const one = await serveText(() => answerOf('one', status));
    const two = await serveText(() => answerOf('two'));
    const made = reach(appAt(one.origin, { others: [two.origin], healthPath: '/healthz' }), FAST);
    await until(() => made.events.length === 1, 'the first event');
    assert.match(made.events[0]?.message ?? '', /is unhealthy: its health check answers 503/);
    for (let i = 0; i < 4; i++) assert.equal((await made.ask()).body, 'two');
    status = '200 OK';
    await until(() => made.events.length === 2, 'the second event');
    assert.match(made.events[1]?.message ?? '', /is healthy: its health check succeeds/);
    const bodies = new Set<string>();
    for (let i = 0; i < 4; i++) bodies.add((await made.ask()).body);
    assert.deepEqual([...bodies].sort(), ['one', 'two']);
    await sleep(100);
    assert.equal(made.events.length, 2);
  });

  it('that fails everywhere refuses requests without dialling', async () => {
    let asked = 0;
    const server = await serveText((head) => {
      if (head.startsWith('GET /healthz')) return answerOf('', '500 Internal Server Error');
      asked += 1;
      return answerOf('well');
    });
    const made = reach(appAt(server.origin, { healthPath: '/healthz' }), FAST);
    await until(() => made.events.length === 1, 'the event');
    const { error } = await made.ask();
    assert.match(error?.message ?? '', /no server of the app is healthy; .*its health check answers 500/);
    assert.equal(asked, 0);
  });

  for (const [name, answer] of [
    ['never comes', ''],
    ['never ends', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ['is no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['is endless', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_000)}`],
    ['is a redirect', 'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n'],
  ] as const)
    it(`whose answer ${name} ${name === 'is endless' ? 'counts for its status' : 'is a bad one, in bounded time'}`, async () => {
      const server = await serveText(() => answer);
      const made = reach(appAt(server.origin, { healthPath: '/healthz' }), FAST);
      if (name === 'is endless') {
        await until(() => server.heads.length > 3, 'checks that go on');
        assert.deepEqual(made.events, []);
        return;
      }
      await until(() => made.events.length === 1, 'the event');
    });

  it('brings back a server that was down when it answers again, without a request', async () => {
    const port = await closedPort();
    const made = reach(appAt(`http://127.0.0.1:${port}`, { healthPath: '/healthz' }), FAST);
    await until(() => made.events.length === 1, 'the first event');
    await serveText(() => answerOf('up'), port);
    await until(() => made.events.length === 2, 'the second event');
    assert.equal((await made.ask()).body, 'up');
  });

  it('speaks the protocol of the app', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    reach(appAt(server.origin, { protocol: 'http2', healthPath: '/healthz' }), FAST);
    await until(() => server.arrivals.length > 1, 'checks');
    assert.equal(server.arrivals[0]?.[':path'], '/healthz');
  });

  it('stops when the app goes, or its path changes', async () => {
    const server = await serveText(() => answerOf('ok'));
    const app = appAt(server.origin, { healthPath: '/one' });
    const made = reach(app, FAST);
    await until(() => server.heads.length > 0, 'checks');
    made.put({ ...app, upstreamOptions: { healthPath: '/two' } });
    await until(() => server.heads.at(-1)?.startsWith('GET /two') === true, 'checks of the other path');
    made.put(undefined);
    await sleep(100);
    const { length } = server.heads;
    await sleep(150);
    assert.equal(server.heads.length, length);
    assert.ok(!server.heads.slice(-1)[0]?.startsWith('GET /one'));
  });
});
