import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { type Authority, createAuthority } from '#devices';
import { openStore } from '#store';
import { codeOf, type DevicesBench, type Host, must, openDevicesBench } from './testdata/devices-bench.ts';
import { type Handshakes, openHandshakes, type Presented } from './testdata/handshakes.ts';
import { csrOf } from './testdata/host-key.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const presentedBy = ({ identity, key }: Host): Presented => ({ certificate: identity.certificate, pem: key.pem });

describe('the device behind a connection', () => {
  let bench: DevicesBench;
  let handshakes: Handshakes;
  before(async () => {
    bench = await openDevicesBench();
    handshakes = await openHandshakes(bench.authority);
  });
  after(async () => await handshakes.close());

  const connect = async (presented?: Presented): Promise<TLSSocket> => (await handshakes.connect(presented)).server;
  /** What the connection is good for: as a device, and for renewing. */
  const worth = (socket: Socket): readonly [string | undefined, string] => [
    bench.devices.deviceOf(socket)?.id,
    codeOf(bench.devices.renewerOf(socket)),
  ];

  it('is the one whose newest certificate the client has proven', async () => {
    const host = await bench.enrol();
    assert.deepEqual(worth(await connect(presentedBy(host))), [host.identity.deviceId, 'ok']);
  });

  it('is nobody without TLS, and nobody without a certificate', async () => {
    assert.deepEqual(worth(new Socket()), [undefined, 'device-unknown']);
    assert.deepEqual(worth(await connect()), [undefined, 'device-unknown']);
  });

  it('is nobody when a session without a certificate is resumed', async () => {
    const { server } = await handshakes.resume();
    assert.deepEqual(worth(server), [undefined, 'device-unknown']);
  });

  it('is still known when a session with its certificate is resumed, until it is revoked', async () => {
    const host = await bench.enrol();
    const { server } = await handshakes.resume(presentedBy(host));
    assert.deepEqual(worth(server), [host.identity.deviceId, 'ok']);
    must(await bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'lost' }));
    assert.deepEqual(worth(server), [undefined, 'device-revoked']);
  });

  it('is nobody when another authority has signed for the same key and name', async () => {
    const host = await bench.enrol();
    const store = await openStore({ path: ':memory:', clock: bench.clock });
    const other: Authority = await createAuthority({ store, clock: bench.clock });
    const { deviceId } = host.identity;
    const { certificate } = must(await other.issueDevice({ deviceId, csr: await csrOf(host.key) }));
    assert.deepEqual(worth(await connect({ certificate, pem: host.key.pem })), [undefined, 'device-unknown']);
  });

  it('is nobody when the host has signed for itself', async () => {
    const host = await bench.enrol();
    const forged = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Cordon device authority,O=Cordon',
      keys: host.key.pair,
      notBefore: new Date(bench.clock.now() - HOUR),
      notAfter: new Date(bench.clock.now() + HOUR),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'url', value: `urn:cordon:device:${host.identity.deviceId}` },
        ]),
      ],
    });
    const presented = { certificate: forged.toString('pem'), pem: host.key.pem };
    assert.deepEqual(worth(await connect(presented)), [undefined, 'device-unknown']);
  });

  it('is nobody with a key of a kind no device has', async () => {
    const pair = generateKeyPairSync('ed25519');
    const keys = {
      publicKey: await webcrypto.subtle.importKey(
        'spki',
        pair.publicKey.export({ type: 'spki', format: 'der' }),
        { name: 'Ed25519' },
        true,
        ['verify'],
      ),
      privateKey: await webcrypto.subtle.importKey(
        'pkcs8',
        pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
        { name: 'Ed25519' },
        true,
        ['sign'],
      ),
    };
    const forged = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Cordon device authority,O=Cordon',
      keys,
      notBefore: new Date(bench.clock.now() - HOUR),
      notAfter: new Date(bench.clock.now() + HOUR),
      signingAlgorithm: { name: 'Ed25519' },
    });
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.deepEqual(worth(await connect({ certificate: forged.toString('pem'), pem })), [undefined, 'device-unknown']);
  });

  it('is nobody with a certificate of the server itself', async () => {
    const { certificate, key } = await bench.authority.issueServer(['agent.localhost']);
    assert.deepEqual(worth(await connect({ certificate, pem: key })), [undefined, 'device-unknown']);
  });

  it('is nobody when the certificate was issued but never became the newest', async () => {
    const host = await bench.enrol();
    const { deviceId } = host.identity;
    const stray = must(await bench.authority.issueDevice({ deviceId, csr: await csrOf(host.key) }));
    assert.deepEqual(worth(await connect({ certificate: stray.certificate, pem: host.key.pem })), [undefined, 'ok']);
  });

  it('is nobody who may renew when the certificate is for another key than the device has', async () => {
    const host = await bench.enrol();
    const socket = await connect(presentedBy(host));
    const other = bench.deviceOf(await bench.enrol()).keyThumbprint ?? '';
    await bench.store.transact('system', async (tx) => {
      await tx.put('device', { ...bench.deviceOf(host), keyThumbprint: other });
    });
    assert.equal(codeOf(bench.devices.renewerOf(socket)), 'device-unknown');
  });

  it('may only renew with a certificate that was replaced, as often as the answer is lost', async () => {
    const host = await bench.enrol();
    const old = await connect(presentedBy(host));
    const renew = async (): Promise<string> => {
      const renewer = must(bench.devices.renewerOf(old));
      return must(await bench.devices.renew(renewer, { wire: 1, csr: await csrOf(host.key) })).certificate;
    };
    await renew();
    assert.deepEqual(worth(old), [undefined, 'ok']);
    await renew();
    assert.deepEqual(worth(old), [undefined, 'ok']);
    const newest = await connect({ certificate: await renew(), pem: host.key.pem });
    assert.deepEqual(worth(newest), [host.identity.deviceId, 'ok']);
  });

  it('is nobody from the moment it is revoked, with any certificate, on connections that are open', async () => {
    const host = await bench.enrol();
    const socket = await connect(presentedBy(host));
    must(await bench.devices.revoke({ deviceId: host.identity.deviceId, by: 'user:ada', reason: 'lost' }));
    assert.deepEqual(worth(socket), [undefined, 'device-revoked']);
    assert.deepEqual(worth(await connect(presentedBy(host))), [undefined, 'device-revoked']);
  });

  it('is nobody on a long connection whose certificate has expired; it may renew for two weeks', async () => {
    const own = await openDevicesBench();
    const listener = await openHandshakes(own.authority);
    const host = await own.enrol();
    const { server } = await listener.connect(presentedBy(host));
    const state = (): readonly [boolean, string] => [
      own.devices.deviceOf(server) !== undefined,
      codeOf(own.devices.renewerOf(server)),
    ];
    own.clock.advance(DAY - 1);
    assert.deepEqual(state(), [true, 'ok']);
    own.clock.advance(1);
    assert.deepEqual(state(), [false, 'ok']);
    own.clock.advance(14 * DAY - 1);
    assert.deepEqual(state(), [false, 'ok']);
    own.clock.advance(1);
    assert.deepEqual(state(), [false, 'certificate-outdated']);
    await listener.close();
  });

  it('is nobody while the certificate is not valid yet, or when it had expired before the handshake', async () => {
    const own = await openDevicesBench();
    const listener = await openHandshakes(own.authority);
    const future = await own.enrol();
    const { server } = await listener.connect(presentedBy(future));
    own.clock.advance(-6 * 60_000);
    assert.equal(own.devices.deviceOf(server), undefined);
    own.clock.advance(-2 * DAY);
    const past = await own.enrol();
    const expired = (await listener.connect(presentedBy(past))).server;
    assert.deepEqual([expired.authorized, String(expired.authorizationError)], [false, 'CERT_HAS_EXPIRED']);
    // Our clock says it is valid, the machine's does not: whoever is stricter is right.
    assert.equal(own.devices.deviceOf(expired), undefined);
    assert.equal(codeOf(own.devices.renewerOf(expired)), 'ok');
    await listener.close();
  });
});
