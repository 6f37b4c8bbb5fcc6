import assert from 'node:assert/strict';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { request } from 'node:https';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { answerOf, askHttp2, listenTls, type TlsListener, webSocketOver } from './http2-wire.ts';
import { accept, listen, portOf } from './upstream.ts';
import { maskedText, until } from './wire.ts';
import { LAPTOP, type World, world, type WorldOptions } from './world.ts';

interface TlsWorld {
  readonly made: World;
  readonly tls: TlsListener;
  readonly cookie: string;
}

async function tlsWorld(options?: WorldOptions): Promise<TlsWorld> {
  const made = await world(options);
  return { made, tls: await listenTls(made), cookie: made.signIn() };
}

const undone: (() => void)[] = [];
afterEach(() => {
  for (const undo of undone.splice(0)) undo();
});

/** An app that speaks HTTP/2 itself, as gRPC servers do. */
async function grpcWorld(onStream: (stream: ServerHttp2Stream) => void): Promise<TlsWorld> {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    onStream(stream);
  });
  await listen(server);
  undone.push(() => server.close());
  const upstream = `http://127.0.0.1:${portOf(server)}`;
  return await tlsWorld({ apps: [{ upstream, upstreamOptions: { protocol: 'http2' } }] });
}

const CALL = { ':method': 'POST', ':path': '/echo.Echo/Say', 'content-type': 'application/grpc', te: 'trailers' };

describe('a request over HTTP/2', () => {
  it('reaches the app as one over HTTP/1.1 does, its cookie in one piece, and ours taken out', async () => {
    const { made, tls, cookie } = await tlsWorld();
    const answer = await askHttp2(await tls.session(), {
      ':authority': 'wiki.localhost',
      ':path': '/page?q=1',
      cookie: [cookie, 'theme=dark', 'lang=en'],
      'x-forwarded-user': 'root',
      'x-trace': 'a',
    });
    assert.deepEqual([answer.status, answer.body, answer.code], [200, 'hello from the app: /page?q=1', 0]);
    assert.match(String(answer.headers['x-cordon-correlation-id']), /^cor_/);
    const { headers, rawHeaders } = made.arrivals[0] ?? assert.fail();
    assert.deepEqual(
      [headers.cookie, headers['x-trace'], headers.host],
      ['theme=dark; lang=en', 'a', 'wiki.localhost'],
    );
    assert.deepEqual([headers['x-forwarded-proto'], headers['x-forwarded-user']], ['https', undefined]);
    assert.equal(rawHeaders.filter((name) => name.startsWith(':')).length, 0);
  });

  it('is listed and recorded with its method and path', async () => {
    const { made, tls, cookie } = await tlsWorld({ upstream: () => undefined });
    const session = await tls.session();
    const waiting = session.request({ ':path': '/wait', cookie });
    waiting.on('error', () => undefined);
    await until(() => made.gateway.connections().length === 1, 'the exchange');
    const [{ kind, method, path } = assert.fail()] = made.gateway.connections();
    assert.deepEqual([kind, method, path], ['http', 'GET', '/wait']);
    waiting.close(8);
    await until(() => made.gateway.connections().length === 0, 'the end');
  });

  it('that goes away takes the one at the app with it', async () => {
    let isGone = false;
    const { made, tls, cookie } = await tlsWorld({
      upstream: (asked) => asked.socket.once('close', () => (isGone = true)),
    });
    const stream = (await tls.session()).request({ ':path': '/', cookie });
    await until(() => made.arrivals.length === 1, 'the request at the app');
    stream.close(8);
    await until(() => isGone, 'the end at the app');
  });

  const statuses: readonly (readonly [string, string, number, string])[] = [
    ['GET', '/nothing', 204, ''],
    ['GET', '/unchanged', 304, ''],
    ['HEAD', '/page', 200, ''],
    ['GET', '/part', 206, 'llo'],
    ['GET', '/teapot', 418, 'short and stout'],
  ];
  for (const [method, path, status, body] of statuses) {
    it(`gets ${status} for ${method} ${path} as the app says it`, async () => {
      const { tls, cookie } = await tlsWorld({
        upstream: ({ url, headers }, response) => {
          if (url === '/nothing') response.writeHead(204).end();
          else if (url === '/unchanged') response.writeHead(304, { etag: '"a"' }).end();
          else if (url === '/teapot') response.writeHead(418).end('short and stout');
          else if (headers.range === 'bytes=2-4')
            response.writeHead(206, { 'content-range': 'bytes 2-4/5' }).end('llo');
          else response.writeHead(200, { 'content-length': '5' }).end('hello');
        },
      });
      const answer = await askHttp2(await tls.session(), {
        ':method': method,
        ':path': path,
        cookie,
        range: 'bytes=2-4',
      });
      assert.deepEqual([answer.status, answer.body, answer.code], [path === '/page' ? 206 : status, body, 0]);
    });
  }

  it('sees an event stream begin before its first event', async () => {
    const { tls, cookie } = await tlsWorld({
      upstream: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
      },
    });
    const stream = (await tls.session()).request({ ':path': '/events', cookie });
    const type = await new Promise((resolve) => stream.once('response', (fields) => resolve(fields['content-type'])));
    assert.equal(type, 'text/event-stream');
    stream.close(8);
  });

  it('whose app breaks off is reset, so that the part is not taken for the whole', async () => {
    const { tls, cookie } = await tlsWorld({
      upstream: (_asked, response) => {
        response.write('a part');
        setTimeout(() => response.destroy(), 20);
      },
    });
    const answer = await askHttp2(await tls.session(), { ':path': '/', cookie });
    assert.deepEqual([answer.status, answer.body, answer.code], [200, 'a part', 2]);
  });

  it('that nobody may make gets the refusal, and its body is not waited for', async () => {
    const { made, tls } = await tlsWorld();
    const session = await tls.session();
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    stream.write('never ends');
    const answer = await answerOf(stream);
    assert.deepEqual([answer.status, JSON.parse(answer.body).code, answer.code], [401, 'not-authenticated', 0]);
    assert.equal(made.arrivals.length, 0);
    assert.equal((await askHttp2(session, { ':method': 'HEAD', ':path': '/' })).status, 401);
  });

  it('that stands still is reset, so that the part is not taken for the whole', async () => {
    const { made, tls, cookie } = await tlsWorld({
      upstream: (_asked, response) => response.write('a part'),
      options: { limits: { idleTimeoutMs: 100 } },
    });
    const answer = await askHttp2(await tls.session(), { ':path': '/', cookie });
    assert.deepEqual([answer.body, answer.code], ['a part', 2]);
    await until(() => made.gateway.connections().length === 0, 'the end');
  });

  it('for a head alone, with a body that never ends, is over with the answer', async () => {
    const { made, tls, cookie } = await tlsWorld({ upstream: (_asked, response) => response.end() });
    const session = await tls.session();
    const stream = session.request({ ':method': 'HEAD', ':path': '/', cookie }, { endStream: false });
    stream.write('never ends');
    assert.equal((await answerOf(stream)).status, 200);
    await until(() => made.gateway.connections().length === 0, 'the end');
  });

  it('of a browser that is not signed in is led to the id host', async () => {
    const { tls } = await tlsWorld();
    const answer = await askHttp2(await tls.session(), {
      ':path': '/',
      accept: 'text/html',
      'sec-fetch-mode': 'navigate',
    });
    assert.equal(answer.status, 303);
    assert.match(answer.headers.location ?? '', /^http:\/\/id\.localhost:8080\/handoff\?/);
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^__Host-cordon_flow=/);
  });

  it('to become a tunnel of its own is refused', async () => {
    const { tls, cookie } = await tlsWorld();
    const session = await tls.session();
    const plain = session.request({ ':method': 'CONNECT', ':authority': 'wiki.localhost', cookie });
    assert.equal((await answerOf(plain)).status, 405);
    const other = session.request({
      ':method': 'CONNECT',
      ':protocol': 'connect-udp',
      ':path': '/',
      ':scheme': 'https',
      cookie,
    });
    assert.equal((await answerOf(other)).status, 405);
  });

  it('takes hints that the app gives early; over HTTP/1.1 they end here', async () => {
    const { made, tls, cookie } = await tlsWorld({
      upstream: (_asked, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end('late');
      },
    });
    const answer = await askHttp2(await tls.session(), { ':path': '/', cookie });
    assert.deepEqual([answer.informed, answer.status, answer.body], [[103], 200, 'late']);
    const text = await made.raw(
      `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 200 /);
  });
});

describe('a call of gRPC', () => {
  it('carries messages both ways before either side has ended, and trailers both ways', async () => {
    let sent: object | undefined;
    const { made, tls, cookie } = await grpcWorld((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('trailers', (fields: object) => (sent = fields));
      stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk.toString()};`));
      stream.on('end', () => stream.end());
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': '0', 'x-cordon-user': 'root', 'set-cookie': 'a=b' }),
      );
    });
    const stream = (await tls.session()).request({ ...CALL, cookie }, { endStream: false, waitForTrailers: true });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-sum': '42', 'x-forwarded-user': 'root', authorization: 'no' }),
    );
    const ended = answerOf(stream);
    stream.write('one');
    await until(() => text === 'echo one;', 'the first echo');
    assert.equal(made.gateway.connections()[0]?.kind, 'grpc');
    stream.write('two');
    await until(() => text === 'echo one;echo two;', 'the second echo');
    stream.end();
    const { status, trailers, code } = await ended;
    assert.deepEqual([status, Object.entries(trailers), code], [200, [['grpc-status', '0']], 0]);
    assert.deepEqual(Object.entries(sent ?? {}), [['x-sum', '42']]);
  });

  it('that fails at once hears so in its only head', async () => {
    const { tls, cookie } = await grpcWorld((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true });
    });
    const { headers, status, code } = await askHttp2(await tls.session(), { ...CALL, cookie }, 'message');
    assert.deepEqual([status, headers['grpc-status'], code], [200, '5', 0]);
  });

  it('that nobody may make is told so in its own words, and never with a 200', async () => {
    const { tls } = await grpcWorld(() => assert.fail('reached'));
    const { headers, status, body } = await askHttp2(await tls.session(), CALL, 'message');
    assert.deepEqual(
      [status, headers['content-type'], headers['grpc-status'], body],
      [401, 'application/grpc', '16', ''],
    );
    assert.equal(headers['grpc-message'], 'not-authenticated: You are not signed in');
  });

  it('whose app is not there is unavailable', async () => {
    const { tls, cookie } = await tlsWorld({
      apps: [{ upstream: 'http://127.0.0.1:9', upstreamOptions: { protocol: 'http2' } }],
    });
    const { headers, status } = await askHttp2(await tls.session(), { ...CALL, cookie }, 'message');
    assert.deepEqual([status, headers['grpc-status']], [502, '14']);
  });
});

describe('a WebSocket over HTTP/2 (RFC 8441)', () => {
  it('reaches an app that speaks WebSocket over HTTP/1.1, and brings its frames back', async () => {
    const { made, tls, cookie } = await tlsWorld();
    const client = await webSocketOver(await tls.session(), { cookie, 'sec-websocket-protocol': 'chat' });
    assert.deepEqual(
      [client.status, client.headers['sec-websocket-accept'], client.headers.upgrade],
      [200, undefined, undefined],
    );
    client.stream.write(maskedText('hello'));
    await until(() => client.texts.length === 1, 'the echo');
    assert.deepEqual(client.texts, ['hello']);
    const { headers, method } = made.arrivals[0] ?? assert.fail();
    assert.deepEqual(
      [method, headers['sec-websocket-protocol'], headers['sec-websocket-key']?.length],
      ['GET', 'chat', 24],
    );
    assert.equal(made.gateway.connections()[0]?.kind, 'websocket');
    client.stream.close(8);
    await until(() => made.gateway.connections().length === 0, 'the end');
  });

  it('to the verify app stays open until it is cut', async () => {
    const { made, tls } = await tlsWorld();
    const cookie = made.signIn({ host: 'verify.localhost' });
    const client = await webSocketOver(await tls.session('verify.localhost'), {
      cookie,
      origin: 'https://verify.localhost',
    });
    await until(() => client.texts.length === 1, 'the first text');
    made.gateway.cut({}, { code: 'connection-ended' });
    assert.equal((await client.closed).code, 4403);
  });

  const refused: readonly (readonly [string, Record<string, string>, number, string])[] = [
    ['from another site', { origin: 'https://evil.example' }, 403, 'origin-refused'],
    ['without an origin', { origin: '' }, 403, 'origin-refused'],
    ['of another version', { 'sec-websocket-version': '8' }, 400, 'request-malformed'],
    ['without a cookie', { cookie: '' }, 401, 'not-authenticated'],
  ];
  for (const [what, headers, status, code] of refused) {
    it(`${what} is refused with ${code}`, async () => {
      const { made, tls, cookie } = await tlsWorld();
      const client = await webSocketOver(await tls.session(), { cookie, ...headers });
      let body = '';
      client.stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
      await client.closed;
      assert.deepEqual([client.status, made.arrivals.length], [status, 0]);
      assert.match(String(client.headers['x-cordon-correlation-id']), /^cor_/);
      assert.equal(made.events.at(-1)?.status_code, code);
    });
  }

  it('in the middle of a frame is reset without a close frame', async () => {
    const { made, tls, cookie } = await tlsWorld({
      onUpgrade: (asked, socket) => {
        accept(asked, socket);
        socket.resume().write(Buffer.from([0x82, 126, 0x10, 0, 1, 2, 3])); // 3 of 4096 bytes
      },
    });
    const client = await webSocketOver(await tls.session(), { cookie });
    await sleep(50);
    made.gateway.cut({}, { code: 'connection-ended' });
    assert.deepEqual(await client.closed, { reset: 12 });
  });
});

describe('a connection that was made for one host', () => {
  for (const [protocol, ask] of [
    [
      'HTTP/2',
      async (tls: TlsListener, name: string, host: string) =>
        (await askHttp2(await tls.session(name), { ':authority': host, ':path': '/' })).status,
    ],
    ['HTTP/1.1', async (tls: TlsListener, name: string, host: string) => await askOverHttp1(tls, { name, host })],
  ] as const) {
    it(`is for no other over ${protocol}`, async () => {
      const { made, tls } = await tlsWorld({ apps: [{}, { id: 'app_docs', host: 'docs.localhost' }] });
      assert.equal(await ask(tls, 'wiki.localhost', 'wiki.localhost'), 401);
      assert.equal(await ask(tls, 'wiki.localhost', 'WIKI.localhost.:8443'), 401);
      assert.equal(await ask(tls, 'wiki.localhost', 'docs.localhost'), 421);
      assert.equal(await ask(tls, 'wiki.localhost', 'nothing.localhost'), 421);
      await until(() => made.events.length === 4, 'the events');
      assert.deepEqual(
        made.events.map(({ status_code }) => status_code),
        ['not-authenticated', 'not-authenticated', 'host-misdirected', 'host-misdirected'],
      );
    });
  }

  it('or for none by name may be for any', async () => {
    const { tls } = await tlsWorld();
    assert.equal(await askOverHttp1(tls, { name: '', host: 'wiki.localhost' }), 401);
  });
});

describe('an app that demands the certificate of a device', () => {
  // Which certificates are those of devices is proved where that is decided; here, that the one that was shown is seen.
  const demanding: WorldOptions = {
    apps: [{ clientCertificate: 'required' }, { id: 'app_docs', host: 'docs.localhost' }],
    options: {
      deviceOf: (socket) => ((socket as TLSSocket).getPeerX509Certificate() === undefined ? undefined : LAPTOP),
    },
  };

  it('is open to a connection with one, and for its name', async () => {
    const { tls, cookie } = await tlsWorld(demanding);
    const session = await tls.session('wiki.localhost', { isCertified: true });
    assert.equal((await askHttp2(session, { ':path': '/', cookie })).status, 200);
    const host = { name: 'wiki.localhost', host: 'wiki.localhost' };
    assert.equal(await askOverHttp1(tls, { ...host, cookie, isCertified: true }), 200);
  });

  it('refuses a connection without one, before it looks at who is there', async () => {
    const { made, tls, cookie } = await tlsWorld(demanding);
    const answer = await askHttp2(await tls.session(), { ':path': '/', cookie });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [403, 'certificate-required']);
    assert.equal((await made.ask({ cookie })).status, 403, 'over HTTP nobody has one');
    assert.equal(made.arrivals.length, 0);
  });

  it('refuses a connection that was made for another app, or for none by name', async () => {
    const { tls, cookie } = await tlsWorld(demanding);
    const session = await tls.session('docs.localhost', { isCertified: true });
    const other = await askHttp2(session, { ':authority': 'wiki.localhost', ':path': '/', cookie });
    assert.equal(other.status, 421);
    assert.equal(await askOverHttp1(tls, { name: '', host: 'wiki.localhost', cookie, isCertified: true }), 403);
  });
});

/** Asks over HTTP/1.1 on a connection of its own, and returns the status. */
async function askOverHttp1(
  tls: TlsListener,
  how: { readonly name: string; readonly host: string; readonly cookie?: string; readonly isCertified?: boolean },
): Promise<number> {
  const { name, host, cookie = '', isCertified = false } = how;
  const socket = await tls.socket({ name, protocols: ['http/1.1'], isCertified });
  return await new Promise((resolve, reject) => {
    request({ createConnection: () => socket, headers: { host, cookie } }, (response) => {
      resolve(response.resume().statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
