import { ok } from '#base';
import type { Actor, ReasonCode, Session, User } from '#model';
import type { StoreTransaction } from '#store';
import { forgetBrowsers } from './browsers.ts';
import type { IdentityContext } from './context.ts';
import { deleteCredential, readCredential } from './credential.ts';
import { requireGroups } from './groups.ts';
import { dropInvitationsOf, issueLink, type Link } from './invitations.ts';
import { keepingAnAdministrator, requireUser } from './people.ts';
import { type ManagementRecord, managementEvent } from './record.ts';
import { attempt, type Outcome, Refusal } from './refusal.ts';
import { deleteSessionsOf, recordEnds } from './sessions.ts';
import { forgetAccount } from './throttle.ts';

/** Administration of people. Whether the caller may do it is decided before, by policy. */
export interface Accounts {
  /** Ends all sessions; nothing works until enabled again. `err`: `user-unknown`, `last-administrator`. */
  disable(input: { userId: string; by: Actor }): Promise<Outcome<void>>;
  /** Undoes `disable`; factors are as they were. `err`: `user-unknown`. */
  enable(input: { userId: string; by: Actor }): Promise<Outcome<void>>;
  /** Replaces the groups. `err`: `user-unknown`, `group-unknown`, `last-administrator`. */
  setGroups(input: { userId: string; groups: readonly string[]; by: Actor }): Promise<Outcome<void>>;
  /** Deletes the account with everything it proves itself with; its agents' devices are revoked. `err`: `user-unknown`, `last-administrator`. */
  remove(input: { userId: string; by: Actor }): Promise<Outcome<void>>;
  /**
   * Throws all factors away and makes a new link; ends sessions and forgets browsers. An administrator never sets or sees a
   * password. `err`: `user-unknown`, `account-disabled`, `last-administrator`.
   */
  resetFactors(input: { userId: string; by: Actor }): Promise<Outcome<Link>>;
}

/** Makes the account operations. */
export function accountsOf(context: IdentityContext): Accounts {
  return {
    disable: async (input) => await disable(context, input),
    enable: async (input) => await enable(context, input),
    setGroups: async (input) => await setGroups(context, input),
    remove: async (input) => await remove(context, input),
    resetFactors: async (input) => await resetFactors(context, input),
  };
}

interface Target {
  readonly userId: string;
  readonly by: Actor;
}

async function disable(context: IdentityContext, { userId, by }: Target): Promise<Outcome<void>> {
  return await takeAway(context, {
    by,
    reason: 'user-disabled',
    event: { activity: 'disable', message: 'disabled' },
    change: async (tx) => {
      const user = await requireUser(tx, userId);
      await keepingAnAdministrator(tx, async () => await tx.put('user', { ...user, status: 'disabled' }));
      await dropInvitationsOf(tx, userId);
      return { user, ended: await deleteSessionsOf(context, tx, { userId }), value: undefined };
    },
  });
}

async function enable(context: IdentityContext, { userId, by }: Target): Promise<Outcome<void>> {
  return await attempt(context.store, by, async (tx) => {
    const user = await requireUser(tx, userId);
    if (user.status !== 'disabled') return;
    const status = (await readCredential(tx, userId)) === undefined ? 'invited' : 'active';
    await tx.put('user', { ...user, status });
    await context.journal.append(
      managementEvent(context, {
        activity: 'enable',
        message: `enabled ${user.email}`,
        by,
        user,
        severity: 'low',
        detail: { status },
      }),
    );
  });
}

async function setGroups(
  context: IdentityContext,
  { userId, groups, by }: Target & { groups: readonly string[] },
): Promise<Outcome<void>> {
  return await attempt(context.store, by, async (tx) => {
    const user = await requireUser(tx, userId);
    await requireGroups(tx, groups);
    const next = [...new Set(groups)];
    await keepingAnAdministrator(tx, async () => await tx.put('user', { ...user, groups: next }));
    const detail = { before: user.groups, after: next };
    await context.journal.append(
      managementEvent(context, {
        activity: 'update',
        message: `set the groups of ${user.email}`,
        by,
        user,
        severity: 'low',
        detail,
      }),
    );
  });
}

async function remove(context: IdentityContext, { userId, by }: Target): Promise<Outcome<void>> {
  return await takeAway(context, {
    by,
    reason: 'session-revoked',
    event: { activity: 'delete', message: 'removed' },
    change: async (tx) => {
      const user = await requireUser(tx, userId);
      const ended = await deleteSessionsOf(context, tx, { userId });
      await forgetFactors(tx, userId);
      for (const device of await tx.list('device')) {
        if (device.ownerId === userId) await tx.put('device', { ...device, status: 'revoked' });
      }
      await keepingAnAdministrator(tx, async () => await tx.delete('user', userId));
      return { user, ended, value: undefined };
    },
  });
}

async function resetFactors(context: IdentityContext, { userId, by }: Target): Promise<Outcome<Link>> {
  return await takeAway(context, {
    by,
    reason: 'session-revoked',
    event: { activity: 'other', message: 'reset the factors of', severity: 'medium' },
    change: async (tx) => {
      const user = await requireUser(tx, userId);
      if (user.status === 'disabled') {
        throw new Refusal({
          code: 'account-disabled',
          message: `\`${user.email}\` is disabled`,
          hint: 'enable the account first',
        });
      }
      const ended = await deleteSessionsOf(context, tx, { userId });
      await forgetFactors(tx, userId);
      await keepingAnAdministrator(tx, async () => await tx.put('user', { ...user, status: 'invited' }));
      return { user, ended, value: await issueLink(context, tx, { userId, purpose: 'reset' }) };
    },
  });
}

async function forgetFactors(tx: StoreTransaction, userId: string): Promise<void> {
  await deleteCredential(tx, userId);
  await dropInvitationsOf(tx, userId);
  await forgetBrowsers(tx, userId);
  await forgetAccount(tx, userId);
}

/**
 * Runs a change that takes something away, and records it after the commit: a journal that cannot be written must not keep
 * anybody's access alive. The rejection of the append still reaches the caller.
 */
async function takeAway<T>(
  context: IdentityContext,
  input: {
    readonly by: Actor;
    readonly reason: ReasonCode;
    readonly event: Pick<ManagementRecord, 'activity' | 'message' | 'severity'>;
    readonly change: (tx: StoreTransaction) => Promise<{ user: User; ended: readonly Session[]; value: T }>;
  },
): Promise<Outcome<T>> {
  const { by, reason, event } = input;
  const outcome = await attempt(context.store, by, input.change);
  if (!outcome.ok) return outcome;
  const { user, ended, value } = outcome.value;
  const message = `${event.message} ${user.email}`;
  await context.journal.append(
    managementEvent(context, { severity: 'low', ...event, message, by, user, detail: { sessionsEnded: ended.length } }),
  );
  await recordEnds(context, { ended, user, by, reason });
  return ok(value);
}
