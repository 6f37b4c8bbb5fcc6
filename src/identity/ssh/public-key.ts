import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { err, ok, type Result } from '#base';
import { isPositiveMpint, readStrings } from './fields.ts';

/** A person's key, checked. */
export interface SshPublicKey {
  readonly type: SshKeyType;
  /** The key as SSH carries it: its type, then its numbers. */
  readonly blob: Buffer;
  /** `SHA256:…`, as `ssh-keygen -l` shows it. */
  readonly fingerprint: string;
}

const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'] as const;
type SshKeyType = (typeof KEY_TYPES)[number];

/** Longest line that is read, characters: more than an RSA key of `RSA_BITS.most`. */
const LONGEST = 4096;
const RSA_BITS = { least: 3072, most: 8192 } as const;

/**
 * Reads one line of an OpenSSH `.pub` file. Takes Ed25519, ECDSA on P-256, and RSA from 3072 bits; refuses everything else, and
 * numbers that are no key: some other program must not be the first to notice.
 */
export function parseSshPublicKey(line: string): Result<SshPublicKey, string> {
  if (line.length > LONGEST) return err('the key is too long');
  const match = /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: [^\r\n]*)?\r?\n?$/.exec(line);
  if (match === null) return err('this is not one line of an OpenSSH public key');
  const [, named = '', base64 = ''] = match;
  const type = KEY_TYPES.find((known) => known === named);
  if (type === undefined)
    return err(`a key of type \`${named}\` gets no certificate; make one with \`ssh-keygen -t ed25519\``);
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return err('the key is not properly encoded in base64');
  const strings = readStrings(blob, type === 'ssh-ed25519' ? 2 : 3);
  // The type is said twice, and two readers could each believe another one.
  if (strings?.[0]?.toString('latin1') !== type) return err('the key is not what its type says');
  const problem = keyProblem(type, strings.slice(1));
  if (problem !== undefined) return err(problem);
  const fingerprint = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
  return ok({ type, blob, fingerprint });
}

function keyProblem(
  type: SshKeyType,
  [first = Buffer.alloc(0), second = Buffer.alloc(0)]: readonly Buffer[],
): string | undefined {
  switch (type) {
    case 'ssh-ed25519':
      return first.length === 32 ? undefined : 'an Ed25519 key has 32 bytes';
    case 'ecdsa-sha2-nistp256':
      return pointProblem(first.toString('latin1'), second);
    default:
      return rsaProblem(first, second);
  }
}

/** @see RFC 5656 section 3.1 */
function pointProblem(curve: string, point: Buffer): string | undefined {
  if (curve !== 'nistp256' || point.length !== 65 || point[0] !== 4)
    return 'an ECDSA key is an uncompressed point of P-256';
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
  return isKey({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }) ? undefined : 'the point is not on P-256';
}

function rsaProblem(exponent: Buffer, modulus: Buffer): string | undefined {
  if (!isPositiveMpint(exponent) || !isPositiveMpint(modulus)) return 'a number of the RSA key is not in its one form';
  const bits = BigInt(`0x${modulus.toString('hex')}`).toString(2).length;
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) {
    return `an RSA key has ${RSA_BITS.least} to ${RSA_BITS.most} bits, not ${bits}`;
  }
  const isSound = (modulus.at(-1) ?? 0) % 2 === 1 && exponent.equals(Buffer.from([1, 0, 1]));
  return isSound ? undefined : 'an RSA key has an odd modulus, and the exponent 65537';
}

function isKey(key: JsonWebKey): boolean {
  try {
    createPublicKey({ key, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
