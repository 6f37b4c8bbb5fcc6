import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { upstreamRefusal } from './refusal.ts';
import { appAt, reach } from './testdata/permits.ts';
import { frame, okHead, serveBytes, serveFrames, serveHttp2, uint32, until } from './testdata/servers.ts';

const HTTP2 = { protocol: 'http2' } as const;

/** A literal field without indexing, as HPACK writes it (RFC 7541 section 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);
}

describe('an upstream over HTTP/2 that misbehaves', () => {
  const cases: [string, (socket: Socket, stream: number) => void, string][] = [
    ['resets the stream', (socket, stream) => socket.write(frame(3, 0, stream, uint32(2))), 'upstream-unreachable'],
    ['cancels the stream', (socket, stream) => socket.write(frame(3, 0, stream, uint32(8))), 'upstream-unreachable'],
    [
      'closes the stream without a word',
      (socket, stream) => socket.write(frame(3, 0, stream, uint32(0))),
      'upstream-unreachable',
    ],
    ['resets the connection', (socket) => socket.resetAndDestroy(), 'upstream-unreachable'],
    ['calls the request invalid', (socket, stream) => socket.write(frame(3, 0, stream, uint32(1))), 'upstream-invalid'],
    ['asks for HTTP/1.1', (socket, stream) => socket.write(frame(3, 0, stream, uint32(13))), 'upstream-invalid'],
    ['sends no status', (socket, stream) => socket.write(frame(1, 5, stream, literal('a', 'b'))), 'upstream-invalid'],
    [
      'sends a status below 100',
      (socket, stream) => socket.write(frame(1, 5, stream, literal(':status', '099'))),
      'upstream-invalid',
    ],
    [
      'sends a status of words',
      (socket, stream) => socket.write(frame(1, 5, stream, literal(':status', 'abc'))),
      'upstream-invalid',
    ],
    [
      'switches protocols',
      (socket, stream) => socket.write(frame(1, 5, stream, literal(':status', '101'))),
      'upstream-invalid',
    ],
    [
      'sends a field in large letters',
      (socket, stream) =>
        socket.write(frame(1, 5, stream, Buffer.concat([Buffer.from([0x88]), literal('Large', 'b')]))),
      'upstream-invalid',
    ],
    [
      'sends HPACK that is none',
      (socket, stream) => socket.write(frame(1, 5, stream, Buffer.from([0xff, 0xff, 0xff, 0xff]))),
      'upstream-invalid',
    ],
    [
      'says 5 bytes and sends 3',
      (socket, stream) =>
        socket.write(
          Buffer.concat([
            frame(1, 4, stream, Buffer.concat([Buffer.from([0x88]), literal('content-length', '5')])),
            frame(0, 1, stream, Buffer.from('abc')),
          ]),
        ),
      'upstream-invalid',
    ],
    [
      'says 2 bytes and sends 3',
      (socket, stream) =>
        socket.write(
          Buffer.concat([
            frame(1, 4, stream, Buffer.concat([Buffer.from([0x88]), literal('content-length', '2')])),
            frame(0, 1, stream, Buffer.from('abc')),
          ]),
        ),
      'upstream-invalid',
    ],
    [
      'sends data before its head',
      (socket, stream) => socket.write(frame(0, 1, stream, Buffer.from('abc'))),
      'upstream-invalid',
    ],
    [
      'breaks off with a reset that is no error',
      (socket, stream) =>
        socket.write(
          Buffer.concat([okHead(stream), frame(0, 0, stream, Buffer.from('half')), frame(3, 0, stream, uint32(0))]),
        ),
      'upstream-unreachable',
    ],
    [
      'breaks off by cancelling',
      (socket, stream) =>
        socket.write(
          Buffer.concat([okHead(stream), frame(0, 0, stream, Buffer.from('half')), frame(3, 0, stream, uint32(8))]),
        ),
      'upstream-unreachable',
    ],
    [
      'breaks off by closing',
      (socket, stream) => void socket.end(Buffer.concat([okHead(stream), frame(0, 0, stream, Buffer.from('half'))])),
      'upstream-unreachable',
    ],
    [
      'leaves with an error in the middle',
      (socket, stream) =>
        socket.write(
          Buffer.concat([
            okHead(stream),
            frame(0, 0, stream, Buffer.from('half')),
            frame(7, 0, 0, Buffer.concat([uint32(stream), uint32(2)])),
          ]),
        ),
      'upstream-unreachable',
    ],
    [
      'sends trailers with a pseudo-field',
      (socket, stream) => socket.write(Buffer.concat([okHead(stream), frame(1, 5, stream, literal(':status', '200'))])),
      'upstream-invalid',
    ],
    [
      'sends trailers that end nothing',
      (socket, stream) => socket.write(Buffer.concat([okHead(stream), frame(1, 4, stream, literal('a', 'b'))])),
      'upstream-invalid',
    ],
    [
      'sends a frame that is too long',
      (socket, stream) => socket.write(Buffer.concat([okHead(stream), frame(0, 0, stream, Buffer.alloc(70_000))])),
      'upstream-invalid',
    ],
    [
      'pushes what nobody asked for',
      (socket, stream) => socket.write(frame(5, 4, stream, Buffer.concat([uint32(2), Buffer.from([0x82])]))),
      'upstream-invalid',
    ],
  ];
  for (const [name, work, code] of cases) {
    it(`and ${name} is named ${code}, and the next request is answered`, async () => {
      let count = 0;
      const server = await serveFrames((socket, stream) => {
        count += 1;
        if (count === 1) work(socket, stream);
        else socket.write(Buffer.concat([okHead(stream), frame(0, 1, stream, Buffer.from('well'))]));
      });
      const made = reach(appAt(server.origin, HTTP2), { idleTimeoutMs: 2_000, headersTimeoutMs: 2_000 });
      const { error } = await made.ask({ method: 'POST' });
      assert.ok(error !== undefined, 'it passed for a whole answer');
      const refusal = upstreamRefusal(error);
      assert.deepEqual([refusal.status, refusal.reasons[0]?.code], [502, code], refusal.cause);
      const next = await made.ask({ method: 'POST' });
      assert.deepEqual([next.body, next.error], ['well', undefined]);
    });
  }

  it('and sends a field with a line break is heard without it', async () => {
    const server = await serveFrames((socket, stream) => {
      const fields = Buffer.concat([Buffer.from([0x88]), literal('a', 'b\r\nset-cookie: c=d'), literal('e', 'f')]);
      socket.write(frame(1, 5, stream, fields));
    });
    const { headers, error } = await reach(appAt(server.origin, HTTP2)).ask();
    assert.deepEqual([Object.entries(headers), error], [[['e', 'f']], undefined]);
  });

  for (const [name, count, length] of [
    ['100 kB in one field', 1, 100_000],
    ['a thousand fields', 1_000, 1],
  ] as const)
    it(`and sends a head of ${name} is named upstream-invalid`, async () => {
      const server = await serveHttp2((stream) => {
        const fields = Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'x'.repeat(length)]));
        stream.respond({ ':status': 200, ...fields });
        stream.end('x');
      });
      const { error } = await reach(appAt(server.origin, HTTP2)).ask();
      assert.equal(upstreamRefusal(error ?? assert.fail('it was taken')).reasons[0]?.code, 'upstream-invalid');
    });

  it('and never answers is given up after the time for heads', async () => {
    const server = await serveFrames(() => undefined);
    const { error } = await reach(appAt(server.origin, HTTP2), { headersTimeoutMs: 100 }).ask();
    assert.equal(upstreamRefusal(error ?? assert.fail()).reasons[0]?.code, 'upstream-timeout');
  });

  it('is not blamed for a client that stands still in the middle of its body', async () => {
    const server = await serveHttp2((stream) => {
      stream.once('end', () => {
        if (stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end('x');
      });
      stream.resume();
    });
    const made = reach(appAt(server.origin, HTTP2), { headersTimeoutMs: 50 });
    const bodies = Array.from({ length: 6 }, () => new PassThrough());
    const begun = bodies.map((body) => {
      body.write('1');
      return made.begin({ method: 'POST', body, headers: ['host', 'wiki.example.org', 'content-length', '2'] });
    });
    await sleep(300);
    for (const body of bodies) body.end('2');
    for (const { outcome } of begun)
      assert.deepEqual(await outcome.then(({ status, error }) => [status, error]), [200, undefined]);
    assert.deepEqual(made.events, [], 'six failures would have put the server out');
  });

  it('and stands still in the middle is given up after the idle time', async () => {
    const server = await serveFrames((socket, stream) => socket.write(okHead(stream)));
    const { status, error } = await reach(appAt(server.origin, HTTP2), { idleTimeoutMs: 100 }).ask();
    assert.equal(status, 200);
    assert.equal(upstreamRefusal(error ?? assert.fail()).reasons[0]?.code, 'upstream-timeout');
  });

  it('and never says its settings is given up after the time for connecting', async () => {
    const server = await serveBytes(() => undefined);
    const { error } = await reach(appAt(server.origin, HTTP2), { connectTimeoutMs: 100 }).ask();
    assert.equal(upstreamRefusal(error ?? assert.fail()).reasons[0]?.code, 'upstream-timeout');
  });

  it('and allows no streams at all is refused, not dialled for ever', async () => {
    const server = await serveFrames(() => undefined, Buffer.concat([Buffer.from([0, 3]), uint32(0)]));
    const { error } = await reach(appAt(server.origin, HTTP2)).ask({ method: 'POST' });
    assert.match(error?.message ?? '', /allows no streams/);
    assert.equal(server.connections.length, 1);
  });

  it('and speaks HTTP/1.1 is named upstream-invalid', async () => {
    const server = await serveBytes((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')),
    );
    const { error } = await reach(appAt(server.origin, HTTP2)).ask();
    assert.equal(upstreamRefusal(error ?? assert.fail()).reasons[0]?.code, 'upstream-invalid');
  });

  it('and leaves takes no new streams, ends those it took, and is dialled again (GOAWAY)', async () => {
    let held: (() => void) | undefined;
    const server = await serveFrames((socket, stream, connection) => {
      const whole = Buffer.concat([okHead(stream), frame(0, 1, stream, Buffer.from(`by ${connection}`))]);
      if (connection > 0) {
        socket.write(whole);
        return;
      }
      socket.write(frame(7, 0, 0, Buffer.concat([uint32(stream), uint32(0)])));
      held = () => socket.write(whole);
    });
    const made = reach(appAt(server.origin, HTTP2));
    const first = made.ask();
    await until(() => held !== undefined, 'the first request');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await made.ask()).body, 'by 1');
    held?.();
    assert.equal((await first).body, 'by 0');
  });

  it('and leaves without having taken a safe request gets it again over another connection', async () => {
    const server = await serveFrames((socket, stream, connection) => {
      if (connection === 0) socket.write(frame(7, 0, 0, Buffer.concat([uint32(0), uint32(0)])));
      else socket.write(Buffer.concat([okHead(stream), frame(0, 1, stream, Buffer.from('well'))]));
    });
    const made = reach(appAt(server.origin, HTTP2));
    assert.equal((await made.ask()).body, 'well');
  });
});
