import type { StoreTransaction } from '#store';
import type { Client, IdentityContext } from './context.ts';
import { type Credential, type Passkey, readCredential, writeCredential } from './credential.ts';
import { assertedBy, verifyPasskeyAssertion } from './mfa/passkey.ts';
import { useRecoveryCode } from './mfa/recovery.ts';
import { checkTotp } from './mfa/totp.ts';
import { Refusal, codeWrong, passkeyRefused } from './refusal.ts';
import type { ReasonCode, User } from '#model';
import { authenticationEvent, type FactorName } from './record.ts';
import { err, ok, type Result } from '#base';

/** Why a factor was not accepted, for the journal. */
export type FactorRefusal = Extract<ReasonCode, 'code-wrong' | 'code-replayed' | 'passkey-refused'>;

/** A code that was typed. */
export interface CodeAttempt {
  readonly factor: 'totp' | 'recovery';
  readonly code: string;
}

/** A refusal of a factor that knows why. */
export class FactorRefused extends Refusal {
  readonly reason: FactorRefusal;

  constructor(reason: FactorRefusal) {
    super(reason === 'passkey-refused' ? passkeyRefused().error : codeWrong().error);
    this.reason = reason;
  }
}

/**
 * Accepts a code and uses it up in the same transaction: the TOTP step is remembered, the recovery code is gone. Throws `FactorRefused`.
 * Of two uses of one code exactly one succeeds, because transactions run one after the other.
 */
export async function acceptCode(
  context: IdentityContext,
  tx: StoreTransaction,
  userId: string,
  { factor, code }: CodeAttempt,
): Promise<void> {
  const credential = await readCredential(tx, userId);
  const next = factor === 'totp' ? afterTotp(credential, code, context.clock.now()) : afterRecovery(credential, code);
  if (!next.ok) throw new FactorRefused(next.error);
  await writeCredential(tx, userId, next.value);
}

/** Verifies an assertion outside any transaction. `err` says what was wrong, for the journal. */
export async function checkAssertion(
  context: IdentityContext,
  input: { readonly userId: string; readonly response: unknown; readonly challenge: string },
): Promise<Result<Passkey, string>> {
  const asserted = assertedBy(input.response);
  const credential = await context.store.read(async (tx) => await readCredential(tx, input.userId));
  // Only the passkeys of this person are looked at, so another person's cannot answer (WebAuthn Level 3 §7.2 step 6).
  const passkey = credential?.passkeys.find(({ id }) => id === asserted?.passkeyId);
  if (asserted === undefined || passkey === undefined) return err('this passkey is not one of the account');
  if (asserted.userHandle !== undefined && asserted.userHandle !== input.userId)
    return err('the user handle is of another account');
  const { relyingParty } = context;
  return await verifyPasskeyAssertion({ relyingParty, response: input.response, challenge: input.challenge, passkey });
}

/** Stores what a verified assertion says about its passkey. Throws `FactorRefused` when the passkey was removed or used meanwhile. */
export async function acceptAssertion(tx: StoreTransaction, userId: string, asserted: Passkey): Promise<void> {
  const credential = await readCredential(tx, userId);
  const stored = credential?.passkeys.find(({ id }) => id === asserted.id);
  if (credential === undefined || stored === undefined) throw new FactorRefused('passkey-refused');
  // Two answers with one counter value, verified side by side, are a clone as much as one after the other.
  const counts = !stored.backedUp && (asserted.counter > 0 || stored.counter > 0);
  if (counts && asserted.counter <= stored.counter) throw new FactorRefused('passkey-refused');
  const passkeys = credential.passkeys.map((passkey) => (passkey.id === asserted.id ? asserted : passkey));
  await writeCredential(tx, userId, { ...credential, passkeys });
}

/** Records a factor that was not accepted, as far as there is room. */
export async function recordRefusedFactor(
  context: IdentityContext,
  input: {
    readonly user?: User | undefined;
    readonly client: Client;
    readonly factors: readonly FactorName[];
    readonly reason: ReasonCode;
    readonly why?: string;
    readonly sessionId?: string;
  },
): Promise<void> {
  const { user, client, factors, reason, why, sessionId } = input;
  const isProven = user !== undefined && (factors.length > 1 || sessionId !== undefined);
  if (!context.mayTellRefusal(isProven ? user.id : 'stranger')) return;
  const event = authenticationEvent(context, {
    activity: 'logon',
    message: `sign-in of ${user?.email ?? 'an unknown account'} refused: ${reason}`,
    client,
    factors,
    refusedFor: reason,
    ...(user === undefined ? {} : { user }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(why === undefined ? {} : { detail: { why } }),
  });
  await context.journal.append(event);
}

function afterTotp(credential: Credential | undefined, code: string, now: number): Result<Credential, FactorRefusal> {
  if (credential?.totp === undefined) return err('code-wrong');
  const { secret, lastStep } = credential.totp;
  const check = checkTotp({ secret, code, now, lastStep });
  if (check.outcome === 'accepted') return ok({ ...credential, totp: { secret, lastStep: check.step } });
  return err(check.outcome === 'replayed' ? 'code-replayed' : 'code-wrong');
}

function afterRecovery(credential: Credential | undefined, code: string): Result<Credential, FactorRefusal> {
  const recovery = useRecoveryCode(credential?.recovery ?? [], code);
  return credential === undefined || recovery === undefined ? err('code-wrong') : ok({ ...credential, recovery });
}
