import { formatAddress, formatCidr, hashToken, parseAddress } from '#base';
import type { StoreTransaction } from '#store';
import type { IdentityContext } from './context.ts';
import type { ThrottleRule } from './limits.ts';

/** A kind of authenticator. Each has its own counters, so that guessing a password never locks a passkey. */
export type Factor = 'password' | 'totp' | 'recovery';

/** Which counter an attempt is held against, and under which rule. */
export interface ThrottleKey {
  readonly id: string;
  readonly pool: 'address' | 'stranger' | 'known';
  /** Rows about nobody in particular may be forgotten. */
  readonly scope: 'address' | 'unknown' | 'account';
}

interface Counter {
  readonly scope: ThrottleKey['scope'];
  /** Failures since the last success or quiet time; sets the backoff. */
  readonly failures: number;
  /** Failures since the last success; `max` ends the authenticator. */
  readonly streak: number;
  readonly last: number;
}

/** Attempts that were counted as failures in advance, to be settled when they turn out well. */
export type Reservation = readonly { readonly key: ThrottleKey; readonly at: number; readonly previousLast: number }[];

const ROW = 'identity-throttle';

/** The counter of a client address. IPv6 clients own a /64, so that is what counts. */
export function addressKey(address: string): ThrottleKey {
  return { id: `address:${networkOf(address)}`, pool: 'address', scope: 'address' };
}

/** The counter of an account's factor, for browsers it has used before (`known`) and for others. */
export function accountKey(userId: string, factor: Factor, known: boolean): ThrottleKey {
  const pool = known ? 'known' : 'stranger';
  return { id: `account:${userId}:${factor}:${pool}`, pool, scope: 'account' };
}

/** The counter of an address nobody has an account for: it must slow down exactly as an account does. */
export function unknownKey(email: string): ThrottleKey {
  return { id: `unknown:${hashToken(email)}`, pool: 'stranger', scope: 'unknown' };
}

/** How long until another attempt is allowed under all of `keys`, milliseconds; 0 means now. */
export async function throttleWait(context: IdentityContext, keys: readonly ThrottleKey[]): Promise<number> {
  return await context.store.read(async (tx) => await longestWait(context, tx, keys));
}

/**
 * Counts an attempt as failed before it is checked, unless it has to wait. A hundred attempts at once are therefore a hundred failures and
 * not one; `settleSuccess` takes back what turns out well.
 */
export async function reserveAttempt(
  context: IdentityContext,
  keys: readonly ThrottleKey[],
): Promise<{ readonly waitMs: number } | { readonly reservation: Reservation }> {
  const now = context.clock.now();
  return await context.store.transact('system', async (tx) => {
    const waitMs = await longestWait(context, tx, keys);
    if (waitMs > 0) return { waitMs };
    const reservation = [];
    for (const key of keys) {
      const before = await tx.getPrivate<Counter>(ROW, key.id);
      const rule = context.limits.throttle[key.pool];
      const fresh = before === undefined || now - before.last > rule.forgetMs;
      const counter: Counter = {
        scope: key.scope,
        failures: (fresh ? 0 : before.failures) + 1,
        streak: (before?.streak ?? 0) + 1,
        last: now,
      };
      await tx.putPrivate(ROW, key.id, counter);
      reservation.push({ key, at: now, previousLast: before?.last ?? 0 });
    }
    return { reservation };
  });
}

/**
 * Settles a success: the account's counter starts from zero, an address only gets this attempt back. Otherwise somebody with one
 * account of their own could sign in between guesses and never be slowed down.
 */
export async function settleSuccess(tx: StoreTransaction, reservation: Reservation): Promise<void> {
  for (const { key, at, previousLast } of reservation) {
    const counter = await tx.getPrivate<Counter>(ROW, key.id);
    if (counter === undefined) continue;
    if (key.scope === 'account' || counter.failures <= 1) {
      await tx.deletePrivate(ROW, key.id);
      if (key.pool === 'known') await liftStrangersLock(tx, key);
      continue;
    }
    const last = counter.last === at ? previousLast : counter.last;
    await tx.putPrivate(ROW, key.id, { ...counter, failures: counter.failures - 1, streak: counter.streak - 1, last });
  }
}

/** The owner is back: strangers' failures stop counting towards the end of the authenticator, but their backoff stays. */
async function liftStrangersLock(tx: StoreTransaction, key: ThrottleKey): Promise<void> {
  const id = key.id.replace(/:known$/, ':stranger');
  const counter = await tx.getPrivate<Counter>(ROW, id);
  if (counter !== undefined) await tx.putPrivate(ROW, id, { ...counter, streak: 0 });
}

/** Forgets all counters of an account, when its factors are reset or it is removed. */
export async function forgetAccount(tx: StoreTransaction, userId: string): Promise<void> {
  for (const factor of ['password', 'totp', 'recovery'] as const) {
    for (const known of [true, false]) await tx.deletePrivate(ROW, accountKey(userId, factor, known).id);
  }
}

/** Removes counters that have no effect any more, and the oldest about strangers when there are too many. Returns how many. */
export async function sweepThrottle(context: IdentityContext): Promise<number> {
  const now = context.clock.now();
  const { throttle } = context.limits;
  const rows = await context.store.read(async (tx) => await tx.listPrivate<Counter>(ROW));
  const strangers = rows.filter(({ body }) => body.scope !== 'account').sort((a, b) => a.body.last - b.body.last);
  const surplus = Math.max(0, strangers.length - throttle.rows);
  const life = (scope: Counter['scope']): number =>
    scope === 'address' ? throttle.address.forgetMs : throttle.unknownMs;
  const dead = strangers.filter(({ body }, index) => index < surplus || now - body.last > life(body.scope));
  if (dead.length > 0) {
    await context.store.transact('system', async (tx) => {
      for (const { id } of dead) await tx.deletePrivate(ROW, id);
    });
  }
  return dead.length;
}

async function longestWait(
  context: IdentityContext,
  tx: Pick<StoreTransaction, 'getPrivate'>,
  keys: readonly ThrottleKey[],
): Promise<number> {
  let longest = 0;
  for (const key of keys) {
    const counter = await tx.getPrivate<Counter>(ROW, key.id);
    if (counter !== undefined) {
      longest = Math.max(longest, waitOf(counter, context.limits.throttle[key.pool], context.clock.now()));
    }
  }
  return longest;
}

function waitOf(counter: Counter, rule: ThrottleRule, now: number): number {
  if (counter.streak >= rule.max) return rule.capMs;
  if (counter.failures <= rule.free || now - counter.last > rule.forgetMs) return 0;
  const backoff = Math.min(rule.capMs, rule.baseMs * 2 ** (counter.failures - rule.free - 1));
  // A clock that was set back must not make anybody wait longer than the backoff itself.
  return Math.min(backoff, Math.max(0, counter.last + backoff - now));
}

function networkOf(address: string): string {
  const parsed = parseAddress(address, { mapped: 'unmap' });
  // Something without an address (a Unix socket) shares one counter.
  if (!parsed.ok) return 'none';
  const { family, value } = parsed.value;
  if (family === 4) return formatAddress(parsed.value);
  return formatCidr({ family, value: (value >> 64n) << 64n, prefix: 64 });
}
