import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptKey } from '../websocket.ts';
import { appAt, reach } from './testdata/permits.ts';
import { serveHttp2, until } from './testdata/servers.ts';

const HTTP2 = { protocol: 'http2' } as const;

describe('an upstream over HTTP/2 (RFC 9113)', () => {
  it('gets the request with its pseudo-fields, and its answer comes back with trailers', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond(
        { ':status': 201, 'set-cookie': ['a=1', 'b=2'], 'content-type': 'text/plain' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end('hello');
    });
    const made = reach(appAt(server.origin, HTTP2));
    const headers = ['host', 'wiki.example.org:8443', 'X-Trace', 'one', 'cookie', 'a=b', 'x-trace', 'two'];
    const outcome = await made.ask({ path: '/a', query: '?q=1', headers });
    assert.deepEqual([outcome.status, outcome.body, outcome.trailers], [201, 'hello', ['grpc-status', '0']]);
    assert.deepEqual(outcome.headers['set-cookie'], ['a=1', 'b=2']);
    const [arrival = assert.fail()] = server.arrivals;
    assert.deepEqual(
      [arrival[':method'], arrival[':path'], arrival[':scheme'], arrival[':authority']],
      ['GET', '/a?q=1', 'http', 'wiki.example.org:8443'],
    );
    assert.deepEqual([arrival['x-trace'], arrival.cookie, arrival.te], ['one, two', 'a=b', 'trailers']);
    assert.equal(arrival.host, undefined);
  });

  it('gets what was sent twice twice, as over HTTP/1.1', async () => {
    let raw: readonly string[] = [];
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('hello');
    });
    server.server.on('stream', (_stream, _headers, _flags, rawHeaders) => (raw = rawHeaders));
    const twice = ['user-agent', 'one', 'user-agent', 'two', 'range', 'bytes=0-1', 'range', 'bytes=2-3'];
    const { status, error } = await reach(appAt(server.origin, HTTP2)).ask({
      headers: ['host', 'wiki.example.org', ...twice],
    });
    assert.deepEqual([status, error], [200, undefined]);
    assert.deepEqual(raw.slice(8, 16), twice);
  });

  it('gets a body with its trailers, as gRPC sends them', async () => {
    let text = '';
    let trailers: unknown;
    const server = await serveHttp2((stream) => {
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('trailers', (fields) => (trailers = fields['x-sum']));
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end('done');
      });
    });
    const made = reach(appAt(server.origin, HTTP2));
    const asking = { method: 'POST', body: Readable.from([Buffer.from('one '), Buffer.from('two')]) };
    const outcome = await made.ask({ ...asking, trailers: () => ['X-Sum', '42'] });
    assert.deepEqual([outcome.body, text, trailers], ['done', 'one two', '42']);
  });

  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ] as const)
    it(`answers ${method} with ${status} and no body, whatever length it names`, async () => {
      const server = await serveHttp2((stream) => {
        stream.respond(
          { ':status': status, ...(status === 204 ? {} : { 'content-length': '5' }) },
          { endStream: true },
        );
      });
      const outcome = await reach(appAt(server.origin, HTTP2)).ask({ method });
      assert.deepEqual([outcome.status, outcome.body, outcome.error], [status, '', undefined]);
    });

  it('may send early hints before its answer', async () => {
    const server = await serveHttp2((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': 200 });
      stream.end('well');
    });
    const made = reach(appAt(server.origin, HTTP2));
    assert.equal((await made.ask()).body, 'well');
  });

  it('may answer while the body is still on its way, in both directions at once', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const made = reach(appAt(server.origin, HTTP2));
    const body = new PassThrough();
    const begun = made.begin({ method: 'POST', body });
    body.write('ping');
    assert.equal(await begun.head, 200);
    await until(() => begun.bytes() === 4, 'the echo');
    body.write('pong');
    await until(() => begun.bytes() === 8, 'the second echo');
    body.end();
    const outcome = await begun.outcome;
    assert.deepEqual([outcome.body, outcome.error], ['pingpong', undefined]);
  });

  it('may end its answer before it has read the body', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
    });
    const made = reach(appAt(server.origin, HTTP2));
    const body = new PassThrough();
    body.write('x'.repeat(10_000));
    const outcome = await made.ask({ method: 'POST', body });
    assert.deepEqual([outcome.status, outcome.body, outcome.error], [413, 'too much', undefined]);
    await until(() => body.destroyed, 'the end of the body');
  });

  it('gets all requests of a moment over one connection, and later ones too', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      setTimeout(() => stream.end('x'), 20);
    });
    const made = reach(appAt(server.origin, HTTP2));
    const outcomes = await Promise.all(Array.from({ length: 20 }, async () => await made.ask()));
    assert.ok(outcomes.every(({ body }) => body === 'x'));
    assert.equal((await made.ask()).body, 'x');
    assert.equal(server.sessions.length, 1);
  });

  it('gets no more streams at a time on a connection than its settings say', async () => {
    let [open, most] = [0, 0];
    const server = await serveHttp2(
      (stream) => {
        const mine = server.sessions.filter((session) => session === stream.session).length;
        assert.equal(mine, 1);
        open += 1;
        most = Math.max(most, open / server.sessions.length);
        stream.on('close', () => (open -= 1));
        stream.respond({ ':status': 200 });
        setTimeout(() => stream.end('x'), 30);
      },
      { settings: { maxConcurrentStreams: 2 } },
    );
    const made = reach(appAt(server.origin, HTTP2));
    const outcomes = await Promise.all(Array.from({ length: 5 }, async () => await made.ask()));
    assert.ok(outcomes.every(({ error }) => error === undefined));
    assert.equal(server.sessions.length, 3);
    assert.ok(most <= 2);
  });

  it('takes a WebSocket by extended CONNECT when its settings allow it (RFC 8441)', async () => {
    const server = await serveHttp2(
      (stream) => {
        stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    const made = reach(appAt(server.origin, HTTP2));
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const headers = ['host', 'wiki.example.org', 'sec-websocket-key', key, 'sec-websocket-version', '13'];
    const begun = made.begin({ isWebSocket: true, headers, path: '/live' });
    const { status, accept, socket } = await begun.upgraded;
    assert.deepEqual([status, accept], [101, acceptKey(key)]);
    const [arrival = assert.fail()] = server.arrivals;
    assert.deepEqual(
      [arrival[':method'], arrival[':protocol'], arrival[':path'], arrival['sec-websocket-version']],
      ['CONNECT', 'websocket', '/live', '13'],
    );
    assert.deepEqual([arrival['sec-websocket-key'], arrival.te], [undefined, undefined]);
    socket.write('frames');
    const back = await new Promise((resolve) => socket.once('data', resolve));
    assert.equal(String(back), 'frames');
    socket.destroy();
  });

  it('that takes no WebSockets refuses them by name', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
    });
    const made = reach(appAt(server.origin, HTTP2));
    const { error } = await made.ask({ isWebSocket: true });
    assert.match(String(error?.message), /takes no WebSockets/);
    assert.equal(server.arrivals.length, 0);
  });

  it('that says no to a WebSocket is passed on', async () => {
    const server = await serveHttp2(
      (stream) => {
        stream.respond({ ':status': 403 });
        stream.end('no');
      },
      { settings: { enableConnectProtocol: true } },
    );
    const made = reach(appAt(server.origin, HTTP2));
    const outcome = await made.ask({ isWebSocket: true });
    assert.deepEqual([outcome.status, outcome.body], [403, 'no']);
  });

  it('is not read from while the client does not read, and holds what it has', async () => {
    let sent = 0;
    const server = await serveHttp2((stream) => {
      stream.resume(); // else Node's server resets the stream in the place of its end
      stream.respond({ ':status': 200 });
      const chunk = Buffer.alloc(65_536);
      const more = (): void => {
        while (sent < 64 * 1_048_576) {
          sent += chunk.length;
          if (!stream.write(chunk)) {
            stream.once('drain', more);
            return;
          }
        }
        stream.end();
      };
      more();
    });
    const made = reach(appAt(server.origin, HTTP2));
    const begun = made.begin();
    await begun.head;
    begun.controller().pause();
    await sleep(300);
    assert.ok(sent < 2 * 1_048_576, `${sent} bytes were taken though nobody read`);
    begun.controller().resume();
    const { error } = await begun.outcome;
    assert.deepEqual([error, begun.bytes()], [undefined, 64 * 1_048_576]);
  });

  it('whose answer was held back to its end is whole all the same', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('all of it');
    });
    const made = reach(appAt(server.origin, HTTP2));
    const begun = made.begin();
    await until(() => {
      try {
        begun.controller().pause();
        return true;
      } catch {
        return false;
      }
    }, 'the start');
    await sleep(100);
    begun.controller().resume();
    const outcome = await begun.outcome;
    assert.deepEqual([outcome.body, outcome.error], ['all of it', undefined]);
  });

  it('that does not read gets no more than fits in between', async () => {
    const server = await serveHttp2((stream) => {
      stream.pause();
    });
    const made = reach(appAt(server.origin, HTTP2));
    let sent = 0;
    const body = new Readable({
      read() {
        sent += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    const begun = made.begin({ method: 'POST', body });
    await sleep(300);
    assert.ok(sent < 2 * 1_048_576, `${sent} bytes were read though nobody took them`);
    begun.controller().abort(new Error('enough'));
    await begun.outcome;
  });

  it('hears at once when the exchange is ended here', async () => {
    let code: number | undefined;
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
      stream.on('close', () => (code = stream.rstCode));
    });
    const made = reach(appAt(server.origin, HTTP2));
    const begun = made.begin();
    await begun.head;
    begun.controller().abort(new Error('cut'));
    assert.equal((await begun.outcome).error?.message, 'cut');
    await until(() => code === 8, 'the reset (CANCEL)');
  });

  it('keeps what others have open when one client comes and goes: a connection with many cancelled streams gets no new ones', async () => {
    const server = await serveHttp2((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const made = reach(appAt(server.origin, HTTP2));
    const body = new PassThrough();
    const patient = made.begin({ method: 'POST', body });
    await patient.head;
    for (let i = 0; i < 150; i++) {
      const hasty = made.begin({ method: 'POST', body: new PassThrough() });
      await hasty.head;
      hasty.controller().abort(new Error('gone'));
      await hasty.outcome;
    }
    assert.equal(server.sessions.length, 2);
    body.end('still here');
    assert.deepEqual([(await patient.outcome).body, (await patient.outcome).error], ['still here', undefined]);
  });

  for (const [said, body] of [
    ['5', 'abc'],
    ['2', 'abc'],
  ] as const)
    it(`never gets a body of 3 bytes for one of ${said}: what is too much would be another request behind it`, async () => {
      let text = '';
      const server = await serveHttp2((stream) => {
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      });
      const made = reach(appAt(server.origin, HTTP2));
      const headers = ['host', 'wiki.example.org', 'content-length', said];
      const { error } = await made.ask({ method: 'POST', headers, body: Readable.from([Buffer.from(body)]) });
      assert.ok(error !== undefined && 'code' in error && error.code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH');
      assert.ok(text.length <= Number(said));
    });
});
