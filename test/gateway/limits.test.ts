import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './wire.ts';
import { BOB, world } from './world.ts';

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

describe('the budgets of requests', () => {
  const codeOf = ({ body }: { readonly body: string }): unknown => JSON.parse(body).code;

  for (const [what, limits] of [
    ['address', { requestsPerSecondPerAddress: 1 }],
    ['account', { requestsPerSecondPerAccount: 1 }],
    ['app', { requestsPerSecondPerApp: 1 }],
  ] as const) {
    it(`refuse by name what an ${what} asks beyond, reach no upstream with it, and end with time`, async () => {
      const made = await world({ options: { limits } });
      const cookie = made.signIn();
      for (let i = 0; i < 5; i++) assert.equal((await made.ask({ cookie })).status, 200);
      const answer = await made.ask({ cookie });
      assert.deepEqual([answer.status, codeOf(answer), answer.headers['retry-after']], [429, 'too-many-requests', '1']);
      assert.equal(made.arrivals.length, 5);
      made.clock.advance(1000);
      assert.equal((await made.ask({ cookie })).status, 200);
    });
  }

  it('bound a connection by itself', async () => {
    const made = await world({ options: { limits: { requestsPerSecondPerConnection: 1 } } });
    const one = `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`;
    const answers = (await made.raw(one.repeat(7))).match(/HTTP\/1\.1 \d+/g);
    assert.deepEqual(answers, [...Array.from({ length: 5 }, () => 'HTTP/1.1 200'), 'HTTP/1.1 429', 'HTTP/1.1 429']);
  });

  it('of an app are what the app says, and strangers cannot use them up', async () => {
    const made = await world({ apps: [{ limits: { requestsPerSecond: 1 } }] });
    for (let i = 0; i < 20; i++) assert.equal((await made.ask()).status, 401);
    const cookie = made.signIn();
    for (let i = 0; i < 5; i++) assert.equal((await made.ask({ cookie })).status, 200);
    assert.equal(codeOf(await made.ask({ cookie })), 'too-many-requests');
    const verify = made.signIn({ host: 'verify.localhost' });
    assert.equal((await made.ask({ host: 'verify.localhost', cookie: verify })).status, 200);
  });

  it('of an account are one over all its sessions, and another person’s are untouched', async () => {
    const made = await world({ options: { limits: { requestsPerSecondPerAccount: 1 } } });
    for (let i = 0; i < 5; i++) await made.ask({ cookie: made.signIn() });
    assert.equal((await made.ask({ cookie: made.signIn() })).status, 429);
    assert.equal((await made.ask({ cookie: made.signIn({ user: BOB.id }) })).status, 403);
  });

  it('are told of a few times a second, not once per refusal', async () => {
    const made = await world({ options: { limits: { requestsPerSecondPerAccount: 1 } } });
    const cookie = made.signIn();
    for (let i = 0; i < 105; i++) await made.ask({ cookie });
    const refused = made.events.filter(({ status_code: code }) => code === 'too-many-requests');
    assert.equal(refused.length, 25, 'a burst of five seconds’ worth');
    assert.equal(made.gateway.counters.unrecorded, 75);
  });
});

describe('the length of a body', () => {
  const limits = { bodyBytes: 10 };

  it('that is declared is refused before anything reaches the upstream', async () => {
    const made = await world({ options: { limits } });
    const answer = await made.ask({ method: 'POST', cookie: made.signIn(), body: 'x'.repeat(11) });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [413, 'body-too-large']);
    assert.deepEqual(made.arrivals, []);
    assert.equal((await made.ask({ method: 'POST', cookie: made.signIn(), body: 'x'.repeat(10) })).status, 200);
  });

  it('that is not declared is counted on its way, and the upstream never sees it end', async () => {
    let isWhole: boolean | undefined;
    const made = await world({
      options: { limits },
      upstream: (request, response) => {
        request.resume().once('close', () => {
          isWhole = request.complete;
        });
        request.once('end', () => response.end('all of it'));
        request.once('error', () => undefined);
      },
    });
    const chunked = (body: string): string =>
      `POST / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\ntransfer-encoding: chunked\r\n\r\n${body}`;
    const client = connect(made.port, '127.0.0.1');
    let answer = '';
    client.on('data', (chunk) => (answer += chunk.toString()));
    client.write(chunked('5\r\nhello\r\n'));
    await until(() => made.arrivals.length === 1, 'the first part at the upstream');
    client.write('6\r\n world\r\n0\r\n\r\n');
    await until(() => isWhole !== undefined && answer.includes('body-too-large'), 'the end at both ends');
    client.destroy();
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.equal(isWhole, false);
    assert.match(await made.raw(chunked('5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n')), /^HTTP\/1\.1 200 .*all of it/s);
  });

  it('is what the app says, where it says one', async () => {
    const made = await world({ options: { limits }, apps: [{ limits: { bodyBytes: 20 } }] });
    assert.equal((await made.ask({ method: 'POST', cookie: made.signIn(), body: 'x'.repeat(20) })).status, 200);
    assert.equal((await made.ask({ method: 'POST', cookie: made.signIn(), body: 'x'.repeat(21) })).status, 413);
  });
});

describe('an overload', () => {
  it('sheds what would be too much at once, tells of it once, leaves sign-in and streams, and ends by itself', async () => {
    const waiting: { end(text: string): unknown }[] = [];
    const made = await world({
      options: { limits: { requestsAtOnce: 2 } },
      upstream: (_request, response) => waiting.push(response),
    });
    const cookie = made.signIn();
    const stream = await made.webSocket({ cookie });
    const asked = [made.ask({ cookie }), made.ask({ cookie })];
    await until(() => waiting.length === 2, 'two requests at the app');
    for (let i = 0; i < 3; i++) {
      const { status, body, headers } = await made.ask({ cookie });
      assert.deepEqual([status, JSON.parse(body).code, headers['retry-after']], [503, 'overloaded', '1']);
    }
    assert.equal((await made.ask({ path: '/.cordon/jwks.json' })).status, 200, 'own paths stay');
    stream.send('still here');
    await until(() => stream.texts.includes('still here'), 'the echo');
    for (const response of waiting) response.end('done');
    assert.deepEqual(
      (await Promise.all(asked)).map(({ status }) => status),
      [200, 200],
    );
    const episodes = (): unknown[] =>
      made.events.flatMap(({ unmapped }) => {
        const episode = unmapped?.cordon['overload'] as { kind?: unknown; shed?: unknown } | undefined;
        return episode === undefined ? [] : [[episode.kind, episode.shed]];
      });
    await until(() => episodes().length === 2, 'the end of the overload');
    assert.deepEqual(episodes(), [
      ['began', 0],
      ['ended', 3],
    ]);
    const again = made.ask({ cookie });
    await until(() => waiting.length === 3, 'a request at the app again');
    waiting[2]?.end('done');
    assert.equal((await again).status, 200);
  });
});
