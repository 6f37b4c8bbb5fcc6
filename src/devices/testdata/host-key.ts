import 'reflect-metadata';
import { createPrivateKey, type KeyObject, sign, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { canonicalJson, type Json } from '#base';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ES256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A key as a host holds it. */
export interface HostKey {
  readonly pair: webcrypto.CryptoKeyPair;
  readonly key: KeyObject;
  /** PKCS#8, PEM. */
  readonly pem: string;
}

/** Makes a host key on P-256. */
export async function newHostKey(): Promise<HostKey> {
  return await hostKeyOf(await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']));
}

/** Wraps a key pair of any algorithm. */
export async function hostKeyOf(pair: webcrypto.CryptoKeyPair): Promise<HostKey> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { pair, key, pem: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** A certificate request, PEM, with whatever a host may put in. */
export async function csrOf(
  { pair }: HostKey,
  o: {
    readonly name?: string;
    readonly signingAlgorithm?: Parameters<typeof x509.Pkcs10CertificateRequestGenerator.create>[0]['signingAlgorithm'];
    readonly extensions?: x509.Extension[];
  } = {},
): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: o.name ?? 'CN=web-1',
    keys: pair,
    signingAlgorithm: o.signingAlgorithm ?? ES256,
    ...(o.extensions === undefined ? {} : { extensions: o.extensions }),
  });
  return request.toString('pem');
}

/** A compact JWS over `claims`, with whatever header. */
export function jwsOf(key: KeyObject, claims: Json | Buffer, header: Json): string {
  const payload = Buffer.isBuffer(claims) ? claims : Buffer.from(canonicalJson(claims));
  const signed = `${Buffer.from(canonicalJson(header)).toString('base64url')}.${payload.toString('base64url')}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
