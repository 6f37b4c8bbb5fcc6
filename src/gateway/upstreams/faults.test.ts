import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { upstreamRefusal } from './refusal.ts';
import { appAt, type Outcome, reach } from './testdata/permits.ts';
import { answerOf, serveBytes, serveText, until } from './testdata/servers.ts';

const refused = ({ error }: Outcome): [number, string | undefined] => {
  const { status, reasons } = upstreamRefusal(error ?? assert.fail('it passed for an answer'));
  return [status, reasons[0]?.code];
};

describe('an upstream over HTTP/1.1 that misbehaves', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  const cases: [string, (socket: Socket) => void, [number, string]][] = [
    ['resets before its answer', (socket) => socket.resetAndDestroy(), [502, 'upstream-unreachable']],
    [
      'resets in the middle of its head',
      (socket) => void socket.write(head, () => socket.resetAndDestroy()),
      [502, 'upstream-unreachable'],
    ],
    [
      'resets in the middle of its body',
      (socket) =>
        void socket.write(`${head}content-length: 9\r\n\r\nhalf`, () => setTimeout(() => socket.resetAndDestroy(), 20)),
      [502, 'upstream-unreachable'],
    ],
    [
      'sends less than it said',
      (socket) => socket.end(`${head}content-length: 9\r\n\r\nhalf`),
      [502, 'upstream-unreachable'],
    ],
    [
      'sends no last chunk',
      (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`),
      [502, 'upstream-unreachable'],
    ],
    [
      'sends a chunk of no length',
      (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\nxyz\r\n`),
      [502, 'upstream-invalid'],
    ],
    ['answers as HTTP/0.9 did', (socket) => socket.end('<html>hello</html>'), [502, 'upstream-invalid']],
    ['answers with a status of words', (socket) => socket.end('HTTP/1.1 abc OK\r\n\r\n'), [502, 'upstream-invalid']],
    ['answers with HTTP of another kind', (socket) => socket.end('HTTP/9.9 200 OK\r\n\r\n'), [502, 'upstream-invalid']],
    [
      'folds a field over two lines',
      (socket) => socket.end(`${head}a: b\r\n c\r\ncontent-length: 0\r\n\r\n`),
      [502, 'upstream-invalid'],
    ],
    [
      'ends lines without a carriage return in a field',
      (socket) => socket.end(`${head}a: b\nc: d\r\ncontent-length: 0\r\n\r\n`),
      [502, 'upstream-invalid'],
    ],
    [
      'sends trailers that are none',
      (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n`),
      [502, 'upstream-invalid'],
    ],
    [
      'says to go on, unasked',
      (socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
      [502, 'upstream-invalid'],
    ],
  ];
  for (const [name, work, expected] of cases) {
    it(`and ${name} is named ${expected[1]}, and answers the next request`, async () => {
      const server = await serveBytes((socket, index) =>
        socket.once('data', () => {
          if (index === 0) work(socket);
          else socket.write(answerOf('well'));
        }),
      );
      const made = reach(appAt(server.origin), { idleTimeoutMs: 2_000 });
      assert.deepEqual(refused(await made.ask({ method: 'POST' })), expected);
      const next = await made.ask({ method: 'POST' });
      assert.deepEqual([next.body, next.error], ['well', undefined]);
    });
  }

  it('and sends more than it said is heard to its length, and the rest never taken for another answer', async () => {
    const poison = answerOf('poison');
    const server = await serveText((_head, index) =>
      index === 0 ? `${answerOf('first')}${poison}` : answerOf('second'),
    );
    const made = reach(appAt(server.origin));
    assert.equal((await made.ask()).body, 'first');
    for (let i = 0; i < 3; i++) assert.equal((await made.ask()).body, 'second');
  });

  for (const method of ['GET', 'POST'])
    it(`and answers on a connection that waits never answers the next ${method} with it`, async () => {
      const server = await serveText((_head, index) => answerOf(`by ${index}`));
      const made = reach(appAt(server.origin));
      assert.equal((await made.ask()).body, 'by 0');
      server.connections[0]?.write(answerOf('poison'));
      await sleep(20);
      assert.equal((await made.ask({ method })).body, 'by 1');
    });

  it('and sends a body with an answer that has none is not heard on that connection again', async () => {
    const server = await serveText((_head, index) =>
      index === 0 ? `HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\n${answerOf('poison')}` : answerOf('well'),
    );
    const made = reach(appAt(server.origin));
    assert.equal((await made.ask()).status, 304);
    assert.equal((await made.ask()).body, 'well');
  });

  it('and never ends its handshake of TLS is given up after the time for connecting', async () => {
    const server = await serveBytes((socket) => socket.resume());
    const made = reach(appAt(server.origin.replace('http:', 'https:')), { connectTimeoutMs: 200 });
    assert.deepEqual(refused(await made.ask()), [504, 'upstream-timeout']);
    await until(() => server.connections[0]?.destroyed === true, 'the end of the connection');
  });

  it('and never answers is given up after the time for heads', async () => {
    const server = await serveBytes(() => undefined);
    const made = reach(appAt(server.origin), { headersTimeoutMs: 300 });
    assert.deepEqual(refused(await made.ask()), [504, 'upstream-timeout']);
    assert.equal(server.connections.length, 1, 'a slow one is not asked twice');
  });

  it('passes trailers on', async () => {
    const server = await serveText(
      () => `${head}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n`,
    );
    const outcome = await reach(appAt(server.origin)).ask();
    assert.deepEqual([outcome.body, outcome.trailers], ['hi', ['X-Sum', '42']]);
  });
});

describe('the memory of the gateway', () => {
  const MIB = 1_048_576;

  it('holds little of an answer that nobody reads', async () => {
    let sent = 0;
    const server = await serveBytes((socket) =>
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${256 * MIB}\r\n\r\n`);
        const chunk = Buffer.alloc(MIB);
        const more = (): void => {
          while (sent < 256 && socket.writable) {
            sent += 1;
            if (!socket.write(chunk)) {
              socket.once('drain', more);
              return;
            }
          }
        };
        more();
      }),
    );
    const made = reach(appAt(server.origin));
    const begun = made.begin();
    await begun.head;
    begun.controller().pause();
    await sleep(300);
    // What the kernel holds on both sides of the socket is not ours.
    assert.ok(sent < 20, `${sent} MiB were taken though nobody read`);
    begun.controller().resume();
    const { error } = await begun.outcome;
    assert.deepEqual([error, begun.bytes()], [undefined, 256 * MIB]);
  });

  it('holds little of a body that nobody takes', async () => {
    const server = await serveBytes((socket) => socket.pause());
    const made = reach(appAt(server.origin));
    let read = 0;
    const body = new Readable({
      read() {
        read += 1;
        this.push(Buffer.alloc(65_536));
      },
    });
    after(() => body.destroy());
    const begun = made.begin({ method: 'POST', body });
    await until(() => server.connections.length === 1, 'the connection');
    await sleep(300);
    assert.ok(read * 65_536 < 20 * MIB, `${read} times 64 KiB were read though nobody took them`);
    begun.controller().abort(new Error('enough'));
    await begun.outcome;
  });
});
