import { ok } from '#base';
import type { Acr, Session, User } from '#model';
import type { StoreTransaction } from '#store';
import { knownBrowser } from './browsers.ts';
import type { Client, IdentityContext } from './context.ts';
import { readCredential } from './credential.ts';
import { passkeyAcr, passkeyAmr, passkeyRequestOptions } from './mfa/passkey.ts';
import { authenticationEvent, type FactorName } from './record.ts';
import { attempt, flowExpired, type Outcome, passkeyRefused, refuse, tooManyAttempts } from './refusal.ts';
import {
  acceptAssertion,
  acceptCode,
  checkAssertion,
  FactorRefused,
  type FactorRefusal,
  recordRefusedFactor,
} from './second-factor.ts';
import { rotateSession, type Sessions, type SignedIn } from './sessions.ts';
import type { PasskeyRequest } from './sign-in.ts';
import { accountKey, reserveAttempt, settleSuccess } from './throttle.ts';

/**
 * Proving presence again. Success replaces the session: a new token, and the old one and its app sessions are dead. All take the present session
 * token and refuse as `sessions.authenticate` does.
 */
export interface StepUps {
  /** What this session can step up with; `totp` only renews an `aal2` session and never raises it. */
  options(input: { sessionToken: string }): Promise<Outcome<{ readonly factors: readonly ('passkey' | 'totp')[] }>>;
  /** `err`: `step-up-impossible` when the person has no passkey. */
  beginPasskey(input: { sessionToken: string }): Promise<Outcome<PasskeyRequest>>;
  /** `err`: `flow-expired`, `passkey-refused`. */
  finishPasskey(input: {
    sessionToken: string;
    flow: string;
    response: unknown;
    client: Client;
  }): Promise<Outcome<SignedIn>>;
  /** `err`: `step-up-impossible` when the session is stronger than `aal2`, `code-wrong`, `too-many-attempts`. */
  totp(input: { sessionToken: string; code: string; client: Client }): Promise<Outcome<SignedIn>>;
}

/** Makes the step-up operations. */
export function stepUpsOf(context: IdentityContext, sessions: Pick<Sessions, 'authenticate'>): StepUps {
  return {
    options: async ({ sessionToken }) => {
      const who = sessions.authenticate(sessionToken);
      if (!who.ok) return who;
      const credential = await context.store.read(async (tx) => await readCredential(tx, who.value.user.id));
      const factors: ('passkey' | 'totp')[] = [];
      if ((credential?.passkeys.length ?? 0) > 0) factors.push('passkey');
      if (credential?.totp !== undefined && canRenewByTotp(who.value.session)) factors.push('totp');
      return ok({ factors });
    },
    beginPasskey: async ({ sessionToken }) => {
      const who = sessions.authenticate(sessionToken);
      return who.ok ? await beginPasskey(context, who.value.session) : who;
    },
    finishPasskey: async ({ sessionToken, ...input }) => {
      const who = sessions.authenticate(sessionToken);
      return who.ok ? await finishPasskey(context, { ...who.value, ...input }) : who;
    },
    totp: async ({ sessionToken, ...input }) => {
      const who = sessions.authenticate(sessionToken);
      return who.ok ? await stepUpTotp(context, { ...who.value, ...input }) : who;
    },
  };
}

/** A TOTP code beside a stronger session would make the recent proof look phishing-resistant, which it is not. */
function canRenewByTotp(session: Session): boolean {
  return session.acr === 'urn:cordon:aal2';
}

async function beginPasskey(context: IdentityContext, session: Session): Promise<Outcome<PasskeyRequest>> {
  const credential = await context.store.read(async (tx) => await readCredential(tx, session.userId));
  const passkeys = credential?.passkeys ?? [];
  if (passkeys.length === 0) {
    return refuse(
      'step-up-impossible',
      'there is no passkey on your account',
      'add one on your profile page, then try again',
    );
  }
  const options = await passkeyRequestOptions(context.relyingParty, passkeys);
  const expiresAt = context.clock.now() + context.limits.challengeMs;
  const challenge = { use: 'step-up', challenge: options.challenge, sessionId: session.id } as const;
  return ok({ flow: context.flows.challenges.add(challenge, session.userId, expiresAt), options });
}

interface Present {
  readonly session: Session;
  readonly user: User;
  readonly client: Client;
}

async function finishPasskey(
  context: IdentityContext,
  input: Present & { readonly flow: string; readonly response: unknown },
): Promise<Outcome<SignedIn>> {
  const { session, user, client, response } = input;
  const challenge = context.flows.challenges.take(input.flow);
  if (challenge?.use !== 'step-up' || challenge.sessionId !== session.id) return flowExpired();
  const verified = await checkAssertion(context, { userId: user.id, response, challenge: challenge.challenge });
  if (!verified.ok) {
    const refused = { user, client, factors: ['passkey'], reason: 'passkey-refused', why: verified.error } as const;
    await recordRefusedFactor(context, { ...refused, sessionId: session.id });
    return passkeyRefused();
  }
  const passkey = verified.value;
  return await rotate(context, { ...input, factors: ['passkey'] }, async (tx) => {
    await acceptAssertion(tx, user.id, passkey);
    return { acr: passkeyAcr(passkey), amr: passkeyAmr(passkey) };
  });
}

async function stepUpTotp(
  context: IdentityContext,
  input: Present & { readonly code: string },
): Promise<Outcome<SignedIn>> {
  const { session, user, client, code } = input;
  if (!canRenewByTotp(session)) {
    return refuse('step-up-impossible', 'a code is weaker than your present session', 'confirm with your passkey');
  }
  const known = knownBrowser(context, user.id, client.deviceToken) !== undefined;
  const reserved = await reserveAttempt(context, [accountKey(user.id, 'totp', known)]);
  if ('waitMs' in reserved) {
    const refused = { user, client, factors: ['totp'], reason: 'too-many-attempts', sessionId: session.id } as const;
    await recordRefusedFactor(context, refused);
    return tooManyAttempts(reserved.waitMs);
  }
  return await rotate(context, { ...input, factors: ['totp'] }, async (tx) => {
    await acceptCode(context, tx, user.id, { factor: 'totp', code });
    await settleSuccess(tx, reserved.reservation);
    return { acr: session.acr, amr: session.amr };
  });
}

async function rotate(
  context: IdentityContext,
  input: Present & { readonly factors: readonly FactorName[] },
  prove: (tx: StoreTransaction) => Promise<{ acr: Acr; amr: readonly string[] }>,
): Promise<Outcome<SignedIn>> {
  const { session, user, client, factors } = input;
  let reason: FactorRefusal | 'not-authenticated' = 'not-authenticated';
  const outcome = await attempt(context.store, `user:${user.id}`, async (tx) => {
    try {
      const proven = await prove(tx);
      const signedIn = await rotateSession(context, tx, { session, client, ...proven });
      const detail = { stepUp: true, acr: proven.acr, amr: proven.amr, replaces: session.id };
      const message = `${user.email} confirmed presence`;
      const sessionId = signedIn.session.id;
      await context.journal.append(
        authenticationEvent(context, { activity: 'logon', message, user, client, factors, sessionId, detail }),
      );
      return signedIn;
    } catch (cause) {
      if (cause instanceof FactorRefused) reason = cause.reason;
      throw cause;
    }
  });
  if (!outcome.ok) await recordRefusedFactor(context, { user, client, factors, reason, sessionId: session.id });
  return outcome;
}
