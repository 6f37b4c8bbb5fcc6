import { err, hashToken, type Result } from '#base';
import { type AppSession, PROGRAM_TOKEN_PREFIX, type ReasonCode, type TrustGraph } from '#model';
import { APP_COOKIE, oneCookie } from '../handoff.ts';
import { checkProof, type Proof, type ProofDemand } from './proof.ts';
import type { Replays, Use } from './replay-memory.ts';

/** The field that a token comes in. */
const OWN = /^(dpop|bearer) +(cordon_at_[A-Za-z0-9_-]{43})$/i;

/** What a request presents to say who it is from. What only a token needs is read only for one. */
export interface Presented extends Omit<ProofDemand, 'token' | 'origin'> {
  readonly host: string;
  readonly origin: () => string;
  readonly authorization: string | undefined;
  /** Values of all `DPoP` fields. */
  readonly proofs: () => readonly string[];
  /** The `Cookie` field. */
  readonly cookie: string | undefined;
}

/** What was made of it. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'cookie'; readonly appSession: AppSession }
  | {
      readonly kind: 'token';
      readonly appSession: AppSession;
      /** The proof that came with it, which `spendProof` has to look at before anything is done. */
      readonly proof?: Proof;
    }
  | {
      readonly kind: 'refused';
      readonly reason: ReasonCode;
      /** What exactly was wrong, for the journal; whoever presented it learns only the reason. */
      readonly cause: string;
    };

/** Where credentials are looked up. */
export interface Known {
  readonly graph: Pick<TrustGraph, 'appSessionByTokenHash' | 'get'>;
}

/** True when an `Authorization` field holds a token of ours, in whatever form: it is for nobody else to see. */
export function isOwnAuthorization(authorization: string | undefined): boolean {
  return authorization?.includes(PROGRAM_TOKEN_PREFIX) === true;
}

/** Values of all `DPoP` fields in alternating names and values. */
export function proofsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'dpop');
}

/**
 * Finds the one credential of a request: a token of ours, else the cookie of this host. A token that is refused is the end: nothing else
 * is tried, so that what goes on never depends on which of two credentials was looked at. Any other `Authorization` is the upstream's,
 * and says nothing about who is there. Secrets are found by their hashes, so that no comparison takes longer the more of one is right.
 */
export function findCredential(presented: Presented, known: Known): Credential {
  if (isOwnAuthorization(presented.authorization)) return tokenCredential(presented, known);
  const appSession = cookieSession(presented, known);
  return appSession === undefined ? { kind: 'none' } : { kind: 'cookie', appSession };
}

function tokenCredential(presented: Presented, known: Known): Credential {
  const { authorization = '', host, now } = presented;
  const [, scheme = '', token = ''] = OWN.exec(authorization) ?? [];
  if (token === '') return invalid('the field is not a scheme and a token');
  const appSession = known.graph.appSessionByTokenHash(hashToken(token));
  if (appSession?.form === undefined) return invalid('no such token is known; it may have ended with its session');
  if (appSession.host !== host) return invalid(`the token is for \`${appSession.host}\``);
  if (appSession.expiresAt === undefined || appSession.expiresAt <= now) return invalid('the token has expired');
  if (known.graph.get('session', appSession.sessionId) === undefined) return invalid('the session has ended');
  if (scheme.toLowerCase() !== appSession.form) return invalid(`a ${appSession.form} token came as ${scheme}`);
  const proof = appSession.form === 'dpop' ? proofOf(presented, token, appSession) : undefined;
  if (proof?.ok === false) return unproven(proof.error);
  const beside = cookieSession(presented, known);
  if (beside !== undefined && beside.sessionId !== appSession.sessionId) {
    return { kind: 'refused', reason: 'credentials-conflict', cause: 'the cookie is of another session' };
  }
  return { kind: 'token', appSession, ...(proof === undefined ? {} : { proof: proof.value }) };
}

/**
 * Notes that the proof of a token is used, and refuses one that was. Last: only what would be accepted is remembered, so that nobody else
 * can use up an id. Whoever had to wait for the answer looks again whether the token is still known.
 */
export function spendProof(credential: Credential, known: Known, replays: Replays): Credential | Promise<Credential> {
  if (credential.kind !== 'token' || credential.proof === undefined) return credential;
  const { appSession, proof } = credential;
  // Counted by person: whoever has many tokens has no more room than others.
  const owner = known.graph.get('session', appSession.sessionId)?.userId ?? appSession.sessionId;
  const used = replays.use({ owner, id: `${appSession.id} ${proof.id}`, issuedAt: proof.issuedAt });
  if (!(used instanceof Promise)) return spent(credential, used);
  return used.then(
    (use) => {
      const isThere = known.graph.get('appSession', appSession.id) !== undefined;
      return isThere ? spent(credential, use) : invalid('the token has ended meanwhile');
    },
    () => unproven('whether the proof was used before cannot be known now'),
  );
}

const WHY: Readonly<Record<Exclude<Use, 'new'>, string>> = {
  seen: 'the proof was used before',
  full: 'too many proofs at once',
  unknown: 'the proof was made before Cordon started, so it may have been used',
};

function spent(credential: Credential, use: Use): Credential {
  return use === 'new' ? credential : unproven(WHY[use]);
}

/** The proof, or what is wrong with it. */
function proofOf(presented: Presented, token: string, { keyThumbprint }: AppSession): Result<Proof, string> {
  const { method, path, now } = presented;
  const proofs = presented.proofs();
  const [text] = proofs;
  if (text === undefined) return err('there is no proof');
  if (proofs.length > 1) return err('there is more than one proof');
  const proof = checkProof(text, { method, origin: presented.origin(), path, now, token });
  if (!proof.ok) return proof;
  return proof.value.keyThumbprint === keyThumbprint ? proof : err('the proof is by another key');
}

/** The app session behind the cookie, when a browser got it and it was made for this very host. */
function cookieSession({ cookie, host }: Presented, { graph }: Known): AppSession | undefined {
  const value = oneCookie(cookie, APP_COOKIE);
  const appSession = value === undefined ? undefined : graph.appSessionByTokenHash(hashToken(value));
  // A token of a program in a cookie would be good without its proof.
  return appSession?.host === host && appSession.form === undefined ? appSession : undefined;
}

function unproven(cause: string): Credential {
  return { kind: 'refused', reason: 'proof-invalid', cause };
}

function invalid(cause: string): Credential {
  return { kind: 'refused', reason: 'token-invalid', cause };
}
