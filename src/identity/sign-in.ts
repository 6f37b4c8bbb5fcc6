import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import { ok } from '#base';
import type { ReasonCode, User } from '#model';
import { knownBrowser } from './browsers.ts';
import type { Client, IdentityContext } from './context.ts';
import { type Credential, readCredential } from './credential.ts';
import type { Challenge } from './flows.ts';
import { assertedBy, passkeyAcr, passkeyAmr, passkeyRequestOptions } from './mfa/passkey.ts';
import { establish } from './establish.ts';
import { normalEmail, userByEmail } from './people.ts';
import { authenticationEvent, type FactorName } from './record.ts';
import {
  credentialsWrong,
  flowExpired,
  type IdentityProblem,
  type Outcome,
  passkeyRefused,
  tooManyAttempts,
} from './refusal.ts';
import { acceptAssertion, acceptCode, checkAssertion, type CodeAttempt, recordRefusedFactor } from './second-factor.ts';
import type { SignedIn } from './sessions.ts';
import {
  accountKey,
  addressKey,
  type Reservation,
  reserveAttempt,
  settleSuccess,
  type ThrottleKey,
  throttleWait,
  unknownKey,
} from './throttle.ts';

/** A second factor an account can use. */
export type SecondFactor = 'totp' | 'passkey' | 'recovery';

/** Somebody who gave the right password. `pending` is a secret of this browser; it dies on use and after five minutes. */
export interface Pending {
  readonly pending: string;
  readonly factors: readonly SecondFactor[];
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** A passkey ceremony to run in the browser; `flow` goes back with its response. */
export interface PasskeyRequest {
  readonly flow: string;
  readonly options: PublicKeyCredentialRequestOptionsJSON;
}

/** The ways to sign in. A password alone is never one. */
export interface SignIns {
  /**
   * Checks a password. An unknown account, an account that is not active and a wrong password get the same `credentials-wrong` after the same
   * work. `err` otherwise: `too-many-attempts`.
   */
  password(input: { email: string; password: string; client: Client }): Promise<Outcome<Pending>>;
  /** `err`: `flow-expired`, `code-wrong`, `too-many-attempts`, `user-disabled`. */
  totp(input: { pending: string; code: string; client: Client }): Promise<Outcome<SignedIn>>;
  /** Uses a recovery code up. `err`: as `totp`. */
  recovery(input: { pending: string; code: string; client: Client }): Promise<Outcome<SignedIn>>;
  /** With `pending`, the passkey is the second factor of that sign-in; without, it is a sign-in of its own. `err`: `flow-expired`. */
  beginPasskey(input: { pending?: string | undefined; client: Client }): Promise<Outcome<PasskeyRequest>>;
  /** `err`: `flow-expired`, `passkey-refused`, `user-disabled`. The challenge is used up either way. */
  finishPasskey(input: { flow: string; response: unknown; client: Client }): Promise<Outcome<SignedIn>>;
}

/** Makes the sign-in operations. */
export function signInsOf(context: IdentityContext): SignIns {
  return {
    password: async (input) => await signInPassword(context, input),
    totp: async ({ pending, code, client }) =>
      await signInCode(context, { pending, attempt: { factor: 'totp', code }, client }),
    recovery: async ({ pending, code, client }) =>
      await signInCode(context, { pending, attempt: { factor: 'recovery', code }, client }),
    beginPasskey: async (input) => await beginPasskey(context, input),
    finishPasskey: async (input) => await finishPasskey(context, input),
  };
}

async function signInPassword(
  context: IdentityContext,
  input: { email: string; password: string; client: Client },
): Promise<Outcome<Pending>> {
  const { password, client } = input;
  const email = normalEmail(input.email);
  const user = email === undefined ? undefined : userByEmail(context.graph, email);
  const who = {
    client,
    ...(user === undefined ? {} : { user }),
    ...(email === undefined ? {} : { typedEmail: email }),
  };
  const keys = passwordKeys(context, { user, email: email ?? '', client });
  // Asked before there is a turn to hash: who has to wait must not fill the queue for others.
  const waitMs = await throttleWait(context, keys);
  if (waitMs > 0) return await refusePassword(context, who, { reason: 'too-many-attempts', waitMs });
  const checked = await context.hasher.withTurn(async (verify) => {
    const reserved = await reserveAttempt(context, keys);
    if ('waitMs' in reserved) return reserved;
    const credential = await context.store.read(async (tx) => await readCredential(tx, user?.id ?? 'nobody'));
    const tooLong = Buffer.byteLength(password) > 4 * context.limits.password.maxBytes;
    const matches = await verify(credential?.password, tooLong ? '' : password);
    return { matches, credential, reservation: reserved.reservation };
  });
  if (checked === undefined) return await refusePassword(context, who, { reason: 'too-many-attempts', waitMs: 1000 });
  if ('waitMs' in checked)
    return await refusePassword(context, who, { reason: 'too-many-attempts', waitMs: checked.waitMs });
  const { matches, credential, reservation } = checked;
  if (user === undefined) return await refusePassword(context, who, { reason: 'account-unknown' });
  if (!matches || credential === undefined) return await refusePassword(context, who, { reason: 'password-wrong' });
  if (user.status !== 'active') return await refusePassword(context, who, { reason: 'user-disabled' });
  return await acceptPassword(context, { user, credential, client, reservation });
}

/** A browser the account has used is held against its own counter only: strangers cannot lock the owner out, nor can their office's address. */
function passwordKeys(
  context: IdentityContext,
  { user, email, client }: { user: User | undefined; email: string; client: Client },
): readonly ThrottleKey[] {
  if (user === undefined) return [addressKey(client.address), unknownKey(email)];
  if (knownBrowser(context, user.id, client.deviceToken) !== undefined) return [accountKey(user.id, 'password', true)];
  return [addressKey(client.address), accountKey(user.id, 'password', false)];
}

async function refusePassword(
  context: IdentityContext,
  who: { readonly client: Client; readonly user?: User; readonly typedEmail?: string },
  { reason, waitMs }: { readonly reason: ReasonCode; readonly waitMs?: number },
): Promise<{ readonly ok: false; readonly error: IdentityProblem }> {
  const name = who.user?.email ?? who.typedEmail ?? 'something that is no address';
  const message = `sign-in of ${name} refused: ${reason}`;
  // A password that was looked at is always told: the cost of the hash bounds how many. Being told to wait costs nobody anything.
  if (reason !== 'too-many-attempts' || context.mayTellRefusal('throttled')) {
    await context.journal.append(
      authenticationEvent(context, { activity: 'logon', message, ...who, factors: ['password'], refusedFor: reason }),
    );
  }
  return waitMs === undefined ? credentialsWrong() : tooManyAttempts(waitMs);
}

async function acceptPassword(
  context: IdentityContext,
  input: { user: User; credential: Credential; client: Client; reservation: Reservation },
): Promise<Outcome<Pending>> {
  const { user, credential, client, reservation } = input;
  const message = `${user.email} gave the right password`;
  const detail = { next: 'second-factor' };
  await context.store.transact('system', async (tx) => {
    await settleSuccess(tx, reservation);
    await context.journal.append(
      authenticationEvent(context, { activity: 'other', message, user, client, factors: ['password'], detail }),
    );
  });
  const expiresAt = context.clock.now() + context.limits.pendingMs;
  const pending = context.flows.pending.add({ userId: user.id }, user.id, expiresAt);
  const factors: SecondFactor[] = [];
  if (credential.passkeys.length > 0) factors.push('passkey');
  if (credential.totp !== undefined) factors.push('totp');
  if (credential.recovery.length > 0) factors.push('recovery');
  return ok({ pending, factors, expiresAt });
}

async function signInCode(
  context: IdentityContext,
  input: { pending: string; attempt: CodeAttempt; client: Client },
): Promise<Outcome<SignedIn>> {
  const { pending, client } = input;
  const userId = context.flows.pending.peek(pending)?.userId;
  if (userId === undefined) return flowExpired();
  const user = context.graph.get('user', userId);
  const { factor } = input.attempt;
  const second: FactorName = factor === 'totp' ? 'totp' : 'recovery-code';
  const factors: readonly FactorName[] = ['password', second];
  const known = knownBrowser(context, userId, client.deviceToken) !== undefined;
  const reserved = await reserveAttempt(context, [accountKey(userId, factor, known)]);
  if ('waitMs' in reserved) {
    await recordRefusedFactor(context, { user, client, factors, reason: 'too-many-attempts' });
    return tooManyAttempts(reserved.waitMs);
  }
  return await establish(context, { userId, pending, client, factors }, async (tx) => {
    await acceptCode(context, tx, userId, input.attempt);
    await settleSuccess(tx, reserved.reservation);
    return { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] };
  });
}

async function beginPasskey(
  context: IdentityContext,
  { pending, client }: { pending?: string | undefined; client: Client },
): Promise<Outcome<PasskeyRequest>> {
  const { flows, limits, relyingParty } = context;
  const expiresAt = context.clock.now() + limits.challengeMs;
  if (pending === undefined) {
    const options = await passkeyRequestOptions(relyingParty);
    // The owner is the address: nobody has proven anything yet, and a flood must only push out its own challenges.
    const owner = addressKey(client.address).id;
    return ok({
      flow: flows.challenges.add({ use: 'sign-in', challenge: options.challenge }, owner, expiresAt),
      options,
    });
  }
  const userId = flows.pending.peek(pending)?.userId;
  if (userId === undefined) return flowExpired();
  const credential = await context.store.read(async (tx) => await readCredential(tx, userId));
  const options = await passkeyRequestOptions(relyingParty, credential?.passkeys ?? []);
  const challenge: Challenge = { use: 'second-factor', challenge: options.challenge, pending };
  return ok({ flow: flows.challenges.add(challenge, userId, expiresAt), options });
}

async function finishPasskey(
  context: IdentityContext,
  { flow, response, client }: { flow: string; response: unknown; client: Client },
): Promise<Outcome<SignedIn>> {
  const challenge = context.flows.challenges.take(flow);
  if (challenge?.use === 'sign-in') {
    const userId = assertedBy(response)?.userHandle;
    const factors = ['passkey'] as const;
    return await finishAssertion(context, { userId, challenge: challenge.challenge, response, client, factors });
  }
  if (challenge?.use !== 'second-factor') return flowExpired();
  const { pending } = challenge;
  const userId = context.flows.pending.peek(pending)?.userId;
  if (userId === undefined) return flowExpired();
  const factors = ['password', 'passkey'] as const;
  return await finishAssertion(context, { userId, pending, challenge: challenge.challenge, response, client, factors });
}

async function finishAssertion(
  context: IdentityContext,
  input: {
    readonly userId: string | undefined;
    readonly pending?: string;
    readonly challenge: string;
    readonly response: unknown;
    readonly client: Client;
    readonly factors: readonly FactorName[];
  },
): Promise<Outcome<SignedIn>> {
  const { userId, response, challenge, client, factors } = input;
  const user = userId === undefined ? undefined : context.graph.get('user', userId);
  if (user === undefined) {
    const why = 'no account has this passkey';
    await recordRefusedFactor(context, { client, factors, reason: 'passkey-refused', why });
    return passkeyRefused();
  }
  const verified = await checkAssertion(context, { userId: user.id, response, challenge });
  if (!verified.ok) {
    await recordRefusedFactor(context, { user, client, factors, reason: 'passkey-refused', why: verified.error });
    return passkeyRefused();
  }
  const passkey = verified.value;
  return await establish(context, { ...input, userId: user.id }, async (tx) => {
    await acceptAssertion(tx, user.id, passkey);
    return { acr: passkeyAcr(passkey), amr: [...(factors.length > 1 ? ['pwd'] : []), ...passkeyAmr(passkey)] };
  });
}
