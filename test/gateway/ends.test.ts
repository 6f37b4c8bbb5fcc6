import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { encodeFrame, OPCODE } from '#wire';
import { listenTls } from './http2-wire.ts';
import { openTunnel, type TcpApp, tcpApp } from './tunnel-client.ts';
import { accept } from './upstream.ts';
import { maskedText, until } from './wire.ts';
import { type World, world, type WorldOptions } from './world.ts';

const MINUTE = 60_000;
const apps: TcpApp[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.close();
});

/** A close frame as clients send it, code 1000. */
const goodbye = (): Buffer => encodeFrame(OPCODE.close, Buffer.from([3, 232]), Buffer.from([1, 2, 3, 4]));

interface End {
  readonly activity: string;
  readonly by?: string;
  readonly whole?: boolean;
  readonly duration: number;
  readonly out?: number;
  readonly in?: number;
  readonly code?: string;
}

/** What the journal says of ends, `end` or `cut`. */
function ends(made: World): End[] {
  return made.events
    .filter(({ activity_name }) => activity_name === 'end' || activity_name === 'cut')
    .map((event) => {
      const { by, whole } = (event.unmapped?.cordon['end'] ?? {}) as { by?: string; whole?: boolean };
      const traffic = event['cumulative_traffic'] as { bytes_out: number; bytes_in: number } | undefined;
      return {
        activity: event.activity_name,
        ...(by === undefined ? {} : { by, whole: whole === true }),
        duration: Number(event['duration']),
        ...(traffic === undefined ? {} : { out: traffic.bytes_out, in: traffic.bytes_in }),
        ...(event.status_code === undefined ? {} : { code: event.status_code }),
      };
    });
}

async function theEnd(made: World): Promise<End> {
  await until(() => ends(made).length > 0, 'the event of the end');
  await until(() => made.gateway.connections().length === 0, 'the end');
  const [one, ...more] = ends(made);
  assert.deepEqual(more, []);
  return one ?? assert.fail('no end');
}

/** Lets time pass, and the gateway look at what is open, as it does several times a second. */
function wait(made: World, milliseconds: number): void {
  made.clock.advance(milliseconds);
  made.gateway.sweep();
}

async function tunnel(
  serve?: (socket: Socket) => void,
): Promise<{ made: World; app: TcpApp; open: Awaited<ReturnType<typeof openTunnel>> }> {
  const made = await world();
  const app = await tcpApp(made, serve);
  apps.push(app);
  const open = await openTunnel(made.port, { cookie: made.signIn({ host: 'db.localhost' }) });
  await until(() => app.sockets.length === 1, 'the app');
  return { made, app, open };
}

describe('the end of a tunnel is in the journal', () => {
  it('with who was there, from when to when, and how much went each way', async () => {
    const { made, open } = await tunnel((socket) => {
      socket.resume().on('end', () => socket.end('an answer'));
    });
    made.clock.advance(3 * MINUTE);
    open.near.end('a question');
    open.near.resume();
    assert.deepEqual(await theEnd(made), {
      ...{ activity: 'end', by: 'client', whole: true, duration: 3 * MINUTE },
      ...{ out: 'a question'.length, in: 'an answer'.length },
    });
    const [permit, event] = made.events;
    assert.equal(event?.message, 'ada@example.org had Database open for 180 s (tcp, ended by the client)');
    assert.equal(event?.metadata.correlation_uid, permit?.metadata.correlation_uid);
    assert.deepEqual([event?.user, event?.src_endpoint], [permit?.user, permit?.src_endpoint]);
    assert.deepEqual(event?.dst_endpoint, { hostname: 'db.localhost', svc_name: 'app_db' });
    assert.deepEqual(
      [event?.class_uid, event?.activity_id, event?.status_id, event?.action_id],
      [4002, 99, 1, undefined],
      'the end is not another access',
    );
    assert.equal(Number(event?.['end_time']) - Number(event?.['start_time']), 3 * MINUTE);
  });

  it('however short it was', async () => {
    const { made, open } = await tunnel();
    open.near.end();
    open.near.resume();
    const { by, whole, duration, out, in: back } = await theEnd(made);
    assert.deepEqual([by, whole, duration, out, back], ['client', true, 0, 0, 0]);
  });

  it('when the app ended it first', async () => {
    const { made, open } = await tunnel((socket) => socket.resume().end('bye'));
    open.near.on('end', () => open.near.end()).resume();
    assert.deepEqual(await theEnd(made), { activity: 'end', by: 'app', whole: true, duration: 0, out: 0, in: 3 });
    assert.equal(made.events.at(-1)?.status_id, 1);
  });

  it('when the app broke it off', async () => {
    const { made, app, open } = await tunnel(() => undefined);
    open.near.on('error', () => undefined);
    app.sockets[0]?.resetAndDestroy();
    const { by, whole } = await theEnd(made);
    assert.deepEqual([by, whole, made.events.at(-1)?.status_id], ['app', false, 2]);
  });

  for (const [how, leave] of Object.entries({
    'the client closed it': (frames: Socket) => frames.end(),
    'the client broke it off': (frames: Socket) => frames.destroy(),
    'the client reset it': (frames: Socket) => frames.resetAndDestroy(),
    'the client broke the protocol': (frames: Socket) => frames.write(maskedText('no end')),
    'the client said only that it was done': (frames: Socket) => frames.write(goodbye()),
  })) {
    it(`when ${how}`, async () => {
      const { made, open } = await tunnel((socket) => socket.resume());
      leave(open.frames as Socket);
      const { activity, by, whole } = await theEnd(made);
      assert.deepEqual([activity, by, whole], ['end', 'client', false]);
    });
  }

  it('and is the cut, where it was cut', async () => {
    const { made, open } = await tunnel();
    open.near.on('error', () => undefined);
    open.near.write('select 1');
    await once(open.near, 'data');
    wait(made, 2 * MINUTE);
    made.gateway.cut({}, { code: 'connection-ended' });
    const cut = await theEnd(made);
    assert.deepEqual(cut, {
      ...{ activity: 'cut', duration: 2 * MINUTE, out: 8, in: 8, code: 'connection-ended' },
    });
  });

  it('only if it was opened', async () => {
    const made = await world();
    const app = await tcpApp(made);
    app.close();
    const { status } = await openTunnel(made.port, { cookie: made.signIn({ host: 'db.localhost' }) });
    assert.equal(status, 502);
    await until(() => made.gateway.connections().length === 0, 'its end');
    assert.deepEqual(ends(made), []);
    assert.equal(made.events.at(-1)?.status_code, 'upstream-unreachable');
  });

  it('and takes nothing else down when it cannot be written', async () => {
    const { made, open } = await tunnel();
    made.isWritable = false;
    open.near.end();
    open.near.resume();
    await until(() => made.gateway.counters.unrecorded === 1, 'the count of what is missing');
    assert.equal(made.gateway.connections().length, 0);
  });
});

const TALKING: WorldOptions = {
  onUpgrade: (incoming, socket) => {
    accept(incoming, socket);
    socket.on('data', (chunk: Buffer) => {
      if ((chunk[0] ?? 0) === 0x88) socket.end(Buffer.from([0x88, 2, 3, 232]));
      else socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    });
    socket.on('end', () => socket.end());
    if (incoming.url === '/goodbye') socket.once('data', () => socket.end(Buffer.from([0x88, 2, 3, 232])));
    if (incoming.url === '/break') socket.once('data', () => socket.destroy());
  },
};

/** A WebSocket that was open for two minutes. */
async function longWebSocket(path: string): Promise<{ made: World; client: Awaited<ReturnType<World['webSocket']>> }> {
  const made = await world(TALKING);
  const client = await made.webSocket({ path, cookie: made.signIn() });
  wait(made, 2 * MINUTE);
  return { made, client };
}

describe('the end of a WebSocket that was open for a minute is in the journal', () => {
  it('when the client said goodbye', async () => {
    const { made, client } = await longWebSocket('/');
    client.send('hello');
    await until(() => client.texts.length === 1, 'an answer');
    client.socket.write(goodbye());
    assert.deepEqual(await theEnd(made), {
      ...{ activity: 'end', by: 'client', whole: true, duration: 2 * MINUTE },
      ...{ out: 11 + 8, in: 4 + 4 },
    });
    assert.equal(
      made.events.at(-1)?.message,
      'ada@example.org had Wiki open for 120 s (websocket, ended by the client)',
    );
  });

  it('when the app said goodbye', async () => {
    const { made, client } = await longWebSocket('/goodbye');
    client.send('x');
    const { by, whole } = await theEnd(made);
    assert.deepEqual([by, whole], ['app', true]);
  });

  it('when the app broke it off', async () => {
    const { made, client } = await longWebSocket('/break');
    client.send('x');
    const { by, whole } = await theEnd(made);
    assert.deepEqual([by, whole, made.events.at(-1)?.status_id], ['app', false, 2]);
  });

  it('when the client left without a word', async () => {
    const { made, client } = await longWebSocket('/');
    client.socket.destroy();
    const { by, whole, duration } = await theEnd(made);
    assert.deepEqual([by, whole, duration], ['client', false, 2 * MINUTE]);
  });

  it('and is the cut, where it was cut', async () => {
    const { made, client } = await longWebSocket('/');
    made.gateway.cut({}, { code: 'connection-ended' });
    await client.closed;
    const { activity, duration, out, in: back } = await theEnd(made);
    assert.deepEqual([activity, duration, out, back], ['cut', 2 * MINUTE, 0, 0]);
  });

  it('also where Cordon itself is the app', async () => {
    const made = await world();
    const cookie = made.signIn({ host: 'verify.localhost' });
    const client = await made.webSocket({ host: 'verify.localhost', path: '/live', cookie });
    assert.equal(client.status, 101);
    wait(made, MINUTE);
    client.socket.destroy();
    const { by, out } = await theEnd(made);
    assert.deepEqual([by, out], ['client', undefined], 'nothing is said of what was not counted');
  });

  it('and not of a shorter one', async () => {
    const made = await world(TALKING);
    const client = await made.webSocket({ cookie: made.signIn() });
    wait(made, MINUTE - 1);
    client.socket.destroy();
    await until(() => made.gateway.connections().length === 0, 'its end');
    assert.equal(made.events.length, 1);
  });
});

const STREAMING: WorldOptions = {
  upstream: (incoming, response) => {
    incoming.resume();
    if (incoming.url === '/whole') response.write('part');
    else response.writeHead(200, { 'content-length': 1000 }).write('part');
    if (incoming.url === '/whole') incoming.socket.once('test-go', () => response.end(' and whole'));
    if (incoming.url === '/break') incoming.socket.once('test-go', () => response.destroy());
    sockets.push(incoming.socket);
  },
  options: { limits: { idleTimeoutMs: 400 } },
};
const sockets: Socket[] = [];
afterEach(() => sockets.splice(0));

/** A download that was open for two minutes; the first part has come. */
async function longDownload(path: string): Promise<{ made: World; leave: () => void; go: () => void }> {
  const made = await world(STREAMING);
  const outgoing = request({
    ...{ host: '127.0.0.1', port: made.port, path, agent: false },
    headers: { host: 'wiki.localhost', cookie: made.signIn() },
  }).end();
  outgoing.on('error', () => undefined);
  const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream];
  response.on('error', () => undefined);
  await once(response, 'data');
  response.resume();
  wait(made, 2 * MINUTE);
  return { made, leave: () => outgoing.destroy(), go: () => sockets[0]?.emit('test-go') };
}

describe('the end of an answer that took a minute is in the journal', () => {
  it('when all of it was passed on', async () => {
    const { made, go } = await longDownload('/whole');
    go();
    assert.deepEqual(await theEnd(made), {
      ...{ activity: 'end', by: 'app', whole: true, duration: 2 * MINUTE, out: 0, in: 14 },
    });
  });

  it('when the client left', async () => {
    const { made, leave } = await longDownload('/part');
    leave();
    const { by, whole, in: back } = await theEnd(made);
    assert.deepEqual([by, whole, back, made.events.at(-1)?.status_id], ['client', false, 4, 1]);
  });

  it('when the app broke it off, beside what went wrong', async () => {
    const { made, go } = await longDownload('/break');
    go();
    const { by, whole, code } = await theEnd(made);
    assert.deepEqual([by, whole, code], ['app', false, 'upstream-unreachable']);
    assert.deepEqual(
      made.events.map(({ activity_name }) => activity_name),
      ['get', 'get', 'end'],
    );
  });

  it('when it stood still for too long', async () => {
    const { made } = await longDownload('/part');
    const { by, whole } = await theEnd(made);
    assert.deepEqual([by, whole, made.events.at(-1)?.status_id], ['deadline', false, 2]);
  });

  it('with what the client sent, for an upload', async () => {
    const made = await world(STREAMING);
    const socket = connect(made.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const head = `POST / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\ncontent-length: 5000\r\n\r\n`;
    socket.write(head + 'x'.repeat(1234));
    await until(() => sockets.length === 1, 'the app');
    await once(socket, 'data');
    wait(made, MINUTE);
    socket.destroy();
    const { by, out, in: back } = await theEnd(made);
    assert.deepEqual([by, out, back], ['client', 1234, 4]);
  });

  it('when the client sent more than it may, with the reason', async () => {
    const made = await world({ upstream: () => undefined, apps: [{ limits: { bodyBytes: 1000 } }] });
    const socket = connect(made.port, '127.0.0.1');
    socket.on('error', () => undefined).once('data', () => socket.destroy());
    const head = `POST / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${made.signIn()}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const chunk = `320\r\n${'x'.repeat(800)}\r\n`;
    socket.write(head + chunk);
    await until(() => made.gateway.connections().length === 1, 'the upload');
    wait(made, MINUTE);
    socket.write(chunk);
    const { by, whole, code } = await theEnd(made);
    assert.deepEqual([by, whole, code, made.events.at(-1)?.status_id], ['client', false, 'body-too-large', 2]);
  });

  it('over HTTP/2 too', async () => {
    const made = await world({ ...STREAMING, apps: [{ id: 'app_wiki', host: 'docs.localhost' }] });
    const session = await (await listenTls(made)).session('docs.localhost');
    const stream = session.request({
      ...{ ':method': 'GET', ':path': '/part', ':authority': 'docs.localhost', ':scheme': 'https' },
      cookie: made.signIn({ host: 'docs.localhost' }),
    });
    stream.on('error', () => undefined);
    await once(stream, 'data');
    wait(made, MINUTE);
    stream.close(8);
    const { by, whole, in: back } = await theEnd(made);
    assert.deepEqual([by, whole, back], ['client', false, 4]);
  });

  it('and not of a shorter one', async () => {
    const made = await world();
    const cookie = made.signIn();
    for (let i = 0; i < 20; i++) assert.equal((await made.ask({ cookie })).status, 200);
    wait(made, 2 * MINUTE);
    assert.equal(made.events.length, 20, 'one event for each request');
  });
});
