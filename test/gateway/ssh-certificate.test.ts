import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { systemClock } from '#base';
import { sshAuthority as authorityOf } from '#identity';
import { until } from './wire.ts';
import { BOB, type World, world, type WorldOptions } from './world.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHDHWfZgvAfYWgTmdtjuaEHOlA6MUjsQbkOLmqUxKAr+ ada@laptop';
const PATH = '/.cordon/ssh-certificate';
const HOST = 'host.localhost';

const sshAuthority = authorityOf(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), systemClock);

async function withHost(
  options: WorldOptions['options'] = {},
  isAble = true,
): Promise<{ made: World; cookie: string }> {
  const made = await world({ options: { ...(isAble ? { sshAuthority } : {}), ...options } });
  made.put('app', {
    id: 'app_host',
    name: 'Host',
    host: HOST,
    upstream: 'tcp://127.0.0.1:22',
    tier: 3,
    device: 'any',
    allowedOrigins: [],
    ssh: { principals: ['ops', 'deploy'], lifetimeSeconds: 120 },
  });
  return { made, cookie: made.signIn({ host: HOST }) };
}

describe('an SSH certificate', () => {
  it('is given to whoever may enter, for the names of the app, and is on record', async () => {
    const { made, cookie } = await withHost();
    const { status, body } = await made.ask({ method: 'POST', host: HOST, path: PATH, cookie, body: `${KEY}\n` });
    assert.equal(status, 200, body);
    const { certificate, principals, host, expiresAt } = JSON.parse(body);
    assert.deepEqual([principals, host], [['ops', 'deploy'], HOST]);
    assert.ok(Math.abs(expiresAt - systemClock.now() - 120_000) < 5000);
    const [type, base64] = certificate.split(' ');
    assert.equal(type, 'ssh-ed25519-cert-v01@openssh.com');
    const bytes = Buffer.from(base64, 'base64').toString('latin1');
    const [session] = made.graph.all('session');
    const issued = made.events.find(({ message }) => message.includes('got an SSH certificate'));
    assert.ok(bytes.includes(`ada@example.org ${session?.id} ${issued?.metadata.correlation_uid}`));
    assert.ok(bytes.includes('permit-pty') && !bytes.includes('permit-port-forwarding'));
    assert.equal(issued?.class_uid, 3004);
    assert.deepEqual(
      made.events.map(({ message }) => message.split(' ').slice(0, 3).join(' ')),
      ['ada@example.org permitted POST', 'ada@example.org got an'],
    );
  });

  const refused: Record<string, (w: { made: World; cookie: string }) => Promise<[status: number, code: string]>> = {
    'whoever is not signed in': async ({ made }) => await answered(made, {}),
    'whoever may not enter': async ({ made }) =>
      await answered(made, { cookie: made.signIn({ host: HOST, user: BOB.id }) }),
    'a page of another site': async ({ made, cookie }) =>
      await answered(made, { cookie, headers: { origin: 'https://evil.example' } }),
    'no key': async ({ made, cookie }) => await answered(made, { cookie, body: '' }),
    'a weak key': async ({ made, cookie }) => await answered(made, { cookie, body: 'ssh-dss AAAA' }),
    'a body without an end': async ({ made, cookie }) => await answered(made, { cookie, body: KEY.repeat(200) }),
    'an app that is no host': async ({ made }) =>
      await answered(made, { host: 'wiki.localhost', cookie: made.signIn() }),
    'a GET': async ({ made, cookie }) => await answered(made, { cookie, method: 'GET' }),
  };
  const expected: Record<keyof typeof refused, [number, string]> = {
    'whoever is not signed in': [401, 'not-authenticated'],
    'whoever may not enter': [403, 'no-permit'],
    'a page of another site': [403, 'origin-refused'],
    'no key': [400, 'ssh-key-refused'],
    'a weak key': [400, 'ssh-key-refused'],
    'a body without an end': [413, 'ssh-key-refused'],
    'an app that is no host': [404, 'app-unknown'],
    'a GET': [405, 'request-malformed'],
  };
  for (const [name, ask] of Object.entries(refused)) {
    it(`is not given to ${name}`, async () => {
      const setting = await withHost();
      assert.deepEqual(await ask(setting), expected[name]);
      assert.ok(!setting.made.events.some(({ message }) => message.includes('SSH certificate')));
    });
  }

  it('is not given when it cannot be put on record, whatever the tier', async () => {
    const { made, cookie } = await withHost();
    made.isWritable = false;
    assert.deepEqual(await answered(made, { cookie }), [503, 'cannot-record']);
  });

  it('is not given to whoever was cut off while it was put on record', async () => {
    const gate = Promise.withResolvers<void>();
    const messages: string[] = [];
    const journal = {
      writable: true,
      append: async ({ message }: { message: string }): Promise<void> => {
        messages.push(message);
        if (message.includes('SSH certificate')) await gate.promise;
      },
    };
    const { made, cookie } = await withHost({ journal });
    const asked = answered(made, { cookie });
    await until(() => messages.some((message) => message.includes('SSH certificate')), 'the record');
    made.remove('session', [...made.graph.all('session')][0]?.id ?? '');
    gate.resolve();
    assert.deepEqual(await asked, [401, 'session-revoked']);
  });

  it('ends with the session, and with the token, when that is sooner than the app would let it', async () => {
    const { made } = await withHost({}, true);
    const now = made.clock.now();
    const expiryFor = async (cookie: string): Promise<unknown> => {
      const { status, body } = await made.ask({ method: 'POST', host: HOST, path: PATH, cookie, body: KEY });
      const { expiresAt, code } = JSON.parse(body);
      return status === 200 ? Math.ceil((expiresAt - systemClock.now()) / 1000) : code;
    };
    const ending = (ms: number): string => made.signIn({ host: HOST, session: { expiresAt: now + ms } });
    assert.deepEqual(await Promise.all([200_000, 40_900, 900].map(async (ms) => await expiryFor(ending(ms)))), [
      120,
      40,
      'session-expired',
    ]);
    const cookie = ending(100_000);
    const appSession = [...made.graph.all('appSession')].at(-1);
    made.patch('appSession', appSession?.id ?? '', { expiresAt: now + 30_500 });
    assert.equal(await expiryFor(cookie), 30);
  });

  it('comes from an authority whose key everybody may read', async () => {
    const { made } = await withHost();
    const { status, body } = await made.ask({ host: HOST, path: '/.cordon/ssh-ca.pub' });
    assert.deepEqual([status, body], [200, `${sshAuthority.publicKey}\n`]);
  });

  it('is given by nobody where there is no authority', async () => {
    const { made, cookie } = await withHost({}, false);
    assert.deepEqual(await answered(made, { cookie }), [404, 'app-unknown']);
    assert.equal((await made.ask({ host: HOST, path: '/.cordon/ssh-ca.pub' })).status, 404);
  });
});

async function answered(made: World, asking: Parameters<World['ask']>[0]): Promise<[number, string]> {
  const { status, body } = await made.ask({
    method: 'POST',
    host: HOST,
    path: PATH,
    ...(asking?.method === 'GET' ? {} : { body: KEY }),
    ...asking,
  });
  return [status, JSON.parse(body).code];
}
