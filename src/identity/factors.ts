import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import { err, ok, type Problem } from '#base';
import type { Session, User } from '#model';
import type { Client, IdentityContext } from './context.ts';
import { type Credential, passkeyOwner, readCredential, writeCredential } from './credential.ts';
import { passkeyCreationOptions, verifyPasskeyRegistration } from './mfa/passkey.ts';
import { hashRecoveryCode, newRecoveryCodes } from './mfa/recovery.ts';
import { managementEvent } from './record.ts';
import { attempt, flowExpired, type Outcome, passkeyRefused, Refusal, refuse } from './refusal.ts';
import type { Sessions } from './sessions.ts';

/** What an account proves itself with, without any secret. */
export interface FactorSummary {
  readonly password: boolean;
  readonly totp: boolean;
  readonly passkeys: readonly { readonly id: string; readonly deviceBound: boolean; readonly createdAt: number }[];
  readonly recoveryCodesLeft: number;
}

/**
 * A person's own factors. Changes need a sign-in of the last 15 minutes, else `sign-in-too-old`, and by passkey where the account has one, else
 * `mfa-too-weak`; step up first.
 */
export interface Factors {
  summary(userId: string): Promise<FactorSummary>;
  beginPasskey(input: {
    sessionToken: string;
  }): Promise<Outcome<{ readonly flow: string; readonly options: PublicKeyCredentialCreationOptionsJSON }>>;
  /** `err`: `flow-expired`, `passkey-refused`. */
  confirmPasskey(input: {
    sessionToken: string;
    flow: string;
    response: unknown;
    client: Client;
  }): Promise<Outcome<FactorSummary>>;
  /** `err`: `passkey-unknown`, `last-second-factor`. */
  removePasskey(input: { sessionToken: string; passkeyId: string; client: Client }): Promise<Outcome<FactorSummary>>;
  /** Ten new codes; the ones before are dead. */
  renewRecoveryCodes(input: {
    sessionToken: string;
    client: Client;
  }): Promise<Outcome<{ readonly recoveryCodes: readonly string[] }>>;
}

/** Makes the operations on a person's own factors. */
export function factorsOf(context: IdentityContext, sessions: Pick<Sessions, 'authenticate'>): Factors {
  const recent = (sessionToken: string): Outcome<Present> => {
    const who = sessions.authenticate(sessionToken);
    if (!who.ok) return who;
    // Full re-authentication before changes that affect authentication (OWASP ASVS 5.0 7.5.1): a stolen session must not become an account.
    if (context.clock.now() - who.value.session.authenticatedAt > context.limits.factorChangeMs) {
      return refuse('sign-in-too-old', 'your sign-in is too old to change how you sign in', 'confirm that it is you');
    }
    return ok(who.value);
  };
  return {
    summary: async (userId) => await summaryOf(context, userId),
    beginPasskey: async ({ sessionToken }) => {
      const who = recent(sessionToken);
      return who.ok ? await beginPasskey(context, who.value) : who;
    },
    confirmPasskey: async ({ sessionToken, ...input }) => {
      const who = recent(sessionToken);
      return who.ok ? await confirmPasskey(context, { ...who.value, ...input }) : who;
    },
    removePasskey: async ({ sessionToken, ...input }) => {
      const who = recent(sessionToken);
      return who.ok ? await removePasskey(context, { ...who.value, ...input }) : who;
    },
    renewRecoveryCodes: async ({ sessionToken, client }) => {
      const who = recent(sessionToken);
      return who.ok ? await renewRecoveryCodes(context, { ...who.value, client }) : who;
    },
  };
}

interface Present {
  readonly session: Session;
  readonly user: User;
}

/**
 * Whether a session must not change the factors of an account that has passkeys: without one it may rest on a code that was phished, and
 * whoever has it would make it a passkey, and with that everything a code does not open.
 */
function isTooWeak({ acr }: Session, credential: Credential | undefined): boolean {
  return (credential?.passkeys.length ?? 0) > 0 && acr !== 'urn:cordon:aal2-phr' && acr !== 'urn:cordon:aal3';
}

const TOO_WEAK: Problem = {
  code: 'mfa-too-weak',
  message: 'only a sign-in by passkey changes the factors of an account that has one',
  hint: 'confirm with your passkey; when it is lost, ask an administrator to reset your factors',
};

async function beginPasskey(
  context: IdentityContext,
  { session, user }: Present,
): Promise<Outcome<{ flow: string; options: PublicKeyCredentialCreationOptionsJSON }>> {
  const credential = await context.store.read(async (tx) => await readCredential(tx, user.id));
  if (isTooWeak(session, credential)) return err(TOO_WEAK);
  const options = await passkeyCreationOptions(context.relyingParty, user, credential?.passkeys ?? []);
  const expiresAt = context.clock.now() + context.limits.challengeMs;
  const challenge = { use: 'add-passkey', challenge: options.challenge, sessionId: session.id } as const;
  return ok({ flow: context.flows.challenges.add(challenge, user.id, expiresAt), options });
}

async function confirmPasskey(
  context: IdentityContext,
  input: Present & { flow: string; response: unknown; client: Client },
): Promise<Outcome<FactorSummary>> {
  const { session, user, response, client } = input;
  const challenge = context.flows.challenges.take(input.flow);
  if (challenge?.use !== 'add-passkey' || challenge.sessionId !== session.id) return flowExpired();
  const { relyingParty } = context;
  const now = context.clock.now();
  const verified = await verifyPasskeyRegistration({ relyingParty, response, challenge: challenge.challenge, now });
  if (!verified.ok) return passkeyRefused();
  const passkey = verified.value;
  const outcome = await attempt(context.store, `user:${user.id}`, async (tx) => {
    const credential = await readCredential(tx, user.id);
    if (isTooWeak(session, credential)) throw new Refusal(TOO_WEAK);
    const isFull = (credential?.passkeys.length ?? 0) >= context.limits.passkeys;
    if (credential === undefined || isFull || (await passkeyOwner(tx, passkey.id)) !== undefined) {
      throw new Refusal(passkeyRefused().error);
    }
    await writeCredential(tx, user.id, { ...credential, passkeys: [...credential.passkeys, passkey] });
    await record(context, { user, client, message: 'added a passkey', detail: { deviceType: passkey.deviceType } });
  });
  return outcome.ok ? ok(await summaryOf(context, user.id)) : outcome;
}

async function removePasskey(
  context: IdentityContext,
  input: Present & { passkeyId: string; client: Client },
): Promise<Outcome<FactorSummary>> {
  const { session, user, passkeyId, client } = input;
  const outcome = await attempt(context.store, `user:${user.id}`, async (tx) => {
    const credential = await readCredential(tx, user.id);
    if (isTooWeak(session, credential)) throw new Refusal(TOO_WEAK);
    const passkeys = credential?.passkeys.filter(({ id }) => id !== passkeyId) ?? [];
    if (credential === undefined || passkeys.length === credential.passkeys.length) {
      throw new Refusal({ code: 'passkey-unknown', message: 'there is no such passkey', hint: 'reload the page' });
    }
    // INVARIANT: an account keeps a second factor.
    if (passkeys.length === 0 && credential.totp === undefined) {
      const message = 'this is your only second factor';
      throw new Refusal({ code: 'last-second-factor', message, hint: 'add another passkey first' });
    }
    await writeCredential(tx, user.id, { ...credential, passkeys });
    await record(context, { user, client, message: 'removed a passkey', detail: { left: passkeys.length } });
  });
  return outcome.ok ? ok(await summaryOf(context, user.id)) : outcome;
}

async function renewRecoveryCodes(
  context: IdentityContext,
  { session, user, client }: Present & { client: Client },
): Promise<Outcome<{ recoveryCodes: readonly string[] }>> {
  const recoveryCodes = newRecoveryCodes();
  return await attempt(context.store, `user:${user.id}`, async (tx) => {
    const credential = await readCredential(tx, user.id);
    if (isTooWeak(session, credential)) throw new Refusal(TOO_WEAK);
    if (credential === undefined) throw new Refusal(flowExpired().error);
    await writeCredential(tx, user.id, { ...credential, recovery: recoveryCodes.map(hashRecoveryCode) });
    await record(context, { user, client, message: 'renewed the recovery codes', detail: {} });
    return { recoveryCodes };
  });
}

async function summaryOf(context: IdentityContext, userId: string): Promise<FactorSummary> {
  const credential = await context.store.read(async (tx) => await readCredential(tx, userId));
  return {
    password: credential !== undefined,
    totp: credential?.totp !== undefined,
    passkeys: (credential?.passkeys ?? []).map(({ id, deviceType, createdAt }) => ({
      id,
      deviceBound: deviceType === 'singleDevice',
      createdAt,
    })),
    recoveryCodesLeft: credential?.recovery.length ?? 0,
  };
}

async function record(
  context: IdentityContext,
  input: { user: User; client: Client; message: string; detail: { readonly [key: string]: string | number } },
): Promise<void> {
  const { user, client, detail } = input;
  const message = `${user.email} ${input.message}`;
  const by = `user:${user.id}`;
  await context.journal.append(
    managementEvent(context, { activity: 'update', message, by, user, client, severity: 'medium', detail }),
  );
}
