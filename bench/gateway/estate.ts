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
  /** The same for the app that another proxy carries. */
  readonly askedLines: readonly (readonly string[])[];
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
  const asked: App = { ...app, id: 'asked', name: 'Asked', host: 'asked.localhost', enforcedBy: 'forward-auth' };
  entities.push({ kind: 'app', id: asked.id, body: asked });
  const tokens = Array.from({ length: input.count }, (_, index) => {
    const of = { app: newToken(), asked: newToken() };
    entities.push(...person(index, now));
    for (const [host, token] of [
      [app.host, of.app],
      [asked.host, of.asked],
    ] as const) {
      const id = `app_${host}_${index}`;
      const body = { id, tokenHash: hashToken(token), sessionId: `ses_${index}`, host, createdAt: now };
      entities.push({ kind: 'appSession', id, body });
    }
    return of;
  });
  const linesOf = (host: string, token: string): string[] => [`host: ${host}`, `cookie: __Host-cordon_app=${token}`];
  const lines = tokens.map((of) => linesOf(app.host, of.app));
  const askedLines = tokens.map((of) => linesOf(asked.host, of.asked));
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
  return Object.assign(estate, { gateway, lines, askedLines, change });
}

/** Somebody in engineering who is signed in from a browser: user, device and session, each with `index` in its id. */
export function person(index: number, now: number): AnyEntity[] {
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
  return [
    { kind: 'user', id: userId, body: { id: userId, ...user, createdAt: now } },
    { kind: 'device', id: deviceId, body: { id: deviceId, ...device, enrolledAt: now } },
    { kind: 'session', id: sessionId, body: { id: sessionId, ...session } },
  ];
}
