/** People who are signed in to one app, for the gateway's benchmarks. */
import { hashToken, newToken, systemClock } from '#base';
import { createAssertionSigner, createGateway, type Gateway } from '#gateway';
import { openJournal } from '#journal';
import { type AnyEntity, type App, type EntityKind, TrustGraph } from '#model';
import { type ActivePolicies, loadPolicies } from '#policy';

/** A gateway with people in front of it. */
export interface Estate {
  readonly gateway: Gateway;
  /** Header lines of a request, one list per person. */
  readonly lines: readonly (readonly string[])[];
  /** Applies one change to the graph. */
  readonly change: (kind: EntityKind, id: string, body?: object) => void;
  /** In force now. */
  policies: ActivePolicies;
}

/** Lets engineering in, or nobody. */
export const POLICIES = {
  open: 'permit (principal in Group::"engineering", action == Action::"access", resource);',
  closed: 'forbid (principal, action == Action::"access", resource);',
} as const;

/** Checks and compiles one text. */
export function policiesOf(text: string, version: number): ActivePolicies {
  const loaded = loadPolicies({ texts: { 'apps.cedar': text }, version });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return loaded.value;
}

/** Makes a gateway with a journal in `folder`, in front of an app on `appPort`, and `count` people with a session each. */
export async function makeEstate(input: { appPort: string; folder: string; count: number }): Promise<Estate> {
  const now = systemClock.now();
  const app: App = {
    id: 'reports',
    name: 'Reports',
    host: 'reports.localhost',
    upstream: `http://127.0.0.1:${input.appPort}`,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
  };
  const entities: AnyEntity[] = [
    { kind: 'group', id: 'engineering', body: { id: 'engineering', name: 'Engineering', parents: [] } },
    { kind: 'app', id: app.id, body: app },
  ];
  const lines = Array.from({ length: input.count }, (_, index) => {
    const token = newToken();
    entities.push(...person(index, { token, now, host: app.host }));
    return [`host: ${app.host}`, `cookie: __Host-cordon_app=${token}`];
  });
  const graph = new TrustGraph();
  graph.load({ seq: 1, entities });
  const estate = { policies: policiesOf(POLICIES.open, 1) };
  const gateway = createGateway({
    graph,
    policies: () => estate.policies,
    journal: await openJournal({ directory: input.folder, clock: systemClock }),
    clock: systemClock,
    assertion: createAssertionSigner({ clock: systemClock }),
    handoff: { redeem: () => Promise.reject(new Error('nobody signs in here')) },
    identityOrigin: 'http://id.localhost',
    deviceOf: () => undefined,
    limits: { connectionsPerAddress: 100_000 },
  });
  const change: Estate['change'] = (kind, id, body) => {
    const op = body === undefined ? 'delete' : 'put';
    graph.apply({
      change: { seq: graph.seq + 1, time: systemClock.now(), kind, id, op, actor: 'bench' },
      // Kind and body belong together by the caller's word.
      ...(body === undefined ? {} : { entity: { kind, id, body } as AnyEntity }),
    });
  };
  return Object.assign(estate, { gateway, lines, change });
}

function person(index: number, made: { token: string; now: number; host: string }): AnyEntity[] {
  const { token, now, host } = made;
  const [userId, deviceId, sessionId] = [`usr_${index}`, `dev_${index}`, `ses_${index}`];
  const user = {
    email: `p${index}@example.org`,
    name: `Person ${index}`,
    groups: ['engineering'],
    status: 'active',
  } as const;
  const device = { name: 'Laptop', form: 'browser', ownerId: userId, status: 'active', managed: false } as const;
  const session = {
    userId,
    tokenHash: hashToken(newToken()),
    acr: 'urn:cordon:aal2',
    amr: ['pwd', 'otp', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 3_600_000,
    deviceId,
    address: '127.0.0.1',
    userAgent: 'bench',
  } as const;
  const cookie = { tokenHash: hashToken(token), sessionId, host, createdAt: now };
  return [
    { kind: 'user', id: userId, body: { id: userId, ...user, createdAt: now } },
    { kind: 'device', id: deviceId, body: { id: deviceId, ...device, enrolledAt: now } },
    { kind: 'session', id: sessionId, body: { id: sessionId, ...session } },
    { kind: 'appSession', id: `app_${index}`, body: { id: `app_${index}`, ...cookie } },
  ];
}
