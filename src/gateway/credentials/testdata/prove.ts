import { createHash, type webcrypto } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of a program, with jose as the other party: nothing here is of Cordon. */
export interface ProgramKey {
  readonly alg: 'ES256' | 'EdDSA';
  readonly privateKey: webcrypto.CryptoKey;
  readonly jwk: JWK;
  readonly privateJwk: JWK;
  readonly thumbprint: string;
}

/** Makes a key. */
export async function programKey(alg: ProgramKey['alg'] = 'ES256'): Promise<ProgramKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    alg,
    privateKey,
    jwk,
    privateJwk: await exportJWK(privateKey),
    thumbprint: await calculateJwkThumbprint(jwk),
  };
}

/** What to make different; a member that is undefined is left out. */
export interface Proving {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

let count = 0;

/** Signs a proof for `method` and `url`. */
export async function prove(
  key: ProgramKey,
  request: { readonly method: string; readonly url: string; readonly now: number; readonly token?: string },
  { header = {}, claims = {} }: Proving = {},
): Promise<string> {
  const { method, url, now, token } = request;
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') };
  count += 1;
  const payload = { jti: `proof-${count}`, htm: method, htu: url, iat: Math.floor(now / 1000), ...ath, ...claims };
  return await new SignJWT(payload)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: key.alg, jwk: key.jwk, ...header })
    .sign(key.privateKey);
}
