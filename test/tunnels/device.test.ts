// `cordon connect` on an enrolled computer, over TLS: the certificate that the agent keeps says which device it is.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import * as x509 from '@peculiar/x509';
import { systemClock } from '#base';
import { type Authority, createAuthority, createDeviceLookup } from '#devices';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import type { App, Device } from '#model';
import { openStore } from '#store';
import { type TcpApp, tcpApp } from '../gateway/tunnel-client.ts';
import { until } from '../gateway/wire.ts';
import { LAPTOP, type World, world } from '../gateway/world.ts';
import { ada, type Person, type Running, testFolder } from './person.ts';

const HOST = 'db.localhost';
const ID = 'dev_workstation';
const servers: Server[] = [];
const apps: TcpApp[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function newAuthority(): Promise<Authority> {
  const store = await openStore({ path: ':memory:', clock: systemClock });
  const authority = await createAuthority({ store, clock: systemClock });
  await store.close();
  return authority;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

interface Key {
  readonly pem: string;
  readonly csr: string;
}

/** A key as an agent makes it, PEM, and the request to certify it. */
async function newKey(): Promise<Key> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=workstation', keys, signingAlgorithm });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { pem: String(key.export({ type: 'pkcs8', format: 'pem' })), csr: csr.toString('pem') };
}

/** The state directory of an agent with a new key that the authority has certified, and the thumbprint of the certificate. */
async function enrolled(
  authority: Authority,
  directory: string = join(testFolder(), 'agent'),
  known?: Key,
): Promise<{ directory: string; key: Key; thumbprint: string; keyThumbprint: string }> {
  const key = known ?? (await newKey());
  const { pem, csr } = key;
  const issued = await authority.issueDevice({ deviceId: ID, csr });
  assert.ok(issued.ok);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'key.pem'), pem, { mode: 0o600 });
  writeFileSync(join(directory, 'certificate.pem'), issued.value.certificate, { mode: 0o600 });
  const { thumbprint, keyThumbprint } = issued.value;
  return { directory, key, thumbprint, keyThumbprint };
}

/** A posture of now with a check that fails. */
function unhealthy(): typeof LAPTOP.posture {
  const results = LAPTOP.posture.results.map((result) => ({ ...result, outcome: 'fail' as const }));
  return { collectedAt: systemClock.now(), verdict: 'unhealthy', results };
}

interface Setting {
  readonly made: World;
  readonly authority: Authority;
  readonly directory: string;
  /** The key that the workstation was enrolled with. */
  readonly key: Key;
  /** By how much the clock that certificates are read by is ahead, milliseconds. */
  readonly late: { ms: number };
  /** Ada, whose commands show that directory's certificate. */
  readonly person: Person;
  /** Ada at a computer that is not enrolled. */
  readonly plain: Person;
  /** Ada, whose commands show another certificate. */
  showing(device: Parameters<typeof ada>[2]): Person;
}

/** A TCP app that asks for more of a device, behind TLS; Ada's computer is enrolled and healthy, her browser's is neither. */
async function setting(demand: Partial<App>): Promise<Setting> {
  const authority = await newAuthority();
  const lookup: { of?: ReturnType<typeof createDeviceLookup> } = {};
  const made = await world({ clock: systemClock, options: { deviceOf: (...asked) => lookup.of?.(...asked) } });
  const late = { ms: 0 };
  const clock = { ...systemClock, now: () => systemClock.now() + late.ms };
  lookup.of = createDeviceLookup({ graph: made.graph, clock, authority: authority.certificate });
  apps.push(await tcpApp(made));
  made.patch('app', 'app_db', demand);
  made.patch('device', LAPTOP.id, { posture: unhealthy() });
  const { directory, key: enrolledKey, thumbprint, keyThumbprint } = await enrolled(authority);
  const { posture, ...laptop } = LAPTOP;
  const workstation: Device = {
    ...{ ...laptop, id: ID, name: 'Workstation of Ada' },
    ...{ certificateThumbprint: thumbprint, keyThumbprint },
  };
  made.put('device', { ...workstation, posture: { ...posture, collectedAt: systemClock.now() } });
  const { certificate: cert, key } = await authority.issueServer([HOST, 'id.localhost']);
  const options = { cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
  const server = createServer({ ...SERVER_OPTIONS, ...options }, made.gateway.handle);
  server.on('upgrade', made.gateway.upgrade);
  hardenServer(server);
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const origin = `https://id.localhost:${(server.address() as AddressInfo).port}`;
  const login = { origin, ca: authority.certificate };
  const showing: Setting['showing'] = (device) => ada(made, [HOST], { ...login, ...device });
  return {
    made,
    authority,
    directory,
    key: enrolledKey,
    late,
    person: showing({ device: directory }),
    plain: showing({}),
    showing,
  };
}

/** Sends a line through a tunnel that stays open. */
async function through(person: Person): Promise<Running> {
  const running = person.cordon('connect', 'db', '--stdio');
  running.child.stdin?.write('through');
  await until(() => running.out() === 'through' || running.child.exitCode !== null, 'the echo');
  assert.equal(running.out(), 'through', running.err());
  return running;
}

async function refused(person: Person): Promise<string> {
  const running = person.cordon('connect', 'db', '--stdio');
  assert.equal(await running.ended, 1, running.err());
  return running.err();
}

const DEMANDS: Readonly<Record<string, { demand: Partial<App>; code: string }>> = {
  'device: healthy': { demand: { device: 'healthy' }, code: 'device-unhealthy' },
  'client_certificate: required': { demand: { clientCertificate: 'required' }, code: 'certificate-required' },
};

for (const [name, { demand, code }] of Object.entries(DEMANDS)) {
  describe(`cordon connect to an app with \`${name}\``, () => {
    it('is let in by the certificate of an enrolled device, and counts as that device', async () => {
      const { made, person } = await setting(demand);
      await through(person);
      assert.equal(made.gateway.connections()[0]?.deviceId, ID);
      const [permit] = made.events;
      assert.deepEqual(permit?.device, { uid: ID, name: 'Workstation of Ada' });
    });

    it('is refused without, and told how to show one', async () => {
      const { made, plain } = await setting(demand);
      const err = await refused(plain);
      assert.match(err, new RegExp(`\\(${code}\\)`));
      assert.match(err, /hint: this command shows no device certificate: .*`cordon agent enrol`.*--device/);
      assert.equal(made.gateway.connections().length, 0);
    });

    it('is refused with the certificate of another authority', async () => {
      const { showing } = await setting(demand);
      const other = await enrolled(await newAuthority());
      assert.match(await refused(showing({ device: other.directory })), new RegExp(`\\(${code}\\)`));
    });

    it('is refused with a certificate that another has replaced, and let in with the one that the agent renewed', async () => {
      const { made, authority, directory, person } = await setting(demand);
      const { thumbprint } = await enrolled(authority, join(testFolder(), 'next'));
      made.patch('device', ID, { certificateThumbprint: thumbprint });
      assert.match(await refused(person), new RegExp(`\\(${code}\\)`));
      const renewed = await enrolled(authority, directory);
      made.patch('device', ID, { certificateThumbprint: renewed.thumbprint });
      await through(person);
    });

    it('is cut off within a second when a certificate for another key takes the place of the one that was shown', async () => {
      const { made, authority, directory, person } = await setting(demand);
      const running = await through(person);
      const start = performance.now();
      const { thumbprint, keyThumbprint } = await enrolled(authority, directory);
      const before = performance.now() - start;
      made.patch('device', ID, { certificateThumbprint: thumbprint, keyThumbprint });
      assert.equal(await running.ended, 1);
      assert.ok(performance.now() - start - before < 1000);
      assert.match(running.err(), /cut off: device-unknown: .*certificate that was shown has ended/);
      await through(person);
    });

    it('goes on when the agent renews for the same key, until the certificate that was shown ends', async () => {
      const { made, authority, directory, key, late, person } = await setting(demand);
      const running = await through(person);
      const { thumbprint } = await enrolled(authority, directory, key);
      made.patch('device', ID, { certificateThumbprint: thumbprint });
      made.gateway.sweep();
      assert.equal(made.gateway.connections().length, 1);
      late.ms = 25 * 3_600_000;
      made.gateway.sweep();
      assert.equal(await running.ended, 1);
    });

    it('is cut off when the certificate that was shown ends', async () => {
      const { made, person, late } = await setting(demand);
      const running = await through(person);
      late.ms = 25 * 3_600_000;
      made.gateway.sweep();
      assert.equal(await running.ended, 1);
      assert.match(running.err(), /cut off: device-unknown: .*certificate that was shown has ended/);
    });

    it('is cut off within a second when the device is revoked', async () => {
      const { made, person } = await setting(demand);
      const running = await through(person);
      const start = performance.now();
      made.patch('device', ID, { status: 'revoked' });
      assert.equal(await running.ended, 1);
      assert.ok(performance.now() - start < 1000);
      assert.match(running.err(), /cut off: /);
      assert.match(await refused(person), new RegExp(`\\(${code}\\)`));
    });
  });
}

describe('cordon connect from a device that was healthy', () => {
  it('is cut off when it is not any more, whatever the browser is', async () => {
    const { made, person } = await setting({ device: 'healthy' });
    const running = await through(person);
    made.patch('device', LAPTOP.id, { posture: { ...LAPTOP.posture, collectedAt: systemClock.now() } });
    made.patch('device', ID, { posture: unhealthy() });
    assert.equal(await running.ended, 1);
    assert.match(running.err(), /cut off: device-unhealthy: /);
  });
});

describe('the certificate of a device', () => {
  /** What the command says when the directory is made unusable so. */
  async function failed(spoil: (directory: string) => void): Promise<string> {
    const { person, directory } = await setting({});
    spoil(directory);
    const running = person.cordon('connect', 'db', '--stdio');
    assert.equal(await running.ended, 2);
    return running.err();
  }

  for (const [what, spoil] of Object.entries({
    'is not there': (directory: string) => rmSync(join(directory, 'certificate.pem')),
    'is no certificate': (directory: string) => writeFileSync(join(directory, 'certificate.pem'), 'nothing'),
    'has no key that can be read': (directory: string) => writeFileSync(join(directory, 'key.pem'), 'nothing'),
  })) {
    it(`that ${what} is named before anything is sent`, async () => {
      assert.match(await failed(spoil), /error: .*device-certificate-unreadable[\s\S]*hint: .*cordon agent enrol/);
    });
  }

  it('may be a copy that is the person’s own', async () => {
    const { directory, showing } = await setting({ clientCertificate: 'required' });
    const person = showing({ certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') });
    await through(person);
    chmodSync(join(directory, 'key.pem'), 0o640);
    const running = person.cordon('connect', 'db', '--stdio');
    assert.equal(await running.ended, 2);
    assert.match(running.err(), /key\.pem` may be read by others.*device-certificate-unreadable/);
  });

  it('that is for another key is named before anything is sent', async () => {
    const other = await newKey();
    const err = await failed((directory) => writeFileSync(join(directory, 'key.pem'), other.pem));
    assert.match(err, /is for another key.*device-certificate-unreadable/);
  });
});
