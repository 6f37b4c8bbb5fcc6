import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { until } from './wire.ts';
import { world, type WorldOptions } from './world.ts';

describe('an upstream that misbehaves', () => {
  const raw = (text: string): WorldOptions => ({
    rawUpstream: (socket) => socket.once('data', () => socket.end(text)),
  });
  const cases: [string, WorldOptions, number, string][] = [
    [
      'resets the connection',
      { rawUpstream: (socket) => void socket.once('data', () => socket.resetAndDestroy()) },
      502,
      'upstream-unreachable',
    ],
    ['closes without an answer', raw(''), 502, 'upstream-unreachable'],
    ['does not speak HTTP', raw('SSH-2.0-OpenSSH_9.9\r\n'), 502, 'upstream-invalid'],
    ['answers with a broken status line', raw('HTTP/1.1 2000 OK\r\n\r\n'), 502, 'upstream-invalid'],
    [
      'answers with a space before the colon',
      raw('HTTP/1.1 200 OK\r\na : b\r\ncontent-length: 0\r\n\r\n'),
      502,
      'upstream-invalid',
    ],
    [
      'answers with NUL in a field',
      raw('HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0\r\n\r\n'),
      502,
      'upstream-invalid',
    ],
    [
      'answers with both lengths',
      raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
      502,
      'upstream-invalid',
    ],
    [
      'answers with two lengths',
      raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'),
      502,
      'upstream-invalid',
    ],
    [
      'answers with a status Node cannot send',
      raw('HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n'),
      502,
      'upstream-invalid',
    ],
    [
      'switches protocols unasked',
      raw('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      502,
      'upstream-invalid',
    ],
    ['sends a head of 100 kB', raw(`HTTP/1.1 200 OK\r\na: ${'x'.repeat(100_000)}\r\n\r\n`), 502, 'upstream-invalid'],
    [
      'never answers',
      { upstream: () => undefined, options: { limits: { headersTimeoutMs: 300 } } },
      504,
      'upstream-timeout',
    ],
    ['is not there', { apps: [{ upstream: 'http://127.0.0.1:9' }] }, 502, 'upstream-unreachable'],
    ['has a name that nobody knows', { apps: [{ upstream: 'http://nowhere.invalid' }] }, 502, 'upstream-unreachable'],
  ];
  for (const [name, options, status, code] of cases) {
    it(`and ${name} is named ${code}, without its address`, async () => {
      const made = await world(options);
      const answer = await made.ask({ cookie: made.signIn() });
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [status, code]);
      assert.ok(!answer.body.includes('127.0.0.1') && !answer.body.includes('nowhere.invalid'));
      await until(() => made.events.some(({ status_code }) => status_code === code), 'the event');
      await until(() => made.gateway.connections().length === 0, 'the end');
    });
  }

  it('and fails while it still gets a body leaves the client its answer', async () => {
    const made = await world({ apps: [{ upstream: 'http://127.0.0.1:9' }] });
    const answer = await made.ask({ cookie: made.signIn(), method: 'POST', body: 'x'.repeat(200_000) });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [502, 'upstream-unreachable']);
  });

  it('and answers before it has read the body is passed on, and the connection closed', async () => {
    const made = await world({
      upstream: (_request, response) => response.writeHead(413, { connection: 'close' }).end('too much'),
    });
    const answer = await made.ask({ cookie: made.signIn(), method: 'POST', body: 'x'.repeat(200_000) });
    assert.deepEqual([answer.status, answer.body], [413, 'too much']);
  });

  it('and breaks off in the middle is broken off for the client, never passed off as whole', async () => {
    const made = await world(raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'));
    await assert.rejects(made.ask({ cookie: made.signIn() }), /aborted|hang up|ECONNRESET/);
    const event =
      made.events.find(({ status_code }) => status_code === 'upstream-unreachable') ?? assert.fail('no event');
    assert.match(JSON.stringify(event.unmapped), /other side closed/);
  });

  it('and breaks off between two chunks is broken off too, without the end of a whole', async () => {
    const made = await world(raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'));
    const text = await made.raw(`GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`);
    assert.match(text, /4\r\nhalf\r\n$/);
  });

  it('and stands still in the middle is broken off after the idle time', async () => {
    const made = await world({
      upstream: (_request, response) => response.write('a'),
      options: { limits: { idleTimeoutMs: 1200 } },
    });
    await assert.rejects(made.ask({ cookie: made.signIn() }));
  });

  it('and accepts a WebSocket with another key is refused', async () => {
    const made = await world({
      onUpgrade: (_request, socket) =>
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n',
        ),
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    assert.equal(client.status, 502);
    assert.match(client.head, /upstream-invalid/);
  });

  it('and never answers a WebSocket is given up', async () => {
    const made = await world({ onUpgrade: () => undefined, options: { limits: { upgradeTimeoutMs: 200 } } });
    assert.equal((await made.webSocket({ cookie: made.signIn() })).status, 504);
  });

  it('and whose certificate nobody vouches for gets no request; its own name is asked for, not the public one', async () => {
    const names: string[] = [];
    const server = createTlsServer({
      SNICallback: (name, done) => {
        names.push(name);
        done(new Error('no certificate'));
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const made = await world({ apps: [{ upstream: `https://localhost:${address.port}` }] });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.equal(answer.status, 502);
    assert.deepEqual(names, ['localhost']);
  });
});

describe('the answer of an app', () => {
  for (const length of [0, 1, 256, 16_384, 16_385]) {
    it(`of ${length} bytes arrives as it was, sent at once or in parts`, async () => {
      const body = Buffer.from(Array.from({ length }, (_, index) => index % 256));
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;
      for (const parts of [
        [Buffer.concat([Buffer.from(head), body])],
        [Buffer.from(head), body.subarray(0, 100), body.subarray(100)],
      ]) {
        const made = await world({
          rawUpstream: (socket) => socket.once('data', () => void writeOneByOne(socket, parts)),
        });
        const answer = await made.raw(
          `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\nconnection: close\r\n\r\n`,
        );
        assert.deepEqual(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1'), body);
      }
    });
  }
});

async function writeOneByOne(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    socket.write(part);
    await sleep(20);
  }
}
