import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type ClientHttp2Session, connect, constants, createServer, type Http2Server } from 'node:http2';
import { after, afterEach, describe, it } from 'node:test';
import { ipSetOf, parseCidr } from '#base';
import { answerEnvoy } from '#gateway';
import { check, framed } from './envoy-wire.ts';
import { ADA, BOB, type World, world } from './world.ts';

const servers: Http2Server[] = [];
const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});
after(() => {
  for (const server of servers) server.close();
});

interface Envoy extends World {
  readonly session: ClientHttp2Session;
  /** Sends a call, and says what came back; `isOpen` leaves it without an end. */
  call(body: Buffer, options?: { path?: string; type?: string; isOpen?: boolean }): Promise<Said>;
}

interface Said {
  readonly grpcStatus: string | undefined;
  /** Text of the answer, one character per octet. */
  readonly text: string;
}

async function envoy(trusted = '127.0.0.1/32'): Promise<Envoy> {
  const made = await world({ apps: [{ enforcedBy: 'forward-auth', identityHeaders: ['authelia'], tier: 2 }] });
  const network = parseCidr(trusted);
  assert.ok(network.ok);
  const server = createServer();
  servers.push(server);
  server.on('stream', answerEnvoy({ gateway: made.gateway, trusted: ipSetOf([network.value]), patienceMs: 100 }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const session = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  session.on('error', () => undefined);
  sessions.push(session);
  return Object.assign(made, {
    session,
    call: async (...args: Parameters<Envoy['call']>) => await call(session, ...args),
  });
}

async function call(session: ClientHttp2Session, ...[body, options = {}]: Parameters<Envoy['call']>): Promise<Said> {
  const { path = '/envoy.service.auth.v3.Authorization/Check', type = 'application/grpc', isOpen = false } = options;
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    ...(type === '' ? {} : { 'content-type': type }),
  });
  return await new Promise((resolve, reject) => {
    let [text, grpcStatus]: [string, string | undefined] = ['', undefined];
    const note = (fields: Record<string, unknown>): void => {
      grpcStatus ??= fields['grpc-status'] as string | undefined;
    };
    stream.on('response', note).on('trailers', note).on('error', reject);
    stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    stream.once('end', () => resolve({ grpcStatus, text: text.slice(5) }));
    stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
    if (isOpen) stream.write(body);
    else stream.end(body);
  });
}

function question(cookie: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return framed(check({ source: '203.0.113.9' }, { cookie, ...more }));
}

/** `CheckResponse` begins with the code of its status: 0 is yes, and 7 no. */
const YES = /^\x0a\x02\x08\x00/;
const NO = /^\x0a\x02\x08\x07/;

describe('Envoy that asks over gRPC', () => {
  it('is told yes and who is there, or no', async () => {
    const made = await envoy();
    const yes = await made.call(question(made.signIn()));
    assert.equal(yes.grpcStatus, '0');
    assert.match(yes.text, YES);
    assert.ok(yes.text.includes(ADA.email));
    assert.match((await made.call(question(made.signIn({ user: BOB.id })))).text, NO);
    assert.match((await made.call(question(''))).text, NO);
  });

  it('is told to take away what a client says about itself, or about another request', async () => {
    const made = await envoy();
    const names = ['x-webauth-user', 'x-original-url', 'x-original-method', 'x-forwarded-uri', 'x-forwarded-method'];
    const { text } = await made.call(
      question(made.signIn(), Object.fromEntries(names.map((name) => [name, '/admin']))),
    );
    assert.match(text, YES);
    for (const name of names) assert.ok(text.includes(`\x2a${String.fromCharCode(name.length)}${name}`), name);
    assert.ok(!text.includes('/admin'));
  });

  const malformed: Record<string, (cookie: string) => Buffer> = {
    'is empty': () => Buffer.alloc(0),
    'has no frame': (cookie) => question(cookie).subarray(5),
    'is compressed': (cookie) => framed(question(cookie).subarray(5), 1),
    'is cut off': (cookie) => question(cookie).subarray(0, -1),
    'comes with a second one': (cookie) => Buffer.concat([question(cookie), question(cookie)]),
    'is noise': () => framed(randomBytes(200)),
    'is a group, which nothing sends any more': () => framed(Buffer.from([0x0b, 0x0c])),
    'has two requests': (cookie) => framed(Buffer.concat([question(cookie).subarray(5), question(cookie).subarray(5)])),
    'has no source': (cookie) => framed(check({}, { cookie })),
    'has a source that is no address': (cookie) => framed(check({ source: 'localhost' }, { cookie })),
  };
  for (const [what, body] of Object.entries(malformed)) {
    it(`gets no yes for a message that ${what}`, async () => {
      const made = await envoy();
      const { text, grpcStatus } = await made.call(body(made.signIn()));
      assert.equal(grpcStatus, '0', 'an error is a yes where Envoy is told so');
      assert.match(text, NO);
      assert.equal(made.events.at(-1)?.status_code, 'request-malformed');
    });
  }

  it('gets its answer before the end of a message that is too long', async () => {
    const made = await envoy();
    const { text } = await made.call(Buffer.alloc(1_100_000), { isOpen: true });
    assert.match(text, NO);
    assert.equal(made.events.at(-1)?.status_code, 'request-malformed');
  });

  it('is not waited for when its message does not end', async () => {
    const made = await envoy();
    const { text } = await made.call(question(made.signIn()).subarray(0, 20), { isOpen: true });
    assert.match(text, NO);
  });

  it('is believed by address alone, before anything of its message is read', async () => {
    const made = await envoy('198.51.100.0/24');
    const { text } = await made.call(question(made.signIn()).subarray(0, 20), { isOpen: true });
    assert.match(text, NO);
    assert.equal(made.events.at(-1)?.status_code, 'proxy-untrusted');
    await new Promise((resolve) => made.session.once('close', resolve));
  });

  it('has one method, and one type', async () => {
    const made = await envoy();
    const cookie = made.signIn();
    const calls = [
      { path: '/envoy.service.auth.v2.Authorization/Check' },
      { path: '/' },
      { type: 'text/plain' },
      { type: '' },
    ];
    for (const options of calls) {
      assert.deepEqual(await made.call(question(cookie), options), { grpcStatus: '12', text: '' });
    }
  });

  it('may give up at any moment', async () => {
    const made = await envoy();
    const body = question(made.signIn());
    for (let i = 0; i < 200; i++) {
      const stream = made.session.request({
        ':method': 'POST',
        ':path': i % 2 === 0 ? '/envoy.service.auth.v3.Authorization/Check' : '/other',
        'content-type': 'application/grpc',
      });
      stream.on('error', () => undefined);
      if (i % 3 > 0) stream.end(body);
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match((await made.call(body)).text, YES);
  });
});
