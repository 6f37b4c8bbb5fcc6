/** Bodies over both protocols: wanted or not, larger than anybody's memory, and what follows them. */
import assert from 'node:assert/strict';
import type { ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, listenTls } from './http2-wire.ts';
import { until } from './wire.ts';
import { type World, world, type WorldOptions } from './world.ts';

const head = (made: World, fields: readonly string[]): string =>
  `${['POST / HTTP/1.1', 'host: wiki.localhost', `cookie: ${made.signIn()}`, ...fields].join('\r\n')}\r\n\r\n`;
const stranger = (fields: readonly string[]): string =>
  `${['POST / HTTP/1.1', 'host: wiki.localhost', ...fields].join('\r\n')}\r\n\r\n`;

async function upload(made: World, fields: Readonly<Record<string, string>>): Promise<ClientHttp2Stream> {
  const session = await (await listenTls(made)).session();
  return session.request({ ':method': 'POST', ':path': '/', ...fields }, { endStream: false, waitForTrailers: false });
}

describe('a client that asks first whether its body is wanted', () => {
  const EXPECT = ['expect: 100-continue', 'content-length: 2', 'connection: close'];

  it('hears it once it was let in and the app is there, over HTTP/1.1', async () => {
    const made = await world({ apps: [{ tier: 1 }] });
    const socket = connect(made.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write(head(made, EXPECT));
    await until(() => text !== '', 'the word');
    assert.equal(text, 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.deepEqual([made.events.length, made.gateway.counters.permitted], [1, 1], 'the permit came first');
    socket.write('ab');
    await until(() => text.includes('hello'), 'the answer');
    assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    assert.deepEqual([made.arrivals[0]?.body, made.arrivals[0]?.headers.expect], ['ab', undefined]);
  });

  it('hears it once it was let in and the app is there, over HTTP/2', async () => {
    const made = await world();
    const stream = await upload(made, { cookie: made.signIn(), expect: '100-continue' });
    const answer = answerOf(stream);
    await new Promise((resolve) => stream.once('continue', resolve));
    stream.end('ab');
    const { status, body } = await answer;
    assert.deepEqual([status, body, made.arrivals[0]?.body], [200, 'hello from the app: /', 'ab']);
  });

  it('that may not enter hears the refusal instead, at once, and never 100', async () => {
    const made = await world();
    const start = performance.now();
    const text = await made.raw(stranger(EXPECT));
    assert.match(text, /^HTTP\/1\.1 401 [\s\S]*connection: close/i);
    assert.ok(performance.now() - start < 500, 'nobody waits for a body that does not come');
    const stream = await upload(made, { expect: '100-continue' });
    let isTold = false;
    stream.on('continue', () => (isTold = true));
    const { status } = await answerOf(stream);
    assert.deepEqual([status, isTold, made.arrivals.length], [401, false, 0]);
  });

  it('does not hear it when the app cannot be reached', async () => {
    const made = await world({ apps: [{ upstream: 'http://127.0.0.1:9' }] });
    assert.match(await made.raw(head(made, EXPECT)), /^HTTP\/1\.1 502 /);
  });

  it('and sends it without waiting is served all the same', async () => {
    const made = await world();
    assert.match(await made.raw(`${head(made, EXPECT)}ab`), /HTTP\/1\.1 200 OK[\s\S]*hello from the app/);
    assert.equal(made.arrivals[0]?.body, 'ab');
  });

  it('and over HTTP/1.0, which does not know the question, hears no word it would not understand', async () => {
    const made = await world();
    const text = await made.raw(`${head(made, EXPECT).replace('HTTP/1.1', 'HTTP/1.0')}ab`);
    assert.match(text, /^HTTP\/1\.1 200 OK/);
  });

  it('and expects anything else, is told that nobody can meet it', async () => {
    const made = await world();
    for (const expected of ['200-maybe', '100-continue, 200-maybe']) {
      const text = await made.raw(head(made, [`expect: ${expected}`, 'content-length: 2', 'connection: close']));
      assert.match(text, /^HTTP\/1\.1 417 [\s\S]*"code":"request-malformed"/, expected);
    }
    const stream = await upload(made, { cookie: made.signIn(), expect: 'foo' });
    assert.equal((await answerOf(stream)).status, 417);
    assert.equal(made.arrivals.length, 0);
  });
});

const MIB = 1024 * 1024;
/** More than sockets, windows and streams hold on the way. */
const MUCH = 64 * MIB;
/** What may be under way: buffers of the kernel on loopback count too. */
const LITTLE = 24 * MIB;

describe('a body larger than what may be held', () => {
  const reluctant: WorldOptions = {
    upstream: (asked, response) => {
      asked.pause();
      setTimeout(() => {
        let bytes = 0;
        asked.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end(String(bytes)));
        asked.resume();
      }, 600);
    },
  };

  it('waits at a client over HTTP/2 until the app reads it', async () => {
    const made = await world(reluctant);
    const stream = await upload(made, { cookie: made.signIn() });
    const answer = answerOf(stream);
    let sent = 0;
    const fill = (): void => {
      while (sent < MUCH && (sent += MIB) > 0) if (!stream.write(Buffer.alloc(MIB))) break;
      if (sent >= MUCH && !stream.writableEnded) stream.end();
      else stream.once('drain', fill);
    };
    fill();
    await until(() => made.arrivals.length === 1, 'the request at the app');
    await sleep(400);
    assert.ok(sent < LITTLE, `${sent} bytes were taken while nobody read them`);
    assert.equal((await answer).body, String(MUCH));
  });

  it('waits at the app until a client over HTTP/2 reads it', async () => {
    let sent = 0;
    const made = await world({
      upstream: (_asked, response) => {
        const fill = (): void => {
          while (sent < MUCH && (sent += MIB) > 0) if (!response.write(Buffer.alloc(MIB))) break;
          if (sent >= MUCH && !response.writableEnded) response.end();
          else response.once('drain', fill);
        };
        fill();
      },
    });
    const session = await (await listenTls(made)).session();
    const stream = session.request({ ':path': '/', cookie: made.signIn() });
    await new Promise((resolve) => stream.once('response', resolve));
    await sleep(400);
    assert.ok(sent < LITTLE, `${sent} bytes were sent while nobody read them`);
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.length;
    assert.equal(bytes, MUCH);
  });

  it('that the app answers before its end goes on, and so does the answer', async () => {
    const made = await world({
      upstream: (asked, response) => {
        asked.on('data', (chunk: Buffer) => response.write(`${chunk.length};`)).on('end', () => response.end('end'));
      },
    });
    const stream = await upload(made, { cookie: made.signIn() });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const answer = answerOf(stream);
    stream.write('abc');
    await until(() => text === '3;', 'the first part of the answer');
    stream.write('defg');
    await until(() => text === '3;4;', 'the second');
    stream.end();
    assert.equal((await answer).body, '3;4;end');
  });

  it('that the app does not want is stopped, after the answer', async () => {
    const made = await world({ upstream: (_asked, response) => response.writeHead(413).end('too much') });
    const stream = await upload(made, { cookie: made.signIn() });
    const answer = answerOf(stream);
    stream.on('drain', () => stream.write(Buffer.alloc(MIB)));
    stream.write(Buffer.alloc(MIB));
    const { status, body, code } = await answer;
    assert.deepEqual([status, body, code], [413, 'too much', 0]);
  });
});

describe('an answer over HTTP/1.1', () => {
  it('is seen to begin before there is anything of its body', async () => {
    const made = await world({
      upstream: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
      },
    });
    const socket = connect(made.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write(`GET /events HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\n\r\n`);
    await until(() => text.includes('\r\n\r\n'), 'the head');
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-type: text\/event-stream/i);
    socket.destroy();
  });

  it('to a body that the app does not want is read to its end by a client that goes on sending', async () => {
    const made = await world({ upstream: (_asked, response) => response.writeHead(413).end('too much') });
    const socket = connect(made.port, '127.0.0.1');
    let [text, wasReset] = ['', false];
    socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => (wasReset = true));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head(made, ['content-length: 900000']));
    for (let i = 0; i < 9; i++) {
      socket.write(Buffer.alloc(100_000));
      await sleep(20);
    }
    await closed;
    assert.match(text, /^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*too much/i);
    assert.equal(wasReset, false);
  });
});

describe('fields after a body over HTTP/1.1', () => {
  const trailing: WorldOptions = {
    upstream: (asked, response) => {
      asked.resume().on('end', () => {
        response.writeHead(200, { trailer: 'x-sum, set-cookie' });
        response.write(JSON.stringify(asked.trailers));
        response.addTrailers({ 'x-sum': '42', 'set-cookie': '__Host-cordon_app=x', 'x-cordon-user': 'root' });
        response.end();
      });
    },
  };
  const chunked = (made: World, fields: readonly string[]): string =>
    `${head(made, ['transfer-encoding: chunked', ...fields])}2\r\nab\r\n0\r\nx-sum: 41\r\nx-forwarded-user: root\r\n\r\n`;

  // Towards apps over HTTP/1.1 they end here.
  it('come back from the app, without those that only a head may say', async () => {
    const made = await world(trailing);
    const text = await made.raw(chunked(made, ['te: trailers', 'connection: te, close']));
    assert.match(text, /\r\n\{\}\r\n/);
    assert.match(text, /\r\n0\r\nx-sum: 42\r\n\r\n$/);
  });

  it('come back only to whom they are no surprise', async () => {
    const made = await world(trailing);
    assert.match(await made.raw(chunked(made, ['connection: close'])), /\r\n0\r\n\r\n$/);
  });
});
