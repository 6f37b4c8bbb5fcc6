import { createHash, createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { hashToken, type Json, newToken } from '#base';

/** The key that a token is bound to. */
export interface ProgramKey {
  /** JWK thumbprint (RFC 7638). */
  readonly thumbprint: string;
  /** The private key, to be kept with the token. */
  readonly jwk: { readonly [key: string]: Json };
  /** A proof for one request at one time; `token` is absent where one is asked for. @see RFC 9449 section 4.2 */
  prove(request: {
    readonly method: string;
    readonly url: string;
    /** Milliseconds. */
    readonly now: number;
    readonly token?: string;
  }): string;
}

/** Makes a key, on P-256. */
export function newProgramKey(): ProgramKey {
  return programKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }));
}

/** The key again. Throws for what is no private key of P-256. */
export function programKey(kept: JsonWebKey): ProgramKey {
  const { kty, crv, x, y, d } = kept;
  const privateKey = createPrivateKey({ key: kept, format: 'jwk' });
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined || d === undefined) {
    throw new TypeError('not a key of P-256');
  }
  const publicJwk = { crv, kty, x, y }; // what a thumbprint is made of, in its order
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk });
  return {
    thumbprint: createHash('sha256').update(JSON.stringify(publicJwk)).digest('base64url'),
    jwk: { ...publicJwk, d },
    prove: ({ method, url, now, token }) => {
      const { origin, pathname } = new URL(url);
      const ath = token === undefined ? {} : { ath: hashToken(token) };
      const claims = { jti: newToken(), htm: method, htu: origin + pathname, iat: Math.floor(now / 1000), ...ath };
      const input = `${header}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${input}.${signature.toString('base64url')}`;
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
