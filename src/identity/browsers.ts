import { hashToken, newId, newToken } from '#base';
import type { Device, User } from '#model';
import type { StoreTransaction } from '#store';
import type { Client, IdentityContext } from './context.ts';

/** The browser a sign-in came from. `token` is present when it was recognised for the first time. */
export interface RecognisedBrowser {
  readonly deviceId?: string;
  readonly token?: string;
}

/** The active browser behind a device cookie, when it belongs to this person. */
export function knownBrowser(
  context: IdentityContext,
  userId: string,
  deviceToken: string | undefined,
): Device | undefined {
  const device = deviceToken === undefined ? undefined : context.graph.deviceByTokenHash(hashToken(deviceToken));
  return device?.form === 'browser' && device.status === 'active' && device.ownerId === userId ? device : undefined;
}

/**
 * Recognises the browser of somebody who has just signed in, or remembers it from now on. A revoked browser is neither: its session has no
 * device, so whatever asks for a known one refuses it.
 */
export async function recogniseBrowser(
  context: IdentityContext,
  tx: StoreTransaction,
  input: { readonly user: User; readonly client: Client },
): Promise<RecognisedBrowser> {
  const { user, client } = input;
  const presented =
    client.deviceToken === undefined ? undefined : context.graph.deviceByTokenHash(hashToken(client.deviceToken));
  if (presented?.form === 'browser' && presented.ownerId === user.id) {
    const device = await tx.get('device', presented.id);
    if (device !== undefined) return device.status === 'active' ? { deviceId: device.id } : {};
  }
  const now = context.clock.now();
  const token = newToken();
  const device: Device = {
    id: newId('dev', now),
    name: browserName(client.userAgent),
    form: 'browser',
    ownerId: user.id,
    managed: false,
    status: 'active',
    tokenHash: hashToken(token),
    enrolledAt: now,
  };
  await tx.put('device', device);
  await forgetOldest(context, tx, user.id);
  return { deviceId: device.id, token };
}

/** Forgets all browsers of a person. */
export async function forgetBrowsers(tx: StoreTransaction, userId: string): Promise<void> {
  for (const device of await tx.list('device')) {
    if (device.form === 'browser' && device.ownerId === userId) await tx.delete('device', device.id);
  }
}

async function forgetOldest(context: IdentityContext, tx: StoreTransaction, userId: string): Promise<void> {
  const mine = [...context.graph.all('device')]
    // Revoked ones stay: forgetting them would make them new again.
    .filter((device) => device.form === 'browser' && device.ownerId === userId && device.status === 'active')
    .sort((a, b) => a.enrolledAt - b.enrolledAt);
  const surplus = mine.length + 1 - context.limits.browsersPerUser;
  for (const device of mine.slice(0, Math.max(0, surplus))) await tx.delete('device', device.id);
}

/** A name a person recognises: `Firefox on Linux`. Never used for a decision. */
function browserName(userAgent: string): string {
  const browsers = [
    ['Edg/', 'Edge'],
    ['OPR/', 'Opera'],
    ['Firefox/', 'Firefox'],
    ['Chrome/', 'Chrome'],
    ['Safari/', 'Safari'],
  ] as const;
  const systems = [
    ['Android', 'Android'],
    ['iPhone', 'iOS'],
    ['iPad', 'iPadOS'],
    ['Windows', 'Windows'],
    ['Mac OS X', 'macOS'],
    ['CrOS', 'ChromeOS'],
    ['Linux', 'Linux'],
  ] as const;
  const browser = browsers.find(([mark]) => userAgent.includes(mark))?.[1] ?? 'Browser';
  const system = systems.find(([mark]) => userAgent.includes(mark))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}
