import { hashToken, newId, newToken, ok, secretsEqual } from '#base';
import type { AppSession, Session } from '#model';
import type { Client, IdentityContext } from './context.ts';
import { authenticationEvent } from './record.ts';
import { attempt, type Outcome, Refusal, refuse } from './refusal.ts';

/** Carrying a sign-in from the id host to an app host (or the console host), as an authorization code with PKCE does (RFC 7636). */
export interface Handoffs {
  /**
   * Issues a code for `host` (exact name, no port); good once, for 60 s. `challenge` is `hashToken(verifier)`.
   * The caller has checked that the host is one of ours. `err`: `handoff-invalid`.
   */
  issue(input: {
    session: Session;
    host: string;
    challenge: string;
  }): Outcome<{ readonly code: string; readonly expiresAt: number }>;
  /** Exchanges a code for the cookie of the app host. The code is used up, right or wrong. `err`: `handoff-invalid`. */
  redeem(input: {
    code: string;
    verifier: string;
    host: string;
    client?: Client;
  }): Promise<Outcome<{ readonly token: string; readonly appSession: AppSession }>>;
}

/** Makes the hand-off operations. */
export function handoffsOf(context: IdentityContext): Handoffs {
  return {
    issue: ({ session, host, challenge }) => {
      // Exactly what hashToken makes: a shorter challenge could be searched.
      if (!/^[A-Za-z0-9_-]{43}$/.test(challenge) || host === '') return invalid();
      const expiresAt = context.clock.now() + context.limits.handoffMs;
      const code = context.flows.handoffs.add({ sessionId: session.id, host, challenge }, session.id, expiresAt);
      return ok({ code, expiresAt });
    },
    redeem: async (input) => await redeem(context, input),
  };
}

async function redeem(
  context: IdentityContext,
  { code, verifier, host, client }: { code: string; verifier: string; host: string; client?: Client },
): Promise<Outcome<{ token: string; appSession: AppSession }>> {
  const handoff = context.flows.handoffs.take(code);
  // The verifier shows that the browser that asked is the one that comes back: a stolen or planted code is worth nothing.
  const isGenuine =
    handoff !== undefined && handoff.host === host && secretsEqual(hashToken(verifier), handoff.challenge);
  if (!isGenuine) {
    await recordHandoff(context, { host, sessionId: handoff?.sessionId, client, refused: true });
    return invalid();
  }
  const { sessionId } = handoff;
  const now = context.clock.now();
  return await attempt(context.store, 'system', async (tx) => {
    const session = await tx.get('session', sessionId);
    if (session === undefined || session.expiresAt <= now) throw new Refusal(invalid().error);
    const mine = [...context.graph.all('appSession')].filter((app) => app.sessionId === sessionId);
    const surplus = mine.length + 1 - context.limits.appSessionsPerSession;
    for (const { id } of mine.slice(0, Math.max(0, surplus))) await tx.delete('appSession', id);
    const token = newToken();
    const appSession: AppSession = {
      id: newId('app', now),
      tokenHash: hashToken(token),
      sessionId,
      host,
      createdAt: now,
    };
    await tx.put('appSession', appSession);
    await recordHandoff(context, { host, sessionId, client, refused: false });
    return { token, appSession };
  });
}

function invalid(): ReturnType<typeof refuse> {
  return refuse('handoff-invalid', 'the sign-in could not be carried to this host', 'open the app again');
}

async function recordHandoff(
  context: IdentityContext,
  input: { host: string; sessionId: string | undefined; client: Client | undefined; refused: boolean },
): Promise<void> {
  const { host, sessionId, client, refused } = input;
  if (refused && !context.mayTellRefusal('hand-off')) return;
  const userId = sessionId === undefined ? undefined : context.graph.get('session', sessionId)?.userId;
  const user = userId === undefined ? undefined : context.graph.get('user', userId);
  await context.journal.append(
    authenticationEvent(context, {
      activity: 'other',
      message: refused ? `a hand-off to ${host} was refused` : `sign-in carried to ${host}`,
      factors: [],
      detail: { host },
      ...(refused ? { refusedFor: 'handoff-invalid' as const } : {}),
      ...(user === undefined ? {} : { user }),
      ...(client === undefined ? {} : { client }),
      ...(sessionId === undefined ? {} : { sessionId }),
    }),
  );
}
