/** What waits for the end of the turn, a request for the app or an answer for the client, and what happens in between. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAssertionSigner } from '#gateway';
import { manualClock } from '#base';
import { until } from './wire.ts';
import { type World, world } from './world.ts';

const REVOKED = { code: 'session-revoked' } as const;

function get(made: World, path = '/', rest = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n${rest}\r\n`;
}

/** A connection and all that came over it. */
async function open(made: World): Promise<{ readonly socket: Socket; readonly text: () => string }> {
  const socket = connect(made.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, text: () => text };
}

/** Calls `work` in the turn in which a request was let in, after the decision and before anything leaves for the app. */
function onceLetIn(work: () => void): ReturnType<typeof createAssertionSigner> {
  const signer = createAssertionSigner({ clock: manualClock(Date.UTC(2026, 10, 24, 12)) });
  return {
    ...signer,
    sign: (subject) => {
      process.nextTick(work);
      return signer.sign(subject);
    },
  };
}

describe('a request that waits for the end of the turn', () => {
  for (const [what, isWarm] of [
    ['a new connection', false],
    ['a kept connection', true],
  ] as const)
    it(`does not reach the app over ${what} when it is cut meanwhile, and its client hears why`, async () => {
      let bytes = '';
      let isArmed = !isWarm;
      const made: World = await world({
        rawUpstream: (socket) =>
          socket.on('data', (chunk) => {
            bytes += chunk.toString('latin1');
            socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          }),
        options: {
          assertion: onceLetIn(() => {
            if (isArmed) assert.equal(made.gateway.cut({}, REVOKED), 1);
          }),
        },
      });
      if (isWarm) assert.equal((await made.ask({ cookie: made.signIn(), path: '/warm' })).status, 200);
      isArmed = true;
      const answer = await made.ask({ cookie: made.signIn(), path: '/cut', method: 'POST', body: 'secret' });
      assert.equal(answer.status, 401);
      await sleep(30);
      assert.ok(!bytes.includes('/cut') && !bytes.includes('secret'), bytes);
      isArmed = false;
      assert.equal((await made.ask({ cookie: made.signIn(), path: '/after' })).status, 200);
    });

  it('reaches the server that it was let in to when the app moves meanwhile', async () => {
    let moves = 0;
    const made: World = await world({
      options: {
        assertion: onceLetIn(() => {
          made.patch('app', 'app_wiki', { upstreamOptions: { healthPath: `/${(moves += 1)}` } });
        }),
      },
    });
    const cookie = made.signIn();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => made.ask({ cookie, path: `/${n}` })));
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      answers.map((_, n) => [200, `hello from the app: /${n}`]),
    );
  });
});

describe('an answer that waits for the end of the turn', () => {
  it('does not leave when it is cut meanwhile', async () => {
    const made = await world();
    const { socket, text } = await open(made);
    const { writeHead } = ServerResponse.prototype;
    let cuts = 0;
    const spy = mock.method(ServerResponse.prototype, 'writeHead', function (this: ServerResponse, ...all: unknown[]) {
      if (this.req.socket.localPort === made.port) queueMicrotask(() => (cuts += made.gateway.cut({}, REVOKED)));
      return (writeHead as (...given: unknown[]) => ServerResponse).apply(this, all);
    });
    socket.write(get(made));
    await once(socket, 'close');
    spy.mock.restore();
    assert.equal(cuts, 1);
    assert.equal(text(), '');
    await until(() => made.gateway.connections().length === 0, 'its end');
    assert.equal(made.gateway.counters.cut, 1);
  });

  it('comes in the order of the requests, whatever it is', async () => {
    const made = await world({
      upstream: (request, response) => {
        const n = Number(request.url?.slice(1));
        setTimeout(() => {
          if (n % 7 === 1) response.writeHead(204).end();
          else if (n % 7 === 2) response.writeHead(304, { etag: '"1"' }).end();
          else if (n % 7 === 3) {
            response.writeHead(200, { trailer: 'x-end' });
            response.write(`${n}:`);
            response.addTrailers({ 'x-end': 'yes' });
            response.end('end');
          } else if (n % 7 === 4) response.writeHead(200, { 'x-large': 'l'.repeat(10_000) }).end(`${n}:end`);
          else if (n % 7 === 5) response.end('b'.repeat(100_000) + `${n}:end`);
          else response.end(`${n}:end`);
        }, Math.random() * 10);
      },
    });
    const { socket, text } = await open(made);
    const cookie = made.signIn();
    const count = 70;
    let sent = '';
    for (let n = 0; n < count; n++) {
      const path = n % 10 === 9 ? '/.cordon/app' : `/${n}`;
      sent += `GET ${path} HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\nte: trailers\r\n\r\n`;
    }
    socket.write(sent);
    const heads = (): number => text().split('HTTP/1.1 ').length - 1;
    await until(() => heads() === count, 'all answers');
    await sleep(20);
    const statuses = [...text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    const expected = Array.from({ length: count }, (_, n) =>
      n % 10 === 9 ? 200 : n % 7 === 1 ? 204 : n % 7 === 2 ? 304 : 200,
    );
    assert.deepEqual(statuses, expected);
    const bodies = [...text().matchAll(/(\d+):(?:\r\n3\r\n)?end/g)].map(([, n]) => Number(n));
    assert.deepEqual(
      bodies,
      Array.from({ length: count }, (_, n) => n).filter((n) => n % 10 !== 9 && n % 7 !== 1 && n % 7 !== 2),
    );
    socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'their end');
  });

  it('does not leave when it is cut while an earlier one of its connection is not there yet', async () => {
    const first = Promise.withResolvers<void>();
    const made = await world({
      upstream: (request, response) => {
        if (request.url === '/first') void first.promise.then(() => response.end('the first'));
        else response.end('the second');
      },
    });
    const { socket, text } = await open(made);
    socket.write(get(made, '/first') + get(made, '/second'));
    await until(() => made.arrivals.length === 2, 'both at the app');
    await sleep(30);
    const second = made.gateway.connections().find(({ path }) => path === '/second') ?? assert.fail();
    assert.equal(made.gateway.cut({ id: second.id }, REVOKED), 1);
    first.resolve();
    await once(socket, 'close');
    assert.ok(text().includes('the first') && !text().includes('second'), text());
    assert.equal(text().match(/HTTP\/1\.1/g)?.length, 1);
    await until(() => made.gateway.connections().length === 0, 'their end');
  });

  it('ends before the gateway does when it drains', async () => {
    const made = await world();
    const { socket, text } = await open(made);
    socket.write(get(made));
    await until(() => made.arrivals.length === 1, 'the request');
    await made.gateway.drain(1000);
    await until(() => text().endsWith('hello from the app: /'), 'the answer');
  });
});
