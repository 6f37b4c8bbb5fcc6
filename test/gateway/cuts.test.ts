import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#base';
import { TUNNEL } from '#wire';
import { APP, CAUSES, asset, type Ended, type Kind, onAsset, proveCut, sessionOf } from './causes.ts';
import { accept } from './upstream.ts';
import { until } from './wire.ts';
import { ADA, type World, world } from './world.ts';

const FOREIGN = 'https://tools.example.org';

async function webSocketAt(made: World, path: string, cookie: string): Promise<{ ended: Ended }> {
  const client = await made.webSocket({ path, cookie });
  assert.equal(client.status, 101);
  if (path === '/ticks') await until(() => client.texts.length > 2, 'ticks');
  return { ended: client.closed.then(({ code, reason }) => ({ how: `${code} ${reason}` })) };
}

/** The app speaks HTTP all the same: a tunnel does not care. */
async function tunnelAt(made: World, cookie: string): Promise<{ ended: Ended }> {
  const { upstream = '' } = made.graph.get('app', 'app_wiki') ?? {};
  made.patch('app', 'app_wiki', { upstream: upstream.replace('http:', 'tcp:') });
  const client = await made.webSocket({
    path: TUNNEL.path,
    cookie,
    headers: { 'sec-websocket-protocol': TUNNEL.protocol },
  });
  assert.equal(client.status, 101);
  return { ended: client.closed.then(({ code, reason }) => ({ how: `${code} ${reason}` })) };
}

async function requestAt(made: World, head: string, isStream: boolean): Promise<{ ended: Ended }> {
  const socket = connect(made.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
  socket.write(head);
  await until(() => made.arrivals.length === 1, 'the request at the app');
  if (isStream) await until(() => text.includes('tick'), 'the stream');
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  const ended = Promise.race([closed, until(() => text.includes('"code"'), 'an answer')]).then(() => {
    socket.destroy();
    return { how: isStream ? `broken off${text.endsWith('0\r\n\r\n') ? ', but properly ended' : ''}` : text };
  });
  return { ended };
}

const head = (path: string, cookie: string, more = ''): string =>
  `${more === '' ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${cookie}\r\n${more}\r\n`;

/** What is open, and how it must end. */
const KINDS: Readonly<Record<string, Kind>> = {
  'a silent WebSocket': {
    open: async (made, cookie) => await webSocketAt(made, '/live', cookie),
    how: (code) => new RegExp(`^4403 ${code}: `),
  },
  'a WebSocket on which only the app speaks': {
    open: async (made, cookie) => await webSocketAt(made, '/ticks', cookie),
    how: (code) => new RegExp(`^4403 ${code}: `),
  },
  'a tunnel': {
    open: tunnelAt,
    how: (code) => new RegExp(`^4403 ${code}: `),
  },
  'a stream of events': {
    open: async (made, cookie) => await requestAt(made, head('/events', cookie), true),
    how: () => /^broken off$/,
  },
  'a request that waits for its answer': {
    open: async (made, cookie) => await requestAt(made, head('/wait', cookie), false),
    how: (code) => new RegExp(`^HTTP/1\\.1 (401|403|503) [\\s\\S]*"code":"${code}"`),
  },
  'an upload': {
    open: async (made, cookie) =>
      await requestAt(made, `${head('/upload', cookie, 'content-length: 1000000\r\n')}a part`, false),
    how: (code) => new RegExp(`^HTTP/1\\.1 (401|403|503) [\\s\\S]*"code":"${code}"`),
  },
};

for (const [kind, proof] of Object.entries(KINDS)) {
  describe(`${kind} is cut within a second, and the event says why, when`, () => {
    for (const [name, cause] of Object.entries(CAUSES)) it(name, async () => await proveCut(cause, proof));
  });
}

describe('a cut', () => {
  it('comes by itself within the second after an override has expired', async () => {
    const made = await world({ ...onAsset, ...APP, clock: systemClock });
    const expiresAt = systemClock.now() + 400;
    made.put('asset', asset(0, { override: { tier: 3, reason: 'test', by: 'test', at: 0, expiresAt } }));
    const cookie = made.signIn({ session: { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] } });
    const client = await made.webSocket({ cookie });
    const { code } = await client.closed;
    const late = systemClock.now() - expiresAt;
    assert.equal(code, 4403);
    assert.ok(late >= 0 && late < 1100, `${late} ms after`);
  });

  it('comes soon when policies change without a word in the graph', async () => {
    const made = await world(APP);
    const client = await made.webSocket({ cookie: made.signIn() });
    // As a replica on another machine would do it: the policies first, the activation whenever.
    made.policies = undefined;
    const start = performance.now();
    assert.equal((await client.closed).reason?.split(':')[0], 'no-policies');
    assert.ok(performance.now() - start < 500);
  });

  it('comes when it cannot be told any more who may', async () => {
    let isBroken = false;
    const made = await world(APP);
    const { policies } = made;
    Object.defineProperty(made, 'policies', {
      get: () => {
        if (isBroken) throw new Error('down');
        return policies;
      },
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    isBroken = true;
    made.patch('user', ADA.id, { name: 'Ada B.' });
    assert.match((await client.closed).reason ?? '', /^internal: /);
    made.gateway.sweep();
    assert.match(String(made.errors[0]), /down/);
    made.errors.length = 0;
    isBroken = false;
  });

  it('ends a WebSocket that a foreign origin may not open any more, and leaves the others', async () => {
    const made = await world({ ...APP, apps: [{ allowedOrigins: [FOREIGN] }] });
    const cookie = made.signIn();
    const foreign = await made.webSocket({ cookie, headers: { origin: FOREIGN } });
    await made.webSocket({ cookie });
    made.patch('app', 'app_wiki', { allowedOrigins: [] });
    assert.match((await foreign.closed).reason ?? '', /^origin-refused/);
    assert.equal(made.gateway.connections().length, 1);
  });

  it('leaves alone what it is not about', async () => {
    const made = await world(APP);
    const mine = await made.webSocket({ cookie: made.signIn() });
    await made.webSocket({ cookie: made.signIn() });
    const [first] = made.gateway.connections();
    made.remove('session', first?.sessionId ?? '');
    await mine.closed;
    await sleep(30);
    assert.equal(made.gateway.connections().length, 1);
  });

  it('is journalled with the time it took, where a change or a person was the cause', async () => {
    const made = await world();
    const causes: readonly (() => void)[] = [
      () => made.patch('user', ADA.id, { groups: [] }),
      () => made.gateway.cut({}, { code: 'connection-ended' }),
    ];
    for (const happen of causes) {
      made.patch('user', ADA.id, { groups: ADA.groups });
      made.events.length = 0;
      const client = await made.webSocket({ cookie: made.signIn() });
      happen();
      await client.closed;
      await until(() => made.events.some(({ message }) => message.includes(' cut off ')), 'the event');
      const event = made.events.find(({ message }) => message.includes(' cut off '));
      const took = event?.unmapped?.cordon['cutLatencyMs'];
      assert.ok(typeof took === 'number' && took >= 0 && took < 1000, String(took));
    }
  });

  it('is journalled without one where only time passed', async () => {
    const made = await world();
    const client = await made.webSocket({ cookie: made.signIn({ session: { expiresAt: made.clock.now() + 1000 } }) });
    made.clock.advance(1000);
    made.gateway.sweep();
    await client.closed;
    await until(() => made.events.some(({ message }) => message.includes(' cut off ')), 'the event');
    const event = made.events.find(({ message }) => message.includes(' cut off '));
    assert.equal(event?.unmapped?.cordon['cutLatencyMs'], undefined);
  });

  it('reaches the app too: nothing is written there any more', async () => {
    let bytes = 0;
    const made = await world({
      onUpgrade: (request, socket) => {
        accept(request, socket);
        socket.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => socket.end());
      },
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    client.send('before');
    await until(() => bytes > 0, 'a message at the app');
    const seen = bytes;
    made.gateway.cut({}, { code: 'connection-ended' });
    client.send('after');
    await client.closed;
    await sleep(30);
    assert.equal(bytes, seen);
  });

  it('in the middle of a frame breaks off without a close frame, which would be taken for payload', async () => {
    const made = await world({
      onUpgrade: (request, socket) => {
        accept(request, socket);
        socket.resume().write(Buffer.from([0x82, 126, 0x10, 0, 1, 2, 3])); // 3 of 4096 bytes
      },
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    await sleep(20);
    const { bytesRead } = client.socket;
    made.gateway.cut({}, { code: 'connection-ended' });
    await client.closed;
    assert.equal(client.socket.bytesRead, bytesRead);
  });

  it('does not wait for a client that reads nothing', async () => {
    const made = await world({
      onUpgrade: (request, socket) => {
        accept(request, socket);
        const frame = Buffer.concat([Buffer.from([0x82, 126, 0x40, 0]), Buffer.alloc(0x4000)]);
        for (let i = 0; i < 2000 && socket.write(frame); i++);
        socket.resume().on('end', () => socket.end());
      },
    });
    const client = await made.webSocket({ cookie: made.signIn() });
    client.socket.pause();
    await sleep(50);
    made.gateway.cut({}, { code: 'connection-ended' });
    assert.deepEqual(made.gateway.connections(), []);
    await sleep(1200);
    client.socket.resume();
    await client.closed;
  });
});

describe('between the decision and the dialling', () => {
  const changes: [string, number, string, (made: World) => void][] = [
    ['the session is revoked', 401, 'session-revoked', (made) => made.remove('session', sessionOf(made))],
    [
      'the cookie is taken back',
      401,
      'session-revoked',
      (made) => made.remove('appSession', [...made.graph.all('appSession')][0]?.id ?? ''),
    ],
    ['policies change', 403, 'no-permit', (made) => made.activate('')],
    [
      'the app gets another upstream',
      403,
      'app-changed',
      (made) => made.patch('app', 'app_wiki', { upstream: 'http://127.0.0.1:9' }),
    ],
    ['the person is disabled', 403, 'user-disabled', (made) => made.patch('user', ADA.id, { status: 'disabled' })],
  ];
  for (const [name, status, code, happen] of changes) {
    it(`it is seen that ${name}, and nothing is dialled`, async () => {
      const gate = Promise.withResolvers<void>();
      let writes = 0;
      const journal = {
        writable: true,
        append: async (): Promise<void> => {
          writes += 1;
          await gate.promise;
        },
      };
      const made = await world({ apps: [{ tier: 1 }], options: { journal } });
      const asked = made.ask({ cookie: made.signIn() });
      await until(() => writes === 1, 'the write of the permit');
      happen(made);
      gate.resolve();
      const answer = await asked;
      assert.deepEqual([answer.status, JSON.parse(answer.body).code, made.arrivals.length], [status, code, 0]);
    });
  }

  it('it is seen that the client has left, and nothing is dialled', async () => {
    const gate = Promise.withResolvers<void>();
    let writes = 0;
    const append = async (): Promise<void> => {
      writes += 1;
      await gate.promise;
    };
    const made = await world({ apps: [{ tier: 1 }], options: { journal: { writable: true, append } } });
    const socket = connect(made.port, '127.0.0.1');
    socket.write(head('/', made.signIn()));
    await until(() => writes === 1, 'the write of the permit');
    socket.destroy();
    await sleep(50);
    gate.resolve();
    await sleep(50);
    assert.deepEqual([made.arrivals, made.gateway.connections()], [[], []]);
  });

  it('a change that changes nothing for the person lets the request through', async () => {
    const gate = Promise.withResolvers<void>();
    const made = await world({
      apps: [{ tier: 1 }],
      options: { journal: { writable: true, append: () => gate.promise } },
    });
    const asked = made.ask({ cookie: made.signIn() });
    await sleep(30);
    made.put('segment', { id: 'seg', name: 'seg', selector: {} });
    gate.resolve();
    assert.equal((await asked).status, 200);
  });
});
