import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer, type Server } from 'node:tls';
import { CordonError, systemClock } from '#base';
import { formatEnrolmentToken } from '#wire';
import { enrol } from './enrol.ts';
import { readIdentity } from './identity.ts';
import { lockState } from './lock.ts';
import { openState } from './state.ts';
import { newKeys, type TestAuthority, testAuthority } from './testdata/authority.ts';
import { type FakeHost, fakeHost } from './testdata/fake-host.ts';
import { type TestServer, testServer } from './testdata/server.ts';

const uid = process.getuid?.() ?? 0;

describe('enrolling', () => {
  let server: TestServer;
  let folder: string;
  let host: FakeHost;
  const state = (): string => join(folder, 'agent');
  const attempt = async (
    o: { token?: string; server?: string; stateDirectory?: string } = {},
  ): ReturnType<typeof enrol> =>
    await enrol({
      stateDirectory: o.stateDirectory ?? state(),
      token: o.token ?? server.token,
      server: o.server ?? server.address,
      uid,
      host,
      clock: systemClock,
    });
  const refusal = async (o: Parameters<typeof attempt>[0] = {}): Promise<CordonError> => {
    const error: unknown = await attempt(o).then(
      () => assert.fail('it enrolled'),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof CordonError, String(error));
    return error;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-enrol-'));
    host = fakeHost();
    server = await testServer();
  });
  afterEach(async () => await server.stop());

  it('keeps a key that only its owner can read, the certificate for it, and the way to the server', async () => {
    const identity = await attempt();
    assert.equal(identity.deviceId, 'dev_test');
    assert.deepEqual(identity.server, { host: '127.0.0.1', port: server.port, name: 'agent.test' });
    assert.equal(identity.authority, server.authority.certificate);
    assert.equal(statSync(state()).mode & 0o777, 0o700);
    for (const name of readdirSync(state())) assert.equal(statSync(join(state(), name)).mode & 0o077, 0, name);
    assert.equal(existsSync(join(state(), 'next-key.pem')), false);
    const again = await readIdentity(await openState(state(), { create: false, uid }));
    assert.ok(createPublicKey(again.key).equals(createPublicKey(identity.key)));
  });

  it('sends the secret, a request for a P-256 key, facts and addresses; the key itself never leaves', async () => {
    await attempt();
    const [request] = server.enrolments;
    assert.equal(request?.token, server.secret);
    assert.deepEqual(request?.addresses, ['10.0.0.7']);
    assert.equal(request?.hostname, 'web-1');
    const pem = readFileSync(join(state(), 'key.pem'), 'utf8');
    const bodyOfKey = pem.replaceAll(/-----[^-]+-----|\s/g, '');
    for (let at = 0; at + 24 <= bodyOfKey.length - 124; at += 8) {
      assert.equal(server.received().includes(bodyOfKey.slice(at, at + 24)), false); // the last part is the public key
    }
    assert.doesNotMatch(server.received(), /PRIVATE/);
  });

  it('refuses what is no token before it touches anything', async () => {
    assert.equal((await refusal({ token: 'cordon1.x' })).code, 'enrolment-token-invalid');
    assert.equal(existsSync(state()), false);
  });

  for (const address of ['', 'host', 'host:0', 'host:65536', 'http://host:1', '2001:db8::1:1', 'a b:1', '[::1]']) {
    it(`refuses \`${address}\` as the address of a server`, async () => {
      assert.equal((await refusal({ server: address })).code, 'server-address-invalid');
    });
  }

  it('says what to do when nobody listens', async () => {
    await server.stop();
    const error = await refusal();
    assert.equal(error.code, 'agent-server-unreachable');
    assert.match(error.message, /127\.0\.0\.1:\d+/);
    assert.notEqual(error.hint, undefined);
    await server.restart();
  });

  it('leaves nothing that looks like an identity when the server refuses, and enrols with the next token', async () => {
    const wrong = formatEnrolmentToken({
      secret: 'W'.repeat(43),
      fingerprint: server.authority.fingerprint,
      serverName: 'agent.test',
    });
    assert.equal((await refusal({ token: wrong })).code, 'enrolment-token-invalid');
    assert.equal(existsSync(join(state(), 'identity.json')), false);
    assert.equal((await attempt()).deviceId, 'dev_test');
  });

  const unusable: readonly [string, () => Promise<object>][] = [
    [
      'another key',
      async () => {
        const csr = server.enrolments.at(-1)?.csr ?? '';
        return await server.authority.device(csr, { key: (await newKeys()).publicKey });
      },
    ],
    [
      'another authority',
      async () => {
        const other = await testAuthority();
        return { ...(await other.device(server.enrolments.at(-1)?.csr ?? '')), ca: other.certificate };
      },
    ],
    [
      'an authority that did not sign it',
      async () => await (await testAuthority()).device(server.enrolments.at(-1)?.csr ?? ''),
    ],
    ['nothing readable', async () => ({ certificate: 'pem', notBefore: 0, notAfter: 1 })],
  ];
  for (const [what, issued] of unusable) {
    it(`refuses a certificate that is for ${what}`, async () => {
      server.intercept = async (request, response, body) => {
        if (request.url !== '/v1/enrol') return false;
        server.enrolments.push(JSON.parse(body));
        const identity = { deviceId: 'dev_x', ca: server.authority.certificate, ...(await issued()) };
        response.writeHead(200).end(JSON.stringify(identity));
        return true;
      };
      assert.equal((await refusal()).code, 'identity-unusable');
      assert.equal(existsSync(join(state(), 'identity.json')), false);
    });
  }

  it('refuses to replace an identity, names it, and changes nothing', async () => {
    await attempt();
    const before = readFileSync(join(state(), 'key.pem'), 'utf8');
    const error = await refusal();
    assert.equal(error.code, 'agent-enrolled');
    assert.match(error.message, /dev_test/);
    assert.match(error.hint ?? '', /cordon devices revoke dev_test.*identity\.json/);
    assert.equal(readFileSync(join(state(), 'key.pem'), 'utf8'), before);
    assert.equal(server.enrolments.length, 1, 'the second token is not spent');
  });

  it('replaces an identity of which a part is lost, for nothing more can be lost', async () => {
    await attempt();
    writeFileSync(join(state(), 'key.pem'), 'torn');
    assert.equal((await attempt()).deviceId, 'dev_test');
    assert.equal(server.enrolments.length, 2);
  });

  it('survives a crash at every step of keeping an identity: what is there is whole, or it can enrol again', async () => {
    const files = ['key.pem', 'authority.pem', 'certificate.pem', 'identity.json'];
    await attempt();
    const kept = new Map(files.map((name) => [name, readFileSync(join(state(), name), 'utf8')]));
    for (let steps = 0; steps < files.length; steps++) {
      const crashed = join(folder, `crashed-${steps}`);
      mkdirSync(crashed, { mode: 0o700 });
      for (const name of files.slice(0, steps))
        writeFileSync(join(crashed, name), kept.get(name) ?? '', { mode: 0o600 });
      writeFileSync(join(crashed, 'next-key.pem'), kept.get('key.pem') ?? '', { mode: 0o600 });
      assert.equal((await attempt({ stateDirectory: crashed })).deviceId, 'dev_test', `after ${steps} files`);
    }
  });

  it('refuses a state directory that others may enter, that is a link, or that is a file', async () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o750);
    const error = await refusal({ stateDirectory: open });
    assert.equal(error.code, 'state-directory-unusable');
    assert.match(error.hint ?? '', /chmod 700/);
    const real = join(folder, 'real');
    mkdirSync(real, { mode: 0o700 });
    symlinkSync(real, join(folder, 'link'));
    assert.equal((await refusal({ stateDirectory: join(folder, 'link') })).code, 'state-directory-unusable');
    writeFileSync(join(folder, 'file'), '');
    assert.equal((await refusal({ stateDirectory: join(folder, 'file') })).code, 'state-directory-unusable');
    assert.equal(server.enrolments.length, 0);
  });

  it('refuses while another agent works with the state directory', async () => {
    mkdirSync(state(), { mode: 0o700 });
    const unlock = lockState(state());
    const error = await refusal();
    assert.equal(error.code, 'agent-running');
    assert.match(error.message, new RegExp(String(process.pid)));
    unlock();
    assert.equal((await attempt()).deviceId, 'dev_test');
  });
});

describe('the secret of an enrolment token', () => {
  let authority: TestAuthority;
  let other: TestAuthority;
  let folder: string;
  before(async () => {
    [authority, other] = await Promise.all([testAuthority(), testAuthority()]);
    folder = mkdtempSync(join(tmpdir(), 'cordon-secret-'));
  });

  /** A TLS server that writes down every byte it is sent. */
  async function listener(o: {
    certificate: string;
    key: string;
  }): Promise<{ server: Server; address: string; data: () => string; hellos: () => number }> {
    let data = '';
    let hellos = 0;
    const server = createServer({ cert: o.certificate, key: o.key }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => (data += String(chunk)));
    });
    server.on('connection', () => hellos++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return { server, address: `127.0.0.1:${address.port}`, data: () => data, hellos: () => hellos };
  }

  const day = 86_400_000;
  const impostors: readonly [string, () => Promise<{ certificate: string; key: string }>, number][] = [
    ['is certified by another authority', async () => await other.server('agent.test'), 1],
    ['has another name', async () => await authority.server('other.test'), 2],
    ['shows a certificate that has expired', async () => await authority.server('agent.test', { validForMs: -day }), 2],
    [
      'shows the right authority behind a certificate that is not by it',
      async () => {
        const { certificate, key } = await other.server('agent.test');
        const [leaf] = certificate.split(/(?<=-----END CERTIFICATE-----\n)/);
        return { certificate: `${leaf}${authority.certificate}`, key };
      },
      1,
    ],
    [
      'shows only its own certificate, so that the authority cannot be seen',
      async () => {
        const { certificate, key } = await authority.server('agent.test');
        return { certificate: certificate.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? '', key };
      },
      1,
    ],
  ];
  for (const [what, identity, connections] of impostors) {
    it(`is not sent to a server that ${what}`, async () => {
      const { server, address, data, hellos } = await listener(await identity());
      after(() => server.close());
      const token = formatEnrolmentToken({
        secret: 'S'.repeat(43),
        fingerprint: authority.fingerprint,
        serverName: 'agent.test',
      });
      const stateDirectory = mkdtempSync(join(folder, 'state-'));
      const error: unknown = await enrol({
        stateDirectory,
        token,
        server: address,
        uid,
        host: fakeHost(),
        clock: systemClock,
      }).then(
        () => assert.fail('it enrolled'),
        (cause: unknown) => cause,
      );
      assert.ok(error instanceof CordonError);
      assert.equal(error.code, 'agent-server-not-trusted', error.message);
      await wait(50);
      assert.ok(hellos() >= connections, 'it did connect');
      assert.equal(data(), '', 'and sent nothing');
    });
  }
});
