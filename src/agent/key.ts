import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { canonicalJson, type Json } from '#base';
import { POSTURE_TYPE, type PostureClaims } from '#wire';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** Makes the device key, on P-256. */
export function newDeviceKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A certificate request (PKCS#10, PEM) that proves to hold the key. It asks for no name: the server gives it. */
export async function certificateRequest(key: KeyObject): Promise<string> {
  const { subtle } = webcrypto;
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=cordon-agent',
    keys: {
      privateKey: await subtle.importKey('pkcs8', Uint8Array.from(pkcs8), ALGORITHM, false, ['sign']),
      publicKey: await subtle.importKey('spki', Uint8Array.from(spki), ALGORITHM, true, ['verify']),
    },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return request.toString('pem');
}

/** Signs what the agent saw: a compact JWS with ES256 over canonical JSON. @see RFC 7515, section 3.1 */
export function signPosture(key: KeyObject, claims: PostureClaims): string {
  const part = (value: Json): string => Buffer.from(canonicalJson(value)).toString('base64url');
  // PostureClaims is made of JSON values only; its interfaces lack the index signature that would say so.
  const signed = `${part({ alg: 'ES256', typ: POSTURE_TYPE })}.${part(claims as unknown as Json)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
