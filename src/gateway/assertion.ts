import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import { type Clock, CordonError } from '#base';
import type { App, Device, Session, User } from '#model';
import { omittedGroups } from './identity-headers.ts';

/** Header that carries the assertion to an upstream. */
export const ASSERTION_HEADER = 'x-cordon-assertion';
/** Life of an assertion, seconds. */
const LIFE_SECONDS = 60;
/** An assertion is used again for this part of its life, so that an upstream always has most of a minute left. */
const REUSE_MS = 20_000;
/** Assertions kept for reuse at most. */
const KEPT = 10_000;

/** Who an assertion is about. */
export interface AssertionSubject {
  readonly app: Pick<App, 'id' | 'host'>;
  readonly session: Session;
  readonly user: User;
  /** Ids of all groups the user is in, directly or through parents. */
  readonly groups: ReadonlySet<string>;
  readonly device: Device | undefined;
  /** Method of the request that the assertion goes with. */
  readonly method: string;
  /** Origin and canonical path of that request, without its query. */
  readonly url: string;
}

/** Claims of an assertion (RFC 7519); times in seconds. */
export interface AssertionClaims {
  readonly iss: string;
  /** Id of the app: an assertion for one app is worth nothing at another. */
  readonly aud: string;
  readonly sub: string;
  readonly email: string;
  readonly name: string;
  /** Sorted; empty when `groups_omitted` says how many are too many to be listed. */
  readonly groups: readonly string[];
  readonly groups_omitted?: number;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly auth_time: number;
  readonly sid: string;
  readonly device?: {
    readonly id: string;
    readonly name: string;
    readonly managed: boolean;
    readonly posture: 'healthy' | 'unhealthy' | 'unknown';
  };
  /** The request it was made for, as RFC 9449 names them: an assertion copied from one request opens no other. */
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  readonly exp: number;
}

/** A public key as a JWK; all its members are texts. */
type PublicKey = { readonly kty: string } & Readonly<Record<string, string>>;

/** Signs what an upstream may believe about who is there. */
export interface AssertionSigner {
  /** A compact JWT (ES256) that lives 60 s; the same one for the same facts and request during a third of that. */
  sign(subject: AssertionSubject): string;
  /** Public keys, as served at `/.cordon/jwks.json` on every app host. @see RFC 7517 */
  jwks(): { readonly keys: readonly PublicKey[] };
}

/** Makes a private P-256 key as a JWK, for a caller that keeps it over restarts. */
export function generateAssertionKey(): JsonWebKey {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
}

/** Makes the signer. Without a key it makes one that lives as long as the process. Throws `assertion-key-invalid`. */
export function createAssertionSigner(options: {
  readonly clock: Clock;
  readonly key?: JsonWebKey;
  /** `iss` of every assertion. */
  readonly issuer?: string;
}): AssertionSigner {
  const { clock, issuer = 'cordon' } = options;
  const { privateKey, publicJwk, kid } = readKey(options.key ?? generateAssertionKey());
  const header = encode({ alg: 'ES256', typ: 'JWT', kid });
  const kept = new Map<string, Kept>();
  return {
    sign: (subject) => {
      const now = clock.now();
      const { session, app, device, method, url } = subject;
      const key = `${session.id} ${app.id} ${device?.id ?? ''} ${method} ${url}`;
      const known = kept.get(key);
      const isRecent = known !== undefined && now >= known.at && now - known.at < REUSE_MS;
      if (isRecent && isSame(known.subject, subject)) return known.token;
      const claims = factsOf(subject, issuer);
      const facts = JSON.stringify(claims);
      if (isRecent && known.facts === facts) {
        known.subject = subject;
        return known.token;
      }
      const iat = Math.floor(now / 1000);
      const input = `${header}.${encode({ ...claims, iat, exp: iat + LIFE_SECONDS })}`;
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const token = `${input}.${signature.toString('base64url')}`;
      kept.delete(key);
      kept.set(key, { subject, facts, at: now, token });
      for (const oldest of kept.keys()) {
        if (kept.size <= KEPT) break;
        kept.delete(oldest);
      }
      return token;
    },
    jwks: () => ({ keys: [{ ...publicJwk, kid, use: 'sig', alg: 'ES256' }] }),
  };
}

/** A token that may be used again. */
interface Kept {
  /** What it was last asked for with. */
  subject: AssertionSubject;
  readonly facts: string;
  readonly at: number;
  readonly token: string;
}

/** True when nothing can have changed: the graph replaces what changes, so the same objects say the same. */
function isSame(a: AssertionSubject, b: AssertionSubject): boolean {
  return (
    a.session === b.session &&
    a.user === b.user &&
    a.groups === b.groups &&
    a.device === b.device &&
    a.app === b.app &&
    a.method === b.method &&
    a.url === b.url
  );
}

/** All groups or none: in a part of them just the one could be missing that excludes somebody. Upstreams refuse long heads (431). */
function groupClaims(groups: ReadonlySet<string>): Pick<AssertionClaims, 'groups' | 'groups_omitted'> {
  const omitted = omittedGroups(groups);
  return omitted === 0 ? { groups: [...groups].sort() } : { groups: [], groups_omitted: omitted };
}

function factsOf({ app, session, user, groups, device, method, url }: AssertionSubject, iss: string): object {
  return {
    iss,
    aud: app.id,
    sub: user.id,
    email: user.email,
    name: user.name,
    ...groupClaims(groups),
    acr: session.acr,
    amr: session.amr,
    auth_time: Math.floor(session.authenticatedAt / 1000),
    sid: session.id,
    ...(device === undefined
      ? {}
      : {
          device: {
            id: device.id,
            name: device.name,
            managed: device.managed,
            posture: device.posture?.verdict ?? 'unknown',
          },
        }),
    htm: method,
    htu: url,
  } satisfies Omit<AssertionClaims, 'iat' | 'exp'>;
}

/** Reads the claims back without checking the signature: for showing what was sent, never for trusting it. */
export function shownClaims(token: string): AssertionClaims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as AssertionClaims;
}

function readKey(jwk: JsonWebKey): {
  privateKey: ReturnType<typeof createPrivateKey>;
  publicJwk: PublicKey;
  kid: string;
} {
  try {
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
    if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined) throw new Error('not a P-256 key');
    // RFC 7638: required members only, in lexical order.
    const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
    return { privateKey, publicJwk: { kty, crv, x, y }, kid };
  } catch (cause) {
    throw new CordonError(
      'assertion-key-invalid',
      'the key that signs identity assertions is not a P-256 private key',
      {
        hint: 'restore the key, or remove it so that a new one is made',
        cause,
      },
    );
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
