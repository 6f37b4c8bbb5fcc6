import type { User } from '#model';
import type { StoreTransaction } from '#store';
import type { Client, IdentityContext } from './context.ts';
import { authenticationEvent, type FactorName } from './record.ts';
import { attempt, flowExpired, type Outcome, Refusal } from './refusal.ts';
import { FactorRefused, type FactorRefusal, recordRefusedFactor } from './second-factor.ts';
import { openSession, type SignedIn } from './sessions.ts';

/** Uses the factor up, writes the session and records it, all in one transaction; a pending sign-in is used up with it. */
export async function establish(
  context: IdentityContext,
  who: {
    readonly userId: string;
    readonly pending?: string;
    readonly client: Client;
    readonly factors: readonly FactorName[];
  },
  prove: (tx: StoreTransaction) => Promise<Pick<SignedIn['session'], 'acr' | 'amr'>>,
): Promise<Outcome<SignedIn>> {
  const { userId, pending, client, factors } = who;
  const user = context.graph.get('user', userId);
  let reason: FactorRefusal | 'user-disabled' = 'user-disabled';
  const outcome = await attempt(context.store, `user:${userId}`, async (tx) => {
    // Asked again inside: of two second factors at once only one may turn this sign-in into a session.
    if (pending !== undefined && context.flows.pending.peek(pending) === undefined)
      throw new Refusal(flowExpired().error);
    try {
      const proven = await prove(tx);
      const signedIn = await openSession(context, tx, { userId, client, ...proven });
      await recordSignIn(context, { user, client, factors, signedIn });
      if (pending !== undefined && context.flows.pending.take(pending) === undefined)
        throw new Refusal(flowExpired().error);
      return signedIn;
    } catch (cause) {
      if (cause instanceof FactorRefused) reason = cause.reason;
      throw cause;
    }
  });
  if (!outcome.ok && outcome.error.code !== 'flow-expired') {
    await recordRefusedFactor(context, { user, client, factors, reason });
  }
  return outcome;
}

async function recordSignIn(
  context: IdentityContext,
  input: { user: User | undefined; client: Client; factors: readonly FactorName[]; signedIn: SignedIn },
): Promise<void> {
  const { user, client, factors, signedIn } = input;
  const isRecovery = factors.includes('recovery-code');
  const { session, deviceToken } = signedIn;
  await context.journal.append(
    authenticationEvent(context, {
      activity: 'logon',
      message: `${user?.email ?? session.userId} signed in${isRecovery ? ' with a recovery code' : ''}`,
      client,
      factors,
      sessionId: session.id,
      ...(user === undefined ? {} : { user }),
      // A recovery code means that the other factors are lost, or that somebody found the sheet.
      ...(isRecovery ? { severity: 'high' as const } : {}),
      detail: { acr: session.acr, amr: session.amr, newBrowser: deviceToken !== undefined },
    }),
  );
}
