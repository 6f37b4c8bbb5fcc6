import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { until } from './wire.ts';
import { type World, world } from './world.ts';

async function listen(server: Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** An app that speaks HTTP/2, and a world in front of it. */
async function worldBefore(
  work: (stream: ServerHttp2Stream) => void,
  settings: Parameters<typeof createServer>[0] = {},
): Promise<World> {
  const app = createServer(settings);
  app.on('session', (session) => session.on('error', () => undefined));
  app.on('stream', (stream) => {
    stream.on('error', () => undefined);
    work(stream);
  });
  const port = await listen(app);
  after(() => {
    app.close();
  });
  return await world({ apps: [{ upstream: `http://127.0.0.1:${port}`, upstreamOptions: { protocol: 'http2' } }] });
}

/** A client of the gateway over HTTP/2. */
async function clientOf(made: World): Promise<{ client: ClientHttp2Session; authority: string }> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on('session', (session) => {
    session.on('error', () => undefined);
    const socket = session.socket;
    session.on('stream', (stream, headers, _flags, rawHeaders: string[]) => {
      stream.on('error', () => undefined);
      made.gateway.stream(stream, { headers, rawHeaders }, socket);
    });
  });
  const port = await listen(server);
  const client = connect(`http://127.0.0.1:${port}`);
  client.on('error', () => undefined);
  after(() => {
    client.destroy();
    server.close();
  });
  return { client, authority: `wiki.localhost:${port}` };
}

const echo = (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'well' });
  });
  stream.pipe(stream);
};

describe('HTTP/2 on both sides of the gateway', () => {
  it('carries a gRPC call: both directions at once, and the trailers that say how it ended', async () => {
    const made = await worldBefore(echo);
    const { client, authority } = await clientOf(made);
    const call = client.request({
      ':method': 'POST',
      ':path': '/wiki.Pages/Watch',
      ':authority': authority,
      'content-type': 'application/grpc',
      te: 'trailers',
      cookie: made.signIn(),
    });
    let text = '';
    let trailers: Record<string, unknown> = {};
    let status: unknown;
    call.on('response', (head) => (status = head[':status']));
    call.on('trailers', (fields) => (trailers = fields));
    call.on('data', (chunk: Buffer) => (text += chunk.toString()));
    call.write('one');
    await until(() => text === 'one', 'the echo while the call goes on');
    call.end('two');
    await new Promise((resolve) => call.once('close', resolve));
    assert.deepEqual([status, text, trailers['grpc-status'], trailers['grpc-message']], [200, 'onetwo', '0', 'well']);
  });

  it('cuts a call in the middle, on both sides, when the answer to who may changes', async () => {
    let code: number | undefined;
    const made = await worldBefore((stream) => {
      stream.on('close', () => (code = stream.rstCode));
      echo(stream);
    });
    const { client, authority } = await clientOf(made);
    const call = client.request({ ':method': 'POST', ':path': '/', ':authority': authority, cookie: made.signIn() });
    let text = '';
    call.on('error', () => undefined);
    call.on('data', (chunk: Buffer) => (text += chunk.toString()));
    call.write('one');
    await until(() => text === 'one', 'the echo');
    made.patch('user', 'usr_ada', { status: 'disabled' });
    await until(() => call.closed && code !== undefined, 'the end on both sides');
    assert.deepEqual([text, code], ['one', 8]);
  });

  it('tells an HTTP/1.1 client what an app said over HTTP/2', async () => {
    const made = await worldBefore((stream) => {
      stream.respond({ ':status': 404, 'x-kind': 'none' });
      stream.end('no such page');
    });
    const answer = await made.ask({ cookie: made.signIn() });
    assert.deepEqual([answer.status, answer.headers['x-kind'], answer.body], [404, 'none', 'no such page']);
  });

  it('opens a WebSocket of an HTTP/1.1 client by extended CONNECT, and cuts it with the reason', async () => {
    const made = await worldBefore(
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    const client = await made.webSocket({ cookie: made.signIn() });
    assert.equal(client.status, 101);
    client.send('hello');
    await until(() => client.texts[0] === 'hello', 'the echo');
    made.patch('user', 'usr_ada', { status: 'disabled' });
    assert.equal((await client.closed).code, 4403);
  });
});

describe('an app whose servers change', () => {
  for (const [name, upstreamOptions] of [
    ['other servers', { others: ['http://127.0.0.1:9'] }],
    ['another protocol', { protocol: 'http2' }],
    ['another authority', { ca: '/nowhere/ca.pem' }],
  ] as const)
    it(`(${name}) loses what is open, with the reason`, async () => {
      const made = await world();
      const client = await made.webSocket({ cookie: made.signIn() });
      assert.equal(client.status, 101);
      made.patch('app', 'app_wiki', { upstreamOptions });
      const { code, reason } = await client.closed;
      assert.deepEqual([code, reason?.split(':')[0]], [4403, 'app-changed']);
    });

  it('keeps what is open when only its check of health changes', async () => {
    const made = await world();
    const client = await made.webSocket({ cookie: made.signIn() });
    made.patch('app', 'app_wiki', { upstreamOptions: { healthPath: '/healthz' } });
    client.send('still here');
    await until(() => client.texts[0] === 'still here', 'the echo');
    client.socket.destroy();
  });
});
