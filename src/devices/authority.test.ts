import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { type ManualClock, manualClock } from '#base';
import { type Authority, createAuthority } from '#devices';
import { openStore, type Store } from '#store';
import { codeOf, must } from './testdata/devices-bench.ts';
import { type Handshakes, openHandshakes } from './testdata/handshakes.ts';
import { csrOf, type HostKey, hostKeyOf, newHostKey } from './testdata/host-key.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** The leaf of a chain. */
function leafOf(chain: string): X509Certificate {
  return new X509Certificate(chain);
}

async function open(): Promise<{ authority: Authority; store: Store; clock: ManualClock }> {
  const clock = manualClock(Math.floor(Date.now() / 1000) * 1000);
  const store = await openStore({ path: ':memory:', clock });
  return { authority: await createAuthority({ store, clock }), store, clock };
}

describe('the authority', () => {
  it('makes its root once, and keeps the key where no replica sees it', async () => {
    const { authority, store, clock } = await open();
    const again = await createAuthority({ store, clock });
    assert.equal(again.certificate, authority.certificate);
    const seen = JSON.stringify([await store.snapshot(), await store.changesAfter(0)]);
    assert.ok(seen.includes('device-authority') && !seen.includes('privateKey'));
  });

  it('has a root that signs nothing but leaves, for ten years', async () => {
    const { authority, clock } = await open();
    const root = leafOf(authority.certificate);
    const parsed = new x509.X509Certificate(authority.certificate);
    assert.ok(root.ca && root.verify(root.publicKey));
    const constraints = parsed.getExtension(x509.BasicConstraintsExtension);
    assert.deepEqual([constraints?.ca, constraints?.pathLength, constraints?.critical], [true, 0, true]);
    const usages = parsed.getExtension(x509.KeyUsagesExtension)?.usages;
    assert.equal(usages, x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign);
    assert.equal(root.validToDate.getTime(), clock.now() + 10 * YEAR);
    assert.equal(authority.fingerprint, createHash('sha256').update(root.raw).digest('hex'));
  });

  it('does not open when its root has expired', async () => {
    const { store, clock } = await open();
    clock.advance(10 * YEAR);
    await assert.rejects(createAuthority({ store, clock }), { code: 'authority-expired' });
  });
});

describe('a device certificate', () => {
  it('certifies the key of the request for client authentication, for a day', async () => {
    const { authority, clock } = await open();
    const key = await newHostKey();
    const issued = must(await authority.issueDevice({ deviceId: 'dev_1', csr: await csrOf(key) }));
    const leaf = leafOf(issued.certificate);
    assert.ok(leaf.checkIssued(leafOf(authority.certificate)));
    assert.ok(leaf.verify(leafOf(authority.certificate).publicKey));
    assert.ok(leaf.checkPrivateKey(key.key));
    assert.deepEqual([leaf.ca, leaf.subject, leaf.subjectAltName], [false, 'CN=dev_1', 'URI:urn:cordon:device:dev_1']);
    assert.deepEqual(leaf.keyUsage, [CLIENT_AUTH]);
    assert.deepEqual([issued.notBefore, issued.notAfter], [clock.now() - 300_000, clock.now() + 24 * HOUR]);
    assert.deepEqual([leaf.validFromDate.getTime(), leaf.validToDate.getTime()], [issued.notBefore, issued.notAfter]);
    assert.ok(issued.certificate.endsWith(authority.certificate));
  });

  it('has the thumbprints of RFC 8705 and RFC 7638', async () => {
    const { authority } = await open();
    const key = await newHostKey();
    const issued = must(await authority.issueDevice({ deviceId: 'dev_1', csr: await csrOf(key) }));
    const der = leafOf(issued.certificate).raw;
    assert.equal(issued.thumbprint, createHash('sha256').update(der).digest('base64url'));
    assert.equal(issued.keyThumbprint, await calculateJwkThumbprint(await exportJWK(createPublicKey(key.key))));
  });

  it('takes no name, constraint or usage from the request', async () => {
    const { authority } = await open();
    const csr = await csrOf(await newHostKey(), {
      name: 'CN=console.localhost,O=admins',
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'console.localhost' }]),
        new x509.BasicConstraintsExtension(true, 5, true),
        new x509.ExtendedKeyUsageExtension([SERVER_AUTH], true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    const leaf = leafOf(must(await authority.issueDevice({ deviceId: 'dev_1', csr })).certificate);
    assert.deepEqual([leaf.ca, leaf.subject, leaf.subjectAltName], [false, 'CN=dev_1', 'URI:urn:cordon:device:dev_1']);
    assert.deepEqual(leaf.keyUsage, [CLIENT_AUTH]);
    assert.equal(leaf.checkHost('console.localhost'), undefined);
  });

  it('never outlives the root', async () => {
    const { authority, clock } = await open();
    clock.advance(10 * YEAR - HOUR);
    const issued = must(await authority.issueDevice({ deviceId: 'dev_1', csr: await csrOf(await newHostKey()) }));
    assert.equal(issued.notAfter, clock.now() + HOUR);
  });
});

describe('a server certificate', () => {
  it('is for the given names and addresses and nothing else', async () => {
    const { authority } = await open();
    const issued = await authority.issueServer(['agent.localhost', '127.0.0.1', '::1']);
    const leaf = leafOf(issued.certificate);
    assert.equal(leaf.checkHost('agent.localhost'), 'agent.localhost');
    assert.equal(leaf.checkHost('other.localhost'), undefined);
    assert.deepEqual([leaf.checkIP('127.0.0.1'), leaf.checkIP('10.0.0.1')], ['127.0.0.1', undefined]);
    assert.ok(leaf.checkIP('::1') !== undefined);
    assert.deepEqual([leaf.keyUsage, leaf.ca], [[SERVER_AUTH], false]);
    assert.equal(leaf.validToDate.getTime(), issued.notAfter);
  });

  it('is not made for nobody', async () => {
    const { authority } = await open();
    await assert.rejects(authority.issueServer([]), TypeError);
  });
});

async function keyPair(algorithm: webcrypto.AlgorithmIdentifier | object): Promise<HostKey> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
  const pair = await webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, usages);
  return await hostKeyOf(pair);
}

/** DER of a PEM, and back. */
const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const pemOf = (der: Uint8Array, label = 'CERTIFICATE REQUEST'): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;

describe('a certificate request', () => {
  let authority: Authority;
  let good = '';
  before(async () => {
    ({ authority } = await open());
    good = await csrOf(await newHostKey());
  });
  const attempt = async (csr: string): Promise<string> =>
    codeOf(await authority.issueDevice({ deviceId: 'dev_1', csr }));

  it('is accepted as the tools write it', async () => {
    assert.equal(await attempt(good), 'ok');
    assert.equal(await attempt(good.replaceAll('\n', '\r\n')), 'ok');
    assert.equal(await attempt(`${good}\n\n`), 'ok');
  });

  const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
  const ES256 = { name: 'ECDSA', hash: 'SHA-256' };
  const refused: Record<string, () => Promise<string> | string> = {
    nothing: () => '',
    text: () => 'let me in',
    DER: () => derOf(good).toString('latin1'),
    'base64 without its frame': () => derOf(good).toString('base64'),
    hexadecimal: () => derOf(good).toString('hex'),
    'another label': () => pemOf(derOf(good), 'CERTIFICATE'),
    'the old label': () => pemOf(derOf(good), 'NEW CERTIFICATE REQUEST'),
    'two requests': () => `${good}\n${good}`,
    'something before it': () => `x\n${good}`,
    'something behind it': () => `${good}\nx`,
    'an empty frame': () => pemOf(Buffer.alloc(0)),
    'half of one': () => pemOf(derOf(good).subarray(0, 100)),
    'a certificate in the frame': () => pemOf(derOf(authority.certificate)),
    'a public key in the frame': () =>
      pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })),
    'more than it can be': () => pemOf(Buffer.alloc(20_000, 0x30)),
    'P-384': async () =>
      await csrOf(await keyPair({ name: 'ECDSA', namedCurve: 'P-384' }), {
        signingAlgorithm: { name: 'ECDSA', hash: 'SHA-384' },
      }),
    'P-384 behind a signature of the right kind': async () =>
      await csrOf(await keyPair({ name: 'ECDSA', namedCurve: 'P-384' }), { signingAlgorithm: ES256 }),
    'P-521 behind a signature of the right kind': async () =>
      await csrOf(await keyPair({ name: 'ECDSA', namedCurve: 'P-521' }), { signingAlgorithm: ES256 }),
    RSA: async () => {
      const rsa = {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      };
      return await csrOf(await keyPair(rsa), { signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5' } });
    },
    Ed25519: async () => await csrOf(await keyPair({ name: 'Ed25519' }), { signingAlgorithm: { name: 'Ed25519' } }),
    'SHA-1': async () => await csrOf(await keyPair(P256), { signingAlgorithm: { name: 'ECDSA', hash: 'SHA-1' } }),
    'SHA-512': async () => await csrOf(await keyPair(P256), { signingAlgorithm: { name: 'ECDSA', hash: 'SHA-512' } }),
    'the key of somebody else': async () => {
      // What a thief of a public key would try: their own signature around the victim's key.
      const [thief, victim] = [await newHostKey(), await newHostKey()];
      const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', victim.pair.publicKey));
      const own = Buffer.from(await webcrypto.subtle.exportKey('spki', thief.pair.publicKey));
      const der = derOf(await csrOf(thief));
      const at = der.indexOf(own);
      assert.ok(at > 0);
      spki.copy(der, at);
      return pemOf(der);
    },
    'a signature that was changed': () => {
      const der = derOf(good);
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      return pemOf(der);
    },
    'a name that was changed': () => {
      const der = derOf(good);
      const at = der.indexOf('web-1');
      assert.ok(at > 0);
      der.write('web-2', at);
      return pemOf(der);
    },
  };
  for (const [what, make] of Object.entries(refused)) {
    it(`is refused when it is ${what}`, async () => assert.equal(await attempt(await make()), 'csr-invalid'));
  }

  it('never makes a certificate for another key, whichever bytes are changed', async () => {
    const der = derOf(good);
    const { keyThumbprint } = must(await authority.issueDevice({ deviceId: 'dev_1', csr: good }));
    const flips = fc.array(fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const changed = Buffer.from(der);
        for (const [at, bits] of changes) changed[at] = (changed[at] ?? 0) ^ bits;
        const outcome = await authority.issueDevice({ deviceId: 'dev_1', csr: pemOf(changed) });
        // Outside of what is signed some bytes mean nothing; the proof is of the same key then.
        assert.ok(outcome.ok ? outcome.value.keyThumbprint === keyThumbprint : outcome.error.code === 'csr-invalid');
      }),
      { numRuns: 300 },
    );
  });

  it('is refused when it is made of chance', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        assert.equal(await attempt(pemOf(bytes)), 'csr-invalid');
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 400 }), async (text) => {
        assert.equal(await attempt(text), 'csr-invalid');
      }),
    );
  });
});

describe('over TLS', () => {
  let authority: Authority;
  let handshakes: Handshakes;
  let key: HostKey;
  let device = '';
  before(async () => {
    ({ authority } = await open());
    handshakes = await openHandshakes(authority);
    key = await newHostKey();
    device = must(await authority.issueDevice({ deviceId: 'dev_1', csr: await csrOf(key) })).certificate;
  });
  after(async () => await handshakes.close());

  it('a device is authorized, and the client has verified the server by the root alone', async () => {
    const { server, client } = await handshakes.connect({ certificate: device, pem: key.pem });
    assert.deepEqual([server.authorized, client.authorized], [true, true]);
    assert.equal(server.getPeerX509Certificate()?.subject, 'CN=dev_1');
    assert.equal(server.getProtocol(), 'TLSv1.3');
  });

  it('a client without a certificate is not authorized', async () => {
    assert.equal((await handshakes.connect()).server.authorized, false);
  });

  it('a device of another authority is not authorized', async () => {
    const other = (await open()).authority;
    const { certificate } = must(await other.issueDevice({ deviceId: 'dev_1', csr: await csrOf(key) }));
    const { server } = await handshakes.connect({ certificate, pem: key.pem });
    assert.equal(server.authorized, false);
  });

  it('a server certificate is no client', async () => {
    const issued = await authority.issueServer(['agent.localhost']);
    const { server } = await handshakes.connect({ certificate: issued.certificate, pem: issued.key });
    assert.deepEqual([server.authorized, String(server.authorizationError)], [false, 'INVALID_PURPOSE']);
  });

  it('what a device has signed is nothing', async () => {
    const forged = await x509.X509CertificateGenerator.create({
      subject: 'CN=dev_2',
      issuer: 'CN=dev_1',
      notBefore: new Date(Date.now() - HOUR),
      notAfter: new Date(Date.now() + HOUR),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      publicKey: key.pair.publicKey,
      signingKey: key.pair.privateKey,
      extensions: [new x509.ExtendedKeyUsageExtension([CLIENT_AUTH], true)],
    });
    const { server } = await handshakes.connect({ certificate: `${forged.toString('pem')}\n${device}`, pem: key.pem });
    assert.equal(server.authorized, false);
  });

  it('a device certificate is no server', async () => {
    const listener = createServer({ cert: device, key: key.pem });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const refusal = await new Promise<NodeJS.ErrnoException>((resolve, reject) => {
      const client = connect({
        host: '127.0.0.1',
        port,
        ca: authority.certificate,
        checkServerIdentity: () => undefined,
      });
      client.on('error', resolve).on('secureConnect', () => reject(new Error('the client took it for a server')));
    });
    assert.equal(refusal.code, 'INVALID_PURPOSE');
    await new Promise((resolve) => listener.close(resolve));
  });
});
