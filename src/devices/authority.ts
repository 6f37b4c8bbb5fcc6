import 'reflect-metadata';
import { createHash, createPublicKey, type KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { type Clock, CordonError, err, ok, type Problem, type Result } from '#base';
import type { Store } from '#store';
import { keyThumbprintOf, thumbprintOf } from './thumbprint.ts';

const HOUR = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const P256_KEY_BYTES = 91; // SubjectPublicKeyInfo of an uncompressed P-256 point
const CSR_PEM =
  /^-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\r\n]{1,8192}-----END CERTIFICATE REQUEST-----\s*$/;
/** Certificates start a little in the past, because hosts' clocks differ. */
const BACKDATE_MS = 5 * 60_000;

/** How long issued certificates are valid. */
export const CERTIFICATE_LIFETIME: { readonly deviceMs: number; readonly serverMs: number } = {
  deviceMs: 24 * HOUR,
  serverMs: 30 * 24 * HOUR,
};

/** A certificate for a device key. */
export interface DeviceCertificate {
  /** Leaf first, then the authority, PEM. */
  readonly certificate: string;
  /** SHA-256 of the leaf (DER), base64url (RFC 8705 `x5t#S256`). */
  readonly thumbprint: string;
  /** JWK thumbprint of the device key (RFC 7638). */
  readonly keyThumbprint: string;
  readonly publicKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate and key for a TLS listener. */
export interface ServerCertificate {
  /** Leaf first, then the authority, so that an enrolling agent can see and pin the authority. PEM. */
  readonly certificate: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  readonly notAfter: number;
}

/** Cordon's own certificate authority. */
export interface Authority {
  /** The root certificate, PEM. */
  readonly certificate: string;
  /** SHA-256 of the root certificate (DER), lower-case hexadecimal: what enrolment tokens pin. */
  readonly fingerprint: string;
  /**
   * Certifies the key of a CSR for client authentication. Refuses with `csr-invalid`; nothing in the CSR but its key is used. Throws
   * `authority-expired`.
   */
  issueDevice(o: { deviceId: string; csr: string }): Promise<Result<DeviceCertificate, Problem>>;
  /** Makes a key and certifies it for server authentication under host names or addresses. Throws `authority-expired`. */
  issueServer(hosts: readonly string[]): Promise<ServerCertificate>;
}

interface KeyRow {
  readonly privateKey: string;
  readonly certificate: string;
}

/** Opens the authority, creating its P-256 root key once. The key is a private row of the store and never leaves it. */
export async function createAuthority({ store, clock }: { store: Store; clock: Clock }): Promise<Authority> {
  const fresh = await newRoot(clock.now());
  const row = await store.transact('system', async (tx) => {
    const existing = await tx.getPrivate<KeyRow>('key', 'device-authority');
    if (existing === undefined) await tx.putPrivate('key', 'device-authority', fresh);
    return existing ?? fresh;
  });
  const root = new x509.X509Certificate(row.certificate);
  const der = Buffer.from(row.privateKey, 'base64');
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  refuseEnded(root, clock);
  const issuer: Issuer = { root, signingKey, clock };
  return {
    certificate: row.certificate,
    fingerprint: createHash('sha256').update(Buffer.from(root.rawData)).digest('hex'),
    issueDevice: async (o) => await issueDevice(issuer, o),
    issueServer: async (hosts) => await issueServer(issuer, hosts),
  };
}

/** An authority that has ended would only certify what everybody refuses. */
function refuseEnded({ notAfter }: x509.X509Certificate, clock: Clock): void {
  if (notAfter.getTime() > clock.now()) return;
  throw new CordonError('authority-expired', `the certificate authority expired on ${notAfter.toISOString()}`, {
    hint: 'check the clock of this machine',
  });
}

interface Issuer {
  readonly root: x509.X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  readonly clock: Clock;
}

async function newRoot(now: number): Promise<KeyRow> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Cordon device authority,O=Cordon',
    keys,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + 10 * 365 * 24 * HOUR),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { privateKey: Buffer.from(pkcs8).toString('base64'), certificate: `${root.toString('pem')}\n` };
}

async function issueDevice(
  issuer: Issuer,
  o: { deviceId: string; csr: string },
): Promise<Result<DeviceCertificate, Problem>> {
  const key = await provenKey(o.csr);
  if (!key.ok) return key;
  const publicKey = key.value;
  const leaf = await issue(issuer, {
    subject: `CN=${o.deviceId}`,
    publicKey: spkiOf(publicKey),
    lifetimeMs: CERTIFICATE_LIFETIME.deviceMs,
    usage: x509.ExtendedKeyUsage.clientAuth,
    names: [{ type: 'url', value: `urn:cordon:device:${o.deviceId}` }],
  });
  return ok({
    certificate: chainOf(leaf, issuer.root),
    thumbprint: thumbprintOf(Buffer.from(leaf.rawData)),
    keyThumbprint: keyThumbprintOf(publicKey),
    publicKey,
    notBefore: leaf.notBefore.getTime(),
    notAfter: leaf.notAfter.getTime(),
  });
}

async function issueServer(issuer: Issuer, hosts: readonly string[]): Promise<ServerCertificate> {
  if (hosts.length === 0) throw new TypeError('a server certificate needs a host name');
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const leaf = await issue(issuer, {
    subject: 'CN=Cordon',
    publicKey: keys.publicKey,
    lifetimeMs: CERTIFICATE_LIFETIME.serverMs,
    usage: x509.ExtendedKeyUsage.serverAuth,
    names: hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: chainOf(leaf, issuer.root),
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    notAfter: leaf.notAfter.getTime(),
  };
}

/** The key of a CSR whose holder has proven to have it. Any other algorithm than ECDSA on P-256 is refused. */
async function provenKey(csr: string): Promise<Result<KeyObject, Problem>> {
  const bad = (why: string): Result<never, Problem> =>
    err({
      code: 'csr-invalid',
      message: `the certificate request ${why}`,
      hint: 'install the same release of Cordon on the server and on the host',
    });
  // The parser below would take DER, hexadecimal and bare base64 as well; one encoding is enough.
  if (!CSR_PEM.test(csr)) return bad('is not PKCS#10 in PEM');
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    const spki = Buffer.from(request.publicKey.rawData);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    // The length leaves out compressed points, of which other programs would make another thumbprint.
    if (!isP256 || spki.length !== P256_KEY_BYTES) return bad('must be for an ECDSA key on P-256');
    const { name, hash } = request.signatureAlgorithm as { readonly name?: string; readonly hash?: { name?: string } };
    if (name !== 'ECDSA' || hash?.name !== 'SHA-256') return bad('must be signed with ECDSA and SHA-256');
    return (await request.verify()) ? ok(key) : bad('is not signed by its own key');
  } catch {
    // The parser throws all kinds of errors on bytes that are not PKCS#10; none of them says more than this.
    return bad('is not PKCS#10 in PEM');
  }
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

async function issue(
  { root, signingKey, clock }: Issuer,
  o: {
    subject: string;
    publicKey: Buffer | webcrypto.CryptoKey;
    lifetimeMs: number;
    usage: string;
    names: x509.JsonGeneralName[];
  },
): Promise<x509.X509Certificate> {
  refuseEnded(root, clock);
  const now = clock.now();
  // A leaf that outlives its issuer would be refused by peers at a time nobody expects.
  const notAfter = Math.min(now + o.lifetimeMs, root.notAfter.getTime());
  return await x509.X509CertificateGenerator.create({
    subject: o.subject,
    issuer: root.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(notAfter),
    signingAlgorithm: SIGNING,
    publicKey: o.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([o.usage], true),
      new x509.SubjectAlternativeNameExtension(o.names),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
    ],
  });
}

function chainOf(leaf: x509.X509Certificate, root: x509.X509Certificate): string {
  return `${leaf.toString('pem')}\n${root.toString('pem')}\n`;
}
