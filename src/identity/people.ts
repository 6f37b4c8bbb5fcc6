import type { TrustGraph, User } from '#model';
import type { StoreTransaction } from '#store';
import { Refusal } from './refusal.ts';

/** The group whose members administer Cordon. */
export const ADMINISTRATORS = 'admins';

/** An e-mail address as it is stored and compared: NFC, lower case; undefined when it is not one. */
export function normalEmail(text: string): string | undefined {
  const email = text.trim().normalize('NFC').toLowerCase();
  return email.length <= 254 && /^[^\s@"<>\p{Cc}]{1,64}@[^\s@"<>\p{Cc}]+$/u.test(email) ? email : undefined;
}

/** A person's name as it is stored: one line of 1 to 200 code points; undefined when it is not one. */
export function normalName(text: string): string | undefined {
  const name = text.trim().normalize('NFC').replaceAll(/\s+/gu, ' ');
  return name !== '' && [...name].length <= 200 && !/\p{Cc}/u.test(name) ? name : undefined;
}

/** The account of an address. Looks at every account, so that the time tells nothing. */
export function userByEmail(graph: TrustGraph, email: string): User | undefined {
  let found: User | undefined;
  for (const user of graph.all('user')) if (user.email === email) found = user;
  return found;
}

/** The account, or `user-unknown`. */
export async function requireUser(tx: Pick<StoreTransaction, 'get'>, userId: string): Promise<User> {
  const user = await tx.get('user', userId);
  if (user !== undefined) return user;
  throw new Refusal({
    code: 'user-unknown',
    message: `no account \`${userId}\``,
    hint: 'list the accounts to see their ids',
  });
}

/** How many active people administer Cordon, through nested groups too, as the transaction would leave it. */
export async function activeAdministrators(tx: Pick<StoreTransaction, 'list'>): Promise<number> {
  const inside = new Set([ADMINISTRATORS]);
  const groups = await tx.list('group');
  for (let size = 0; size !== inside.size; ) {
    size = inside.size;
    for (const group of groups) if (group.parents.some((parent) => inside.has(parent))) inside.add(group.id);
  }
  const users = await tx.list('user');
  return users.filter((user) => user.status === 'active' && user.groups.some((group) => inside.has(group))).length;
}

/** Runs a change and refuses it with `last-administrator` when it would leave nobody to administer Cordon. */
export async function keepingAnAdministrator<T>(tx: StoreTransaction, change: () => Promise<T>): Promise<T> {
  const before = await activeAdministrators(tx);
  const value = await change();
  if (before > 0 && (await activeAdministrators(tx)) === 0) {
    throw new Refusal({
      code: 'last-administrator',
      message: 'this would leave Cordon without an active administrator',
      hint: `add another active person to the group \`${ADMINISTRATORS}\` first`,
    });
  }
  return value;
}
