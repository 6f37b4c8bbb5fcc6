import { createHash, type KeyObject } from 'node:crypto';
import { canonicalJson } from '#base';

/** The SHA-256 of a certificate (DER), base64url: `x5t#S256` of RFC 8705, section 3.1. */
export function thumbprintOf(certificate: Buffer): string {
  return createHash('sha256').update(certificate).digest('base64url');
}

/** The JWK thumbprint of an EC key, base64url. @see RFC 7638, section 3 */
export function keyThumbprintOf(key: KeyObject): string {
  const { crv = '', kty = '', x = '', y = '' } = key.export({ format: 'jwk' });
  return createHash('sha256').update(canonicalJson({ crv, kty, x, y })).digest('base64url');
}
