import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import { hashToken, ok } from '#base';
import type { User } from '#model';
import type { StoreTransaction } from '#store';
import type { Client, IdentityContext } from './context.ts';
import { type Credential, passkeyOwner, writeCredential } from './credential.ts';
import type { Draft } from './flows.ts';
import { dropInvitationsOf, type Invitation, readInvitation, requireFreeEmail } from './invitations.ts';
import { passkeyCreationOptions, verifyPasskeyRegistration } from './mfa/passkey.ts';
import { hashRecoveryCode, newRecoveryCodes } from './mfa/recovery.ts';
import { checkTotp, newTotpSecret, totpUri } from './mfa/totp.ts';
import { checkNewPassword } from './password-rules.ts';
import { activeAdministrators, ADMINISTRATORS, normalEmail, normalName } from './people.ts';
import { authenticationEvent, type FactorName, managementEvent } from './record.ts';
import {
  attempt,
  codeWrong,
  flowExpired,
  linkInvalid,
  type Outcome,
  passkeyRefused,
  Refusal,
  refuse,
  tooManyAttempts,
} from './refusal.ts';
import { openSession, type SignedIn } from './sessions.ts';

/** How far an enrolment has come. */
export interface EnrolmentState {
  /** Empty for the first administrator until given. */
  readonly email: string;
  readonly name: string;
  readonly isFirstAdministrator: boolean;
  readonly hasPassword: boolean;
  readonly hasTotp: boolean;
  readonly passkeys: number;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/**
 * The way from a link to an account. `open` gives an `enrolment` secret that only this browser knows; the other steps take it.
 * Somebody else who has the link gets another one, and cannot slip a passkey of theirs into this enrolment. All steps: `err` `flow-expired`.
 */
export interface Enrolments {
  /** Opens a link. `err`: `link-invalid`. */
  open(input: { token: string }): Promise<Outcome<EnrolmentState & { readonly enrolment: string }>>;
  state(input: { enrolment: string }): Outcome<EnrolmentState>;
  /**
   * Name and password; may be repeated. `email` counts for the first administrator only.
   * `err`: `name-invalid`, `email-invalid`, `password-too-short`, `password-too-long`, `password-guessable`, `too-many-attempts`.
   */
  setPassword(input: {
    enrolment: string;
    name: string;
    email?: string | undefined;
    password: string;
  }): Promise<Outcome<EnrolmentState>>;
  /** A new TOTP secret; one that was confirmed before is dropped. */
  beginTotp(input: { enrolment: string }): Outcome<{ readonly secret: string; readonly otpauthUri: string }>;
  /** `err`: `code-wrong`. */
  confirmTotp(input: { enrolment: string; code: string }): Outcome<EnrolmentState>;
  beginPasskey(input: {
    enrolment: string;
  }): Promise<Outcome<{ readonly options: PublicKeyCredentialCreationOptionsJSON }>>;
  /** `err`: `passkey-refused`. The challenge is used up either way. */
  confirmPasskey(input: { enrolment: string; response: unknown }): Promise<Outcome<EnrolmentState>>;
  /**
   * Activates the account, ends the link and signs in, in one transaction.
   * `err`: `enrolment-incomplete` (no password, or no second factor), `link-invalid`, `email-taken`, `passkey-refused`.
   */
  finish(input: {
    enrolment: string;
    client: Client;
  }): Promise<Outcome<SignedIn & { readonly recoveryCodes: readonly string[] }>>;
}

/** Makes the enrolment operations. */
export function enrolmentsOf(context: IdentityContext): Enrolments {
  return {
    open: async ({ token }) => await open(context, token),
    state: ({ enrolment }) => withDraft(context, enrolment, (draft) => ok(stateOf(draft))),
    setPassword: async (input) => await setPassword(context, input),
    beginTotp: ({ enrolment }) =>
      withDraft(context, enrolment, (draft) => {
        const secret = newTotpSecret();
        context.flows.drafts.replace(enrolment, { ...draft, totp: { secret } });
        return ok({ secret, otpauthUri: totpUri(secret, context.relyingParty.name, draft.email || 'administrator') });
      }),
    confirmTotp: ({ enrolment, code }) =>
      withDraft(context, enrolment, (draft) => {
        if (draft.totp === undefined) return flowExpired();
        const { secret } = draft.totp;
        const check = checkTotp({ secret, code, now: context.clock.now(), lastStep: -1 });
        if (check.outcome !== 'accepted') {
          return codeWrong();
        }
        return update(context, enrolment, { ...draft, totp: { secret, lastStep: check.step } });
      }),
    beginPasskey: async ({ enrolment }) => await beginPasskey(context, enrolment),
    confirmPasskey: async (input) => await confirmPasskey(context, input),
    finish: async (input) => await finish(context, input),
  };
}

async function open(context: IdentityContext, token: string): Promise<Outcome<EnrolmentState & { enrolment: string }>> {
  const id = hashToken(token);
  const found = await context.store.read(async (tx) => {
    const invitation = await readInvitation(context, tx, id);
    return invitation === undefined ? undefined : { invitation, user: await tx.get('user', invitation.userId) };
  });
  if (found === undefined || !isOpen(found.invitation, found.user)) return linkInvalid();
  const { invitation, user } = found;
  const draft: Draft = {
    invitation: id,
    userId: invitation.userId,
    isFirstAdministrator: invitation.purpose === 'first-administrator',
    email: user?.email ?? '',
    name: user?.name ?? '',
    expiresAt: invitation.expiresAt,
    passkeys: [],
  };
  const enrolment = context.flows.drafts.add(draft, id, invitation.expiresAt);
  return ok({ ...stateOf(draft), enrolment });
}

async function setPassword(
  context: IdentityContext,
  input: { enrolment: string; name: string; email?: string | undefined; password: string },
): Promise<Outcome<EnrolmentState>> {
  const draft = context.flows.drafts.peek(input.enrolment);
  if (draft === undefined) return flowExpired();
  const name = normalName(input.name);
  if (name === undefined)
    return refuse('name-invalid', 'the name is not one line of 1 to 200 characters', 'type your name');
  const email = draft.isFirstAdministrator ? normalEmail(input.email ?? '') : draft.email;
  if (email === undefined)
    return refuse('email-invalid', 'this is not an e-mail address', 'write it as `name@example.org`');
  const checked = checkNewPassword(input.password, { email, name }, context.limits.password);
  if (!checked.ok) return checked;
  const password = await context.hasher.hash(checked.value);
  if (password === undefined) return tooManyAttempts(1000);
  // Fetched again: another step may have run while the password was hashed.
  return withDraft(context, input.enrolment, (current) =>
    update(context, input.enrolment, { ...current, name, email, password }),
  );
}

async function beginPasskey(
  context: IdentityContext,
  enrolment: string,
): Promise<Outcome<{ options: PublicKeyCredentialCreationOptionsJSON }>> {
  const draft = context.flows.drafts.peek(enrolment);
  if (draft === undefined) return flowExpired();
  const user = { id: draft.userId, email: draft.email || 'administrator', name: draft.name };
  const options = await passkeyCreationOptions(context.relyingParty, user, draft.passkeys);
  return withDraft(context, enrolment, (current) => {
    const expiresAt = context.clock.now() + context.limits.challengeMs;
    context.flows.drafts.replace(enrolment, { ...current, challenge: { value: options.challenge, expiresAt } });
    return ok({ options });
  });
}

async function confirmPasskey(
  context: IdentityContext,
  { enrolment, response }: { enrolment: string; response: unknown },
): Promise<Outcome<EnrolmentState>> {
  const draft = context.flows.drafts.peek(enrolment);
  if (draft === undefined) return flowExpired();
  const { challenge, ...rest } = draft;
  // The challenge is gone before it is checked: it is good for one answer, right or wrong.
  context.flows.drafts.replace(enrolment, rest);
  const now = context.clock.now();
  if (challenge === undefined || challenge.expiresAt <= now) return flowExpired();
  const { relyingParty } = context;
  const verified = await verifyPasskeyRegistration({ relyingParty, response, challenge: challenge.value, now });
  if (!verified.ok) return passkeyRefused();
  return withDraft(context, enrolment, (current) => {
    const passkeys = current.passkeys.filter(({ id }) => id !== verified.value.id);
    if (passkeys.length >= context.limits.passkeys) return passkeyRefused();
    return update(context, enrolment, { ...current, passkeys: [...passkeys, verified.value] });
  });
}

async function finish(
  context: IdentityContext,
  { enrolment, client }: { enrolment: string; client: Client },
): Promise<Outcome<SignedIn & { recoveryCodes: readonly string[] }>> {
  const draft = context.flows.drafts.peek(enrolment);
  if (draft === undefined) return flowExpired();
  const recoveryCodes = newRecoveryCodes();
  const credential = credentialOf(draft, recoveryCodes);
  if (credential === undefined) {
    return refuse(
      'enrolment-incomplete',
      draft.password === undefined ? 'there is no password yet' : 'there is no second factor yet',
      draft.password === undefined ? 'set a password' : 'add an authenticator app or a passkey',
    );
  }
  const outcome = await attempt(context.store, `user:${draft.userId}`, async (tx) => {
    const user = await activate(context, tx, draft);
    for (const { id } of credential.passkeys) {
      if ((await passkeyOwner(tx, id)) !== undefined) throw new Refusal(passkeyRefused().error);
    }
    await writeCredential(tx, user.id, credential);
    await dropInvitationsOf(tx, user.id);
    const second = credential.totp === undefined ? 'passkey' : 'totp';
    // A registration without attestation proves no possession, so a passkey counts in full only from its first assertion on.
    const amr = ['pwd', second === 'totp' ? 'otp' : 'swk', 'mfa'];
    const signedIn = await openSession(context, tx, { userId: user.id, acr: 'urn:cordon:aal2', amr, client });
    await recordEnrolment(context, { user, client, signedIn, draft, factors: ['password', second] });
    return { ...signedIn, recoveryCodes };
  });
  // The link is dead; so is every enrolment that was opened from it.
  if (outcome.ok) context.flows.drafts.dropOwner(draft.invitation);
  return outcome;
}

/** Makes the account of a finished draft active. The link is checked again here: it may have been used, replaced or expired since. */
async function activate(context: IdentityContext, tx: StoreTransaction, draft: Draft): Promise<User> {
  const invitation = await readInvitation(context, tx, draft.invitation);
  const before = await tx.get('user', draft.userId);
  if (invitation === undefined || !isOpen(invitation, before)) throw new Refusal(linkInvalid().error);
  if (draft.isFirstAdministrator) {
    if ((await activeAdministrators(tx)) > 0) throw new Refusal(linkInvalid().error);
    await requireFreeEmail(tx, draft.email);
  }
  const user: User = {
    id: draft.userId,
    email: draft.email,
    name: draft.name,
    groups: before?.groups ?? [ADMINISTRATORS],
    status: 'active',
    createdAt: before?.createdAt ?? context.clock.now(),
  };
  await tx.put('user', user);
  return user;
}

// INVARIANT: a credential has a password and at least one second factor that answered; there is no other way to make the first one.
function credentialOf(draft: Draft, recoveryCodes: readonly string[]): Credential | undefined {
  const { password, totp, passkeys } = draft;
  const lastStep = totp?.lastStep;
  const confirmed = totp === undefined || lastStep === undefined ? undefined : { secret: totp.secret, lastStep };
  if (password === undefined || (confirmed === undefined && passkeys.length === 0)) return undefined;
  const recovery = recoveryCodes.map(hashRecoveryCode);
  return { password, passkeys, recovery, ...(confirmed === undefined ? {} : { totp: confirmed }) };
}

async function recordEnrolment(
  context: IdentityContext,
  input: { user: User; client: Client; signedIn: SignedIn; draft: Draft; factors: readonly FactorName[] },
): Promise<void> {
  const { user, client, signedIn, draft, factors } = input;
  const detail = { totp: draft.totp?.lastStep !== undefined, passkeys: draft.passkeys.length };
  const message = draft.isFirstAdministrator ? 'the first administrator enrolled' : `${user.email} enrolled`;
  const severity = draft.isFirstAdministrator ? 'medium' : 'low';
  const by = `user:${user.id}`;
  await context.journal.append(
    managementEvent(context, { activity: 'other', message, by, user, client, severity, detail }),
  );
  await context.journal.append(
    authenticationEvent(context, {
      activity: 'logon',
      message: `${user.email} signed in by enrolling`,
      user,
      client,
      factors,
      sessionId: signedIn.session.id,
      detail: { acr: signedIn.session.acr },
    }),
  );
}

function isOpen(invitation: Invitation, user: User | undefined): boolean {
  return invitation.purpose === 'first-administrator' ? user === undefined : user?.status === 'invited';
}

function withDraft<T>(context: IdentityContext, enrolment: string, step: (draft: Draft) => Outcome<T>): Outcome<T> {
  const draft = context.flows.drafts.peek(enrolment);
  return draft === undefined ? flowExpired() : step(draft);
}

function update(context: IdentityContext, enrolment: string, draft: Draft): Outcome<EnrolmentState> {
  context.flows.drafts.replace(enrolment, draft);
  return ok(stateOf(draft));
}

function stateOf(draft: Draft): EnrolmentState {
  return {
    email: draft.email,
    name: draft.name,
    isFirstAdministrator: draft.isFirstAdministrator,
    hasPassword: draft.password !== undefined,
    hasTotp: draft.totp?.lastStep !== undefined,
    passkeys: draft.passkeys.length,
    expiresAt: draft.expiresAt,
  };
}
