import { err, ok, type Problem, type Result } from '#base';
import type { Actor } from '#model';
import type { Store, StoreTransaction } from '#store';

/** Why identity says no. `retryAfterSeconds` is present with `too-many-attempts` only. */
export interface IdentityProblem extends Problem {
  readonly retryAfterSeconds?: number;
}

/** The outcome of every identity operation that can be refused. */
export type Outcome<T> = Result<T, IdentityProblem>;

/** Rolls a transaction back and becomes the `err` of `attempt`. Never leaves this area. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: IdentityProblem;

  constructor(problem: IdentityProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Runs `work` in one transaction; a thrown `Refusal` rolls it back and is returned as `err`. */
export async function attempt<T>(
  store: Store,
  actor: Actor,
  work: (tx: StoreTransaction) => Promise<T>,
): Promise<Outcome<T>> {
  try {
    return ok(await store.transact(actor, work));
  } catch (cause) {
    if (cause instanceof Refusal) return err(cause.problem);
    throw cause;
  }
}

/** Builds an `err` with a coded problem. */
export function refuse(
  code: string,
  message: string,
  hint: string,
): { readonly ok: false; readonly error: IdentityProblem } {
  return err({ code, message, hint });
}

/** The one answer to a wrong address, a wrong password and an account that may not sign in: they must look alike. */
export function credentialsWrong(): { readonly ok: false; readonly error: IdentityProblem } {
  return refuse(
    'credentials-wrong',
    'email or password is wrong',
    'check both, or ask an administrator for a new invitation',
  );
}

/** `too-many-attempts`, with the time to wait. */
export function tooManyAttempts(waitMs: number): { readonly ok: false; readonly error: IdentityProblem } {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return err({
    code: 'too-many-attempts',
    message: 'too many attempts',
    hint: `wait ${retryAfterSeconds} s, then try again; a passkey works meanwhile`,
    retryAfterSeconds,
  });
}

/** A flow, pending sign-in or enrolment that is unknown, used or too old: the three look alike. */
export function flowExpired(): { readonly ok: false; readonly error: IdentityProblem } {
  return refuse('flow-expired', 'this step has expired or was already used', 'start again from the beginning');
}

/** A link that is unknown, used or too old: the three look alike. */
export function linkInvalid(): { readonly ok: false; readonly error: IdentityProblem } {
  return refuse('link-invalid', 'this link is not valid any more', 'ask an administrator for a new invitation');
}

/** `passkey-refused`: what exactly was wrong is nobody's business but the journal's. */
export function passkeyRefused(): { readonly ok: false; readonly error: IdentityProblem } {
  return refuse('passkey-refused', 'the passkey was not accepted', 'try again, or use another passkey');
}

/** `code-wrong`, for a code of an authenticator app or a recovery code, wrong or used before. */
export function codeWrong(): { readonly ok: false; readonly error: IdentityProblem } {
  return refuse(
    'code-wrong',
    'the code is wrong or was used before',
    'wait for the next code, and check the clock of your phone',
  );
}
