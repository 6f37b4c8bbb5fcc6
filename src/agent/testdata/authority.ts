import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY = 86_400_000;

/** A certificate authority for tests. */
export interface TestAuthority {
  readonly certificate: string;
  readonly fingerprint: string;
  /** A certificate for a server, leaf first. */
  server(name: string, o?: { validForMs?: number }): Promise<{ readonly certificate: string; readonly key: string }>;
  /** Certifies a CSR, or another key when one is given. */
  device(
    csr: string,
    o?: { validForMs?: number; key?: webcrypto.CryptoKey; issuedAgoMs?: number },
  ): Promise<IssuedTestCertificate>;
}

/** What an authority issued. */
export interface IssuedTestCertificate {
  readonly certificate: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Makes an authority with a key of its own. */
export async function testAuthority(): Promise<TestAuthority> {
  const keys = await newKeys();
  const now = Date.now();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test authority',
    keys,
    notBefore: new Date(now - 30 * DAY),
    notAfter: new Date(now + 30 * DAY),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${root.toString('pem')}\n`;
  const issue = async (
    publicKey: x509.PublicKeyType,
    o: { subject: string; name: string; usage: string; notBefore: number; notAfter: number },
  ): Promise<string> => {
    const leaf = await x509.X509CertificateGenerator.create({
      subject: o.subject,
      issuer: root.subject,
      notBefore: new Date(o.notBefore),
      notAfter: new Date(o.notAfter),
      signingAlgorithm: SIGNING,
      publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.ExtendedKeyUsageExtension([o.usage], true),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: o.name }]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return `${leaf.toString('pem')}\n${pem}`;
  };
  return {
    certificate: pem,
    fingerprint: createHash('sha256').update(Buffer.from(root.rawData)).digest('hex'),
    server: async (name, { validForMs = DAY } = {}) => {
      const own = await newKeys();
      const certificate = await issue(own.publicKey, {
        subject: 'CN=test server',
        name,
        usage: x509.ExtendedKeyUsage.serverAuth,
        notBefore: now - 2 * DAY,
        notAfter: now + validForMs,
      });
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { certificate, key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
    },
    device: async (csr, { validForMs = DAY, key, issuedAgoMs = 60_000 } = {}) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its key');
      const [notBefore, notAfter] = [Date.now() - issuedAgoMs, Date.now() + validForMs];
      const certificate = await issue(key ?? request.publicKey, {
        subject: 'CN=dev_test',
        name: 'device.test',
        usage: x509.ExtendedKeyUsage.clientAuth,
        notBefore,
        notAfter,
      });
      return { certificate, notBefore, notAfter };
    },
  };
}

/** Makes a key pair on P-256. */
export async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
