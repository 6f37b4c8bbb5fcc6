import type { Device, Session, User } from '#model';

/** What is taken for granted of somebody who is not asking right now, for people to read. */
export const ASSUMPTIONS: readonly string[] = [
  'signed in a moment ago, with a key that stays on its device',
  'on a managed device of their own, checked a moment ago and healthy',
  'no risk is held against person or device',
  'over TLS',
];

/** The best session that a person can have. */
export function assumedSession(user: User, now: number): Session {
  return {
    id: 'assumed',
    userId: user.id,
    tokenHash: '',
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 1,
    deviceId: 'assumed',
    address: ASSUMED_ADDRESS,
    userAgent: '',
  };
}

/** Where somebody is taken to come from; an address for documentation (RFC 5737), which no network has. */
export const ASSUMED_ADDRESS = '192.0.2.1';

/** The best device that a person can have. */
export function assumedDevice(user: User, now: number): Device {
  return {
    id: 'assumed',
    name: 'assumed',
    form: 'agent',
    ownerId: user.id,
    managed: true,
    status: 'active',
    enrolledAt: now,
    posture: { collectedAt: now, verdict: 'healthy', results: [] },
  };
}
