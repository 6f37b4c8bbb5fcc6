import { hashToken, newId, newToken, ok } from '#base';
import type { Acr, Actor, Device, ReasonCode, Session, User } from '#model';
import type { StoreTransaction } from '#store';
import { recogniseBrowser } from './browsers.ts';
import type { Client, IdentityContext } from './context.ts';
import { authenticationEvent } from './record.ts';
import { type Outcome, Refusal, refuse } from './refusal.ts';

/** A person who is signed in. `sessionToken` goes into `__Host-cordon_session`, `deviceToken`, when present, into `__Host-cordon_device`. */
export interface SignedIn {
  readonly sessionToken: string;
  readonly session: Session;
  readonly deviceToken?: string;
}

/** Who a session token stands for. */
export interface Authenticated {
  readonly session: Session;
  readonly user: User;
  readonly device?: Device;
}

/** Sessions of people who are signed in. */
export interface Sessions {
  /** From the graph, without waiting. `err`: `not-authenticated`, `session-expired` or `user-disabled`. */
  authenticate(token: string | undefined): Outcome<Authenticated>;
  /** Signs out. An unknown token is no error: the person wanted no session, and has none. */
  end(input: { token: string; client: Client }): Promise<void>;
  /** Ends one session by its id. `ownerId` limits it to that person's. `err`: `session-unknown`. */
  endById(input: { sessionId: string; by: Actor; ownerId?: string }): Promise<Outcome<void>>;
  /** Ends all sessions of a person, with app sessions; returns how many. `except` keeps one. */
  endAll(input: { userId: string; by: Actor; reason: ReasonCode; except?: string }): Promise<number>;
  /** Sessions of a person that have not expired, newest first. */
  list(userId: string): readonly Session[];
}

/** Makes the session operations. */
export function sessionsOf(context: IdentityContext): Sessions {
  return {
    authenticate: (token) => authenticate(context, token),
    end: async ({ token, client }) => {
      const session = context.graph.sessionByTokenHash(hashToken(token));
      if (session === undefined) return;
      const user = context.graph.get('user', session.userId);
      await context.store.transact(
        `user:${session.userId}`,
        async (tx) => await deleteSession(context, tx, session.id),
      );
      await recordEnd(context, { session, message: 'signed out', client, ...(user === undefined ? {} : { user }) });
    },
    endById: async ({ sessionId, by, ownerId }) => {
      const session = context.graph.get('session', sessionId);
      if (session === undefined || (ownerId !== undefined && session.userId !== ownerId)) {
        return refuse('session-unknown', `no session \`${sessionId}\``, 'list the sessions to see their ids');
      }
      await context.store.transact(by, async (tx) => await deleteSession(context, tx, sessionId));
      const user = context.graph.get('user', session.userId);
      await recordEnd(context, { session, message: `session ended by ${by}`, ...(user === undefined ? {} : { user }) });
      return ok(undefined);
    },
    endAll: async ({ userId, by, reason, except }) => {
      const user = context.graph.get('user', userId);
      const ended = await context.store.transact(
        by,
        async (tx) => await deleteSessionsOf(context, tx, { userId, except }),
      );
      await recordEnds(context, { ended, user, by, reason });
      return ended.length;
    },
    list: (userId) =>
      [...context.graph.all('session')]
        .filter((session) => session.userId === userId && session.expiresAt > context.clock.now())
        .sort((a, b) => b.createdAt - a.createdAt),
  };
}

function authenticate(context: IdentityContext, token: string | undefined): Outcome<Authenticated> {
  const session = token === undefined ? undefined : context.graph.sessionByTokenHash(hashToken(token));
  if (session === undefined) return refuse('not-authenticated', 'you are not signed in', 'sign in');
  if (session.expiresAt <= context.clock.now()) {
    return refuse('session-expired', 'your session has expired', 'sign in again');
  }
  const user = context.graph.get('user', session.userId);
  if (user?.status !== 'active') return refuse('user-disabled', 'your account is disabled', 'ask an administrator');
  const device = session.deviceId === undefined ? undefined : context.graph.get('device', session.deviceId);
  return ok({ session, user, ...(device === undefined ? {} : { device }) });
}

/** Writes a new session. Refuses an account that is not active any more with `user-disabled`: it may have been disabled meanwhile. */
export async function openSession(
  context: IdentityContext,
  tx: StoreTransaction,
  input: { readonly userId: string; readonly acr: Acr; readonly amr: readonly string[]; readonly client: Client },
): Promise<SignedIn> {
  const user = await tx.get('user', input.userId);
  if (user?.status !== 'active') {
    throw new Refusal({ code: 'user-disabled', message: 'the account is disabled', hint: 'ask an administrator' });
  }
  const now = context.clock.now();
  const browser = await recogniseBrowser(context, tx, { user, client: input.client });
  const token = newToken();
  const session: Session = {
    id: newId('ses', now),
    userId: user.id,
    tokenHash: hashToken(token),
    acr: input.acr,
    amr: input.amr,
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + context.limits.sessionMs,
    ...(browser.deviceId === undefined ? {} : { deviceId: browser.deviceId }),
    address: input.client.address,
    userAgent: input.client.userAgent.slice(0, 512),
  };
  await endOldest(context, tx, user.id);
  await tx.put('session', session);
  return { sessionToken: token, session, ...(browser.token === undefined ? {} : { deviceToken: browser.token }) };
}

/**
 * Replaces a session by one with another token and assurance; its app sessions end, so every app host hands off again. Of two
 * rotations of one session exactly one succeeds. The end of the session does not move.
 */
export async function rotateSession(
  context: IdentityContext,
  tx: StoreTransaction,
  input: { readonly session: Session; readonly acr: Acr; readonly amr: readonly string[]; readonly client: Client },
): Promise<SignedIn> {
  const { session, acr, amr, client } = input;
  const user = await tx.get('user', session.userId);
  if ((await tx.get('session', session.id)) === undefined || user?.status !== 'active') {
    throw new Refusal({ code: 'not-authenticated', message: 'the session has ended', hint: 'sign in again' });
  }
  const now = context.clock.now();
  const token = newToken();
  const next: Session = {
    ...session,
    id: newId('ses', now),
    tokenHash: hashToken(token),
    acr,
    amr,
    authenticatedAt: now,
    createdAt: now,
    address: client.address,
    userAgent: client.userAgent.slice(0, 512),
  };
  await deleteSession(context, tx, session.id);
  await tx.put('session', next);
  return { sessionToken: token, session: next };
}

/** Deletes a session with its app sessions. An app session that commits at this very moment is useless without it and swept later. */
async function deleteSession(context: IdentityContext, tx: StoreTransaction, sessionId: string): Promise<void> {
  await tx.delete('session', sessionId);
  for (const app of [...context.graph.all('appSession')]) {
    if (app.sessionId === sessionId) await tx.delete('appSession', app.id);
  }
}

/** Deletes all sessions of a person, read from the transaction itself: a sign-in that has just committed must not survive. */
export async function deleteSessionsOf(
  context: IdentityContext,
  tx: StoreTransaction,
  input: { readonly userId: string; readonly except?: string | undefined },
): Promise<readonly Session[]> {
  const sessions = (await tx.list('session')).filter(
    ({ id, userId }) => userId === input.userId && id !== input.except,
  );
  for (const { id } of sessions) await deleteSession(context, tx, id);
  return sessions;
}

/** Records the end of sessions that have been deleted. */
export async function recordEnds(
  context: IdentityContext,
  input: {
    readonly ended: readonly Session[];
    readonly user: User | undefined;
    readonly by: Actor;
    readonly reason: ReasonCode;
  },
): Promise<void> {
  const { user, by, reason } = input;
  for (const session of input.ended) {
    await recordEnd(context, {
      session,
      message: `session ended by ${by}: ${reason}`,
      reason,
      ...(user === undefined ? {} : { user }),
    });
  }
}

/** Removes sessions that have expired, and app sessions that have, or whose session is gone. Returns how many of each. */
export async function sweepSessions(context: IdentityContext): Promise<{ sessions: number; appSessions: number }> {
  const now = context.clock.now();
  const { graph, store } = context;
  const expired = [...graph.all('session')].filter((session) => session.expiresAt <= now);
  const gone = new Set(expired.map(({ id }) => id));
  const orphans = [...graph.all('appSession')].filter(
    ({ sessionId, expiresAt }) =>
      gone.has(sessionId) ||
      graph.get('session', sessionId) === undefined ||
      (expiresAt !== undefined && expiresAt <= now),
  );
  if (expired.length + orphans.length > 0) {
    await store.transact('system', async (tx) => {
      for (const { id } of expired) await tx.delete('session', id);
      for (const { id } of orphans) await tx.delete('appSession', id);
    });
  }
  for (const session of expired) {
    const user = graph.get('user', session.userId);
    const fields = { session, message: 'session expired', reason: 'session-expired' } as const;
    await recordEnd(context, { ...fields, ...(user === undefined ? {} : { user }) });
  }
  return { sessions: expired.length, appSessions: orphans.length };
}

async function endOldest(context: IdentityContext, tx: StoreTransaction, userId: string): Promise<void> {
  const mine = [...context.graph.all('session')]
    .filter((session) => session.userId === userId)
    .sort((a, b) => a.createdAt - b.createdAt);
  const surplus = mine.length + 1 - context.limits.sessionsPerUser;
  for (const { id } of mine.slice(0, Math.max(0, surplus))) await deleteSession(context, tx, id);
}

async function recordEnd(
  context: IdentityContext,
  input: { session: Session; message: string; user?: User; client?: Client; reason?: ReasonCode },
): Promise<void> {
  const { session, message, user, client, reason } = input;
  const event = authenticationEvent(context, {
    activity: 'logoff',
    message,
    factors: [],
    sessionId: session.id,
    ...(user === undefined ? {} : { user }),
    ...(client === undefined ? {} : { client }),
    detail: { reason: reason ?? 'signed-out', session: session.id },
  });
  await context.journal.append(event);
}
