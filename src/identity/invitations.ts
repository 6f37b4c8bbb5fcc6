import { hashToken, newId, newToken } from '#base';
import type { Actor, User } from '#model';
import type { StoreTransaction } from '#store';
import type { IdentityContext } from './context.ts';
import { requireGroups } from './groups.ts';
import { activeAdministrators, ADMINISTRATORS, normalEmail, normalName } from './people.ts';
import { managementEvent } from './record.ts';
import { attempt, type Outcome, Refusal, refuse } from './refusal.ts';

/** A one-time link's secret. Only its hash is stored; whoever holds it can enrol. */
export interface Link {
  readonly userId: string;
  readonly token: string;
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** The stored side of a link; the id of the private row is the token's hash. */
export interface Invitation {
  readonly userId: string;
  readonly purpose: 'first-administrator' | 'invited' | 'reset';
  readonly expiresAt: number;
}

/** Links that lead into an account. */
export interface Invitations {
  /**
   * The link for the first administrator, while there is no active one; undefined when there is. Every call makes the one before invalid,
   * so call it once per start.
   */
  bootstrap(): Promise<Link | undefined>;
  /** Invites a person. `err`: `email-invalid`, `name-invalid`, `email-taken`, `group-unknown`. An empty name is asked for at enrolment. */
  invite(input: { email: string; name: string; groups: readonly string[]; by: Actor }): Promise<Outcome<Link>>;
}

const ROW = 'identity-invitation';

/** Makes the invitation operations. */
export function invitationsOf(context: IdentityContext): Invitations {
  return {
    bootstrap: async () => await bootstrap(context),
    invite: async (input) => await invite(context, input),
  };
}

async function bootstrap(context: IdentityContext): Promise<Link | undefined> {
  return await context.store.transact('system', async (tx) => {
    await dropInvitations(tx, ({ purpose }) => purpose === 'first-administrator');
    if ((await activeAdministrators(tx)) > 0) return undefined;
    if ((await tx.get('group', ADMINISTRATORS)) === undefined) {
      await tx.put('group', { id: ADMINISTRATORS, name: 'Administrators', parents: [] });
    }
    const link = await issueLink(context, tx, {
      userId: newId('usr', context.clock.now()),
      purpose: 'first-administrator',
    });
    await context.journal.append(
      managementEvent(context, {
        activity: 'other',
        message: 'a link for the first administrator was issued',
        by: 'system',
        severity: 'medium',
      }),
    );
    return link;
  });
}

async function invite(
  context: IdentityContext,
  input: { email: string; name: string; groups: readonly string[]; by: Actor },
): Promise<Outcome<Link>> {
  const email = normalEmail(input.email);
  if (email === undefined) {
    return refuse('email-invalid', `\`${input.email}\` is not an e-mail address`, 'write it as `name@example.org`');
  }
  const name = input.name.trim() === '' ? '' : normalName(input.name);
  if (name === undefined)
    return refuse('name-invalid', 'the name is not one line of at most 200 characters', 'shorten it');
  return await attempt(context.store, input.by, async (tx) => {
    await requireFreeEmail(tx, email);
    await requireGroups(tx, input.groups);
    const now = context.clock.now();
    const groups = [...new Set(input.groups)];
    const user: User = { id: newId('usr', now), email, name, groups, status: 'invited', createdAt: now };
    await tx.put('user', user);
    const link = await issueLink(context, tx, { userId: user.id, purpose: 'invited' });
    await context.journal.append(
      managementEvent(context, {
        activity: 'create',
        message: `invited ${email}`,
        by: input.by,
        user,
        detail: { groups },
      }),
    );
    return link;
  });
}

/** Refuses with `email-taken` when somebody has this address. Read from the transaction: two invitations at once must not both pass. */
export async function requireFreeEmail(tx: Pick<StoreTransaction, 'list'>, email: string): Promise<void> {
  if ((await tx.list('user')).some((user) => user.email === email)) {
    throw new Refusal({
      code: 'email-taken',
      message: `there is an account for \`${email}\` already`,
      hint: 'reset its factors to make a new link',
    });
  }
}

/** Issues a link for an account; the ones it had before are dead. */
export async function issueLink(
  context: IdentityContext,
  tx: StoreTransaction,
  input: { readonly userId: string; readonly purpose: Invitation['purpose'] },
): Promise<Link> {
  await dropInvitations(tx, ({ userId }) => userId === input.userId);
  const token = newToken();
  const expiresAt = context.clock.now() + context.limits.invitationMs;
  const invitation: Invitation = { ...input, expiresAt };
  await tx.putPrivate(ROW, hashToken(token), invitation);
  return { userId: input.userId, token, expiresAt };
}

/** The living invitation with this id (the token's hash). */
export async function readInvitation(
  context: IdentityContext,
  tx: Pick<StoreTransaction, 'getPrivate'>,
  id: string,
): Promise<Invitation | undefined> {
  const invitation = await tx.getPrivate<Invitation>(ROW, id);
  return invitation === undefined || invitation.expiresAt <= context.clock.now() ? undefined : invitation;
}

/** Ends all links of a person. */
export async function dropInvitationsOf(tx: StoreTransaction, userId: string): Promise<void> {
  await dropInvitations(tx, (invitation) => invitation.userId === userId);
}

/** Removes links that have expired. Returns how many. */
export async function sweepInvitations(context: IdentityContext): Promise<number> {
  const now = context.clock.now();
  const rows = await context.store.read(async (tx) => await tx.listPrivate<Invitation>(ROW));
  if (!rows.some(({ body }) => body.expiresAt <= now)) return 0;
  return await context.store.transact(
    'system',
    async (tx) => await dropInvitations(tx, ({ expiresAt }) => expiresAt <= now),
  );
}

async function dropInvitations(tx: StoreTransaction, matches: (invitation: Invitation) => boolean): Promise<number> {
  let count = 0;
  for (const { id, body } of await tx.listPrivate<Invitation>(ROW)) {
    if (!matches(body)) continue;
    await tx.deletePrivate(ROW, id);
    count++;
  }
  return count;
}
