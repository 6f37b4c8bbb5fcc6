import { createHash, type webcrypto } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of a program, held by jose as the other party. */
export interface ProgramKey {
  readonly alg: 'ES256' | 'EdDSA';
  readonly privateKey: webcrypto.CryptoKey;
  readonly jwk: JWK;
  readonly thumbprint: string;
}

/** Makes a key. */
export async function programKey(alg: ProgramKey['alg'] = 'ES256'): Promise<ProgramKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const jwk = await exportJWK(publicKey);
  return { alg, privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

/** A DPoP proof for one request (RFC 9449 section 4.2). */
export async function prove(
  { alg, privateKey, jwk }: ProgramKey,
  request: { readonly method: string; readonly url: string; readonly now: number; readonly token?: string },
): Promise<string> {
  const { method: htm, url: htu, now, token } = request;
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') };
  return await new SignJWT({ jti: crypto.randomUUID(), htm, htu, iat: Math.floor(now / 1000), ...ath })
    .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk })
    .sign(privateKey);
}
