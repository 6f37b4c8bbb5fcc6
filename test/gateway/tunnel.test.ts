import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinTunnel, TUNNEL } from '#wire';
import { listenTls } from './http2-wire.ts';
import { openTunnel, socketPair, type TcpApp, tcpApp } from './tunnel-client.ts';
import { until } from './wire.ts';
import { BOB, type World, world, type WorldOptions } from './world.ts';

const apps: TcpApp[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.close();
});

async function withApp(
  options?: WorldOptions,
  serve?: (socket: Socket) => void,
): Promise<{ made: World; app: TcpApp }> {
  const made = await world(options);
  const app = await tcpApp(made, serve);
  apps.push(app);
  return { made, app };
}

const signIn = (made: World): string => made.signIn({ host: 'db.localhost' });

async function all(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('latin1');
  return text;
}

async function reset(socket: Socket): Promise<string> {
  const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

describe('a tunnel to a TCP app', () => {
  it('carries bytes both ways, each direction to its own end', async () => {
    const { made } = await withApp({}, (socket) => {
      void all(socket).then((text) => socket.end(`heard ${text}`));
    });
    const { status, near, end } = await openTunnel(made.port, { cookie: signIn(made) });
    assert.equal(status, 101);
    near.end('a question');
    assert.equal(await all(near), 'heard a question');
    assert.deepEqual(await end, { code: 1000, reason: '' });
    await until(() => made.gateway.connections().length === 0, 'its end');
  });

  it('hears first from an app that speaks first', async () => {
    const { made } = await withApp({}, (socket) => socket.write('SSH-2.0-test\r\n'));
    const { near } = await openTunnel(made.port, { cookie: signIn(made) });
    assert.equal(String((await once(near, 'data'))[0]), 'SSH-2.0-test\r\n');
  });

  it('is listed and recorded as what it is', async () => {
    const { made } = await withApp();
    await openTunnel(made.port, { cookie: signIn(made) });
    const [one] = made.gateway.connections();
    assert.deepEqual([one?.kind, one?.method, one?.path, one?.app], ['tcp', 'CONNECT', TUNNEL.path, 'Database']);
    assert.deepEqual(
      made.events.map(({ activity_name, message }) => [activity_name, message]),
      [['connect', 'ada@example.org permitted CONNECT db.localhost/.cordon/tunnel']],
    );
  });

  it('carries a megabyte each way unchanged', async () => {
    const { made } = await withApp();
    const { near } = await openTunnel(made.port, { cookie: signIn(made) });
    const sent = Buffer.alloc(1_000_000);
    for (let i = 0; i < sent.length; i++) sent[i] = (i * 7) & 0xff;
    near.end(sent);
    assert.ok(Buffer.from(await all(near), 'latin1').equals(sent));
  });

  it('holds back an app that sends faster than the client reads', async () => {
    const block = Buffer.alloc(65_536);
    const { made, app } = await withApp({}, (socket) => {
      const fill = (): void => {
        while (socket.write(block));
        socket.once('drain', fill);
      };
      fill();
    });
    const { near } = await openTunnel(made.port, { cookie: signIn(made) });
    near.pause();
    await sleep(300);
    const before = app.sockets[0]?.bytesWritten ?? 0;
    await sleep(100);
    assert.equal(app.sockets[0]?.bytesWritten, before, 'the app waits');
    assert.ok(before < 32 * 1024 * 1024, `${before} bytes on the way`);
  });

  it('passes a reset of the app on', async () => {
    const { made, app } = await withApp({}, () => undefined);
    const { near, end } = await openTunnel(made.port, { cookie: signIn(made) });
    const broken = reset(near);
    app.sockets[0]?.resetAndDestroy();
    assert.equal(await broken, 'ECONNRESET');
    assert.equal((await end).code, 1011);
    await until(() => made.gateway.connections().length === 0, 'its end');
  });

  it('resets the app when the client goes without an end', async () => {
    const { made, app } = await withApp({}, (socket) => socket.resume());
    const { frames } = await openTunnel(made.port, { cookie: signIn(made) });
    await until(() => app.sockets.length === 1, 'the app');
    const broken = reset(app.sockets[0] as Socket);
    frames.destroy();
    assert.equal(await broken, 'ECONNRESET');
  });

  it('that breaks the protocol is closed, and the app reset', async () => {
    const { made, app } = await withApp({}, (socket) => socket.resume());
    const client = await made.webSocket({
      host: 'db.localhost',
      path: TUNNEL.path,
      cookie: signIn(made),
      headers: { 'sec-websocket-protocol': TUNNEL.protocol },
    });
    await until(() => app.sockets.length === 1, 'the app');
    const broken = reset(app.sockets[0] as Socket);
    client.send('a text that is no end');
    assert.deepEqual([(await client.closed).code, await broken], [1002, 'ECONNRESET']);
  });

  it('works over HTTP/2 as well', async () => {
    const { made } = await withApp({}, (socket) => {
      void all(socket).then((text) => socket.end(`heard ${text}`));
    });
    made.patch('app', 'app_db', { host: 'docs.localhost' }); // a name of the certificate
    const session = await (await listenTls(made)).session('docs.localhost');
    const frames = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      ':authority': 'docs.localhost',
      ':path': TUNNEL.path,
      'sec-websocket-version': '13',
      'sec-websocket-protocol': TUNNEL.protocol,
      origin: 'https://docs.localhost',
      cookie: made.signIn({ host: 'docs.localhost' }),
    });
    const [headers] = (await once(frames, 'response')) as [{ ':status': number; 'sec-websocket-protocol': string }];
    assert.deepEqual([headers[':status'], headers['sec-websocket-protocol']], [200, TUNNEL.protocol]);
    const [local, near] = await socketPair();
    const end = Promise.withResolvers<unknown>();
    joinTunnel({ frames, socket: local, role: 'client', onEnd: end.resolve });
    near.end('a question '.repeat(50_000));
    assert.equal(await all(near), `heard ${'a question '.repeat(50_000)}`);
    assert.deepEqual(await end.promise, { code: 1000, reason: '' });
    await until(() => made.gateway.connections().length === 0, 'its end');
  });

  it('is cut with the reason, and no byte reaches the app any more', async () => {
    let bytes = 0;
    const { made } = await withApp({}, (socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)));
    const { near, end } = await openTunnel(made.port, { cookie: signIn(made) });
    const timer = setInterval(() => near.write('tick'), 1);
    await until(() => bytes > 0, 'bytes at the app');
    made.gateway.cut({ kind: 'tcp' }, { code: 'connection-ended' });
    await sleep(0);
    const seen = bytes;
    await sleep(50);
    clearInterval(timer);
    assert.equal(bytes, seen);
    assert.deepEqual(await end, { code: 4403, reason: 'connection-ended: An administrator ended this connection' });
  });

  it('is told when Cordon stops', async () => {
    const { made } = await withApp();
    const { end } = await openTunnel(made.port, { cookie: signIn(made) });
    await made.gateway.close();
    assert.deepEqual(await end, { code: 1001, reason: 'gateway-stopping: Cordon is being restarted' });
  });
});

describe('a TCP app', () => {
  it('dials nobody for whoever may not', async () => {
    const { made, app } = await withApp();
    const bob = await openTunnel(made.port, { cookie: made.signIn({ host: 'db.localhost', user: BOB.id }) });
    const nobody = await openTunnel(made.port);
    assert.deepEqual([bob.status, JSON.parse(bob.body).code], [403, 'no-permit']);
    assert.deepEqual([nobody.status, JSON.parse(nobody.body).code], [401, 'not-authenticated']);
    const foreign = await openTunnel(made.port, { cookie: signIn(made), headers: { origin: 'https://evil.example' } });
    assert.deepEqual([foreign.status, JSON.parse(foreign.body).code], [403, 'origin-refused']);
    assert.equal(app.sockets.length, 0);
  });

  it('is not opened by a policy about GET: a tunnel writes too', async () => {
    const policies = 'permit (principal, action == Action::"access", resource) when { context.method == "GET" };';
    const { made, app } = await withApp({ policies });
    assert.equal((await openTunnel(made.port, { cookie: signIn(made) })).status, 403);
    made.activate('permit (principal, action == Action::"access", resource) when { context.method == "CONNECT" };');
    assert.equal((await openTunnel(made.port, { cookie: signIn(made) })).status, 101);
    assert.equal(app.sockets.length, 1);
  });

  it('answers nothing but tunnels, and says which command opens one', async () => {
    const { made, app } = await withApp({}, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'));
    const cookie = signIn(made);
    for (const method of ['GET', 'POST', 'HEAD']) {
      assert.equal((await made.ask({ host: 'db.localhost', cookie, method })).status, 400);
    }
    const json = await made.ask({ host: 'db.localhost', cookie, path: '/x' });
    assert.deepEqual(
      [JSON.parse(json.body).code, JSON.parse(json.body).message],
      ['tunnel-required', 'run `cordon connect db.localhost`'],
    );
    const page = await made.ask({ host: 'db.localhost', cookie, headers: { accept: 'text/html' } });
    assert.match(page.body, /This app is not a web site[\s\S]*<code>cordon connect db\.localhost<\/code>/);
    const webSocket = await made.webSocket({ host: 'db.localhost', cookie, path: '/live' });
    assert.match(webSocket.head, /"code":"tunnel-required"/);
    made.patch('app', 'app_db', { ssh: { principals: ['ops'], lifetimeSeconds: 300 } });
    const ssh = await made.ask({ host: 'db.localhost', cookie });
    assert.equal(JSON.parse(ssh.body).message, 'run `cordon ssh db.localhost`');
    const plain = await made.ask({ host: 'db.localhost', cookie, path: TUNNEL.path });
    assert.equal(plain.status, 405);
    assert.equal(app.sockets.length, 0);
  });

  it('wants the protocol by its name', async () => {
    const { made, app } = await withApp();
    for (const protocol of ['chat', 'cordon-tcp.v2', 'xcordon-tcp.v1']) {
      const { status, body } = await openTunnel(made.port, {
        cookie: signIn(made),
        headers: { 'sec-websocket-protocol': protocol },
      });
      assert.deepEqual([status, JSON.parse(body).code], [400, 'request-malformed']);
    }
    assert.equal(app.sockets.length, 0);
    const several = await openTunnel(made.port, {
      cookie: signIn(made),
      headers: { 'sec-websocket-protocol': 'chat, cordon-tcp.v1' },
    });
    assert.equal(several.status, 101);
  });

  it('is no way to an app that speaks HTTP', async () => {
    const made = await world();
    const { status, body } = await openTunnel(made.port, { host: 'wiki.localhost', cookie: made.signIn() });
    assert.deepEqual([status, JSON.parse(body).code, made.arrivals.length], [404, 'app-unknown', 0]);
  });

  it('that nobody listens for is named, and its address is not', async () => {
    const { made } = await withApp();
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    made.patch('app', 'app_db', { upstream: `tcp://127.0.0.1:${port}` });
    const { status, body } = await openTunnel(made.port, { cookie: signIn(made) });
    assert.deepEqual([status, JSON.parse(body).code], [502, 'upstream-unreachable']);
    assert.ok(!body.includes(String(port)));
    assert.match(JSON.stringify(made.events), new RegExp(`ECONNREFUSED.*${port}`));
  });
});
