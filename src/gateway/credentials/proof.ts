import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { err, hashToken, isJsonObject, type Json, ok, parseJson, type Result } from '#base';
import { canonicalTarget } from '../path.ts';

/** Signature algorithms a proof may use, as challenges name them. */
export const PROOF_ALGORITHMS = 'ES256 EdDSA';
/** How far the clock of a program may be from ours, and how long a proof is good, seconds. */
export const PROOF_WINDOW_SECONDS = 60;
/** Longest proof that is read at all; one of an ES256 key has about 600 characters. */
const LONGEST = 4096;
const LONGEST_ID = 256;

const PART = /^[A-Za-z0-9_-]+$/;
/** 32 bytes: a coordinate of P-256, or a key of Ed25519. */
const COORDINATE = /^[A-Za-z0-9_-]{43}$/;
/** Members of JWKs that hold secrets (RFC 7518 section 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;

/** What a proof has to be for. */
export interface ProofDemand {
  readonly method: string;
  /** Origin of the request as the client sees it. */
  readonly origin: string;
  /** Canonical path of the request. */
  readonly path: string;
  /** Milliseconds. */
  readonly now: number;
  /** The token that it goes with; absent where a token is asked for. */
  readonly token?: string;
}

/** A proof that holds. Whether it was used before is not known yet. */
export interface Proof {
  /** JWK thumbprint (RFC 7638) of the key that signed it. */
  readonly keyThumbprint: string;
  /** `jti`: names it among all proofs of this key. */
  readonly id: string;
  /** `iat`, seconds. */
  readonly issuedAt: number;
}

type Members = { readonly [key: string]: Json };

/**
 * Checks a DPoP proof: typ, algorithm, public key, signature, method, address, time and the hash of the token. The error says what was
 * wrong, for the journal. The algorithm follows from the kind of the key, so that no `alg` can choose another (CVE-2015-9235).
 * @see RFC 9449 section 4.3
 */
export function checkProof(text: string, demand: ProofDemand): Result<Proof, string> {
  if (text.length > LONGEST) return err(`the proof is longer than ${LONGEST} characters`);
  const parts = text.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => PART.test(part))) return err('the proof is not a compact JWS');
  const header = membersOf(head);
  const claims = membersOf(body);
  if (header === undefined || claims === undefined) return err('header or claims of the proof are not JSON objects');
  const key = readKey(header);
  if (!key.ok) return key;
  const { thumbprint, publicKey, algorithm } = key.value;
  const problem = claimProblem(claims, demand);
  if (problem !== undefined) return err(problem);
  const octets = Buffer.from(signature, 'base64url');
  const signed = Buffer.from(`${head}.${body}`);
  const isSigned =
    octets.length === 64 &&
    (algorithm === 'ES256'
      ? verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, octets)
      : verify(null, signed, publicKey, octets));
  if (!isSigned) return err('the signature of the proof is wrong');
  return ok({ keyThumbprint: thumbprint, id: String(claims['jti']), issuedAt: Number(claims['iat']) });
}

interface ProofKey {
  readonly algorithm: 'ES256' | 'EdDSA';
  readonly publicKey: KeyObject;
  readonly thumbprint: string;
}

function readKey(header: Members): Result<ProofKey, string> {
  const { typ, alg, jwk, crit } = header;
  if (typ !== 'dpop+jwt') return err('`typ` of the proof is not `dpop+jwt`');
  // Whoever does not know what is critical must refuse it (RFC 7515 section 4.1.11); we know nothing that could be.
  if (crit !== undefined) return err('the proof has critical members nobody knows');
  if (!isJsonObject(jwk)) return err('the proof holds no public key');
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return err('the proof holds a private key');
  const { kty, crv, x, y } = jwk;
  if (typeof x !== 'string' || !COORDINATE.test(x)) return err('the key of the proof is not of P-256 or Ed25519');
  if (alg === 'ES256' && kty === 'EC' && crv === 'P-256' && typeof y === 'string' && COORDINATE.test(y))
    return keyOf('ES256', { crv, kty, x, y });
  if (alg === 'EdDSA' && kty === 'OKP' && crv === 'Ed25519') return keyOf('EdDSA', { crv, kty, x });
  return err('algorithm and key of the proof are not ES256 with P-256, or EdDSA with Ed25519');
}

/** `jwk` holds the required members only, in lexical order, which is what a thumbprint is made of (RFC 7638 section 3). */
function keyOf(algorithm: ProofKey['algorithm'], jwk: Record<string, string>): Result<ProofKey, string> {
  try {
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    return ok({ algorithm, publicKey, thumbprint: hash('sha256', JSON.stringify(jwk), 'base64url') });
  } catch {
    return err('the key of the proof is not a point of its curve');
  }
}

function claimProblem(claims: Members, { method, origin, path, now, token }: ProofDemand): string | undefined {
  const { jti, htm, htu, iat, ath } = claims;
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_ID) return 'the proof has no `jti` that names it';
  if (htm !== method) return 'the proof is for another method';
  if (typeof htu !== 'string' || !isAddress(htu, origin, path)) return 'the proof is for another address';
  if (typeof iat !== 'number' || Math.abs(now / 1000 - iat) > PROOF_WINDOW_SECONDS)
    return `the proof was not made within the last ${PROOF_WINDOW_SECONDS} seconds`;
  if (token !== undefined && ath !== hashToken(token)) return 'the proof is for another token';
  return undefined;
}

/** True when `htu` names this origin and path; query and fragment are not compared. @see RFC 9449 section 4.3 number 9 */
function isAddress(htu: string, origin: string, path: string): boolean {
  const [, , rest = ''] = /^(https?:\/\/[^/?#\\]+)([^?#]*)/i.exec(htu) ?? [];
  const url = URL.parse(htu);
  if (url?.origin !== origin || url.username !== '' || url.password !== '') return false;
  const target = canonicalTarget(rest === '' ? '/' : rest);
  return target.ok && target.value.path === path;
}

function membersOf(part: string): Members | undefined {
  const parsed = parseJson(Buffer.from(part, 'base64url').toString('utf8'));
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined;
}
