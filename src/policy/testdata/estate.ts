import { type AnyEntity, type App, type Device, type Risk, type Session, TrustGraph, type User } from '#model';
import type { AccessInput } from '../decide.ts';
import { type ActivePolicies, loadPolicies } from '../load.ts';

/** The moment every test decides at. */
export const NOW: number = Date.UTC(2026, 0, 15, 12);

/** A bundle that lets engineering open every app. */
export const TEXTS: Readonly<Record<string, string>> = {
  'access.cedar': `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource);
`,
};

/** Loads a bundle that must be good. */
export function load(texts: Readonly<Record<string, string>> = TEXTS, version = 7): ActivePolicies {
  const loaded = loadPolicies({ texts, version });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error, undefined, 1));
  return loaded.value;
}

/** What differs from a person who may do everything: T3 app, device-bound key, managed healthy device, just signed in. */
export interface Differences {
  readonly user?: Partial<User>;
  readonly session?: Partial<Session>;
  readonly device?: Partial<Device>;
  readonly app?: Partial<App>;
  readonly riskOfUser?: number;
  readonly riskOfDevice?: number;
  readonly more?: readonly AnyEntity[];
  readonly without?: 'session' | 'user' | 'device' | 'app';
}

/** The world of one decision. */
export function situation(differences: Differences = {}): {
  graph: TrustGraph;
  session: Session;
  device: Device;
  app: App;
} {
  const user: User = {
    id: 'u1',
    email: 'ada@example.org',
    name: 'Ada',
    groups: ['platform'],
    status: 'active',
    createdAt: 0,
    ...differences.user,
  };
  const device: Device = {
    id: 'd1',
    name: 'laptop',
    form: 'agent',
    ownerId: 'u1',
    managed: true,
    status: 'active',
    enrolledAt: 0,
    posture: { collectedAt: NOW, verdict: 'healthy', results: [] },
    ...differences.device,
  };
  const session: Session = {
    id: 's1',
    userId: 'u1',
    tokenHash: 'h1',
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: NOW,
    createdAt: NOW,
    expiresAt: NOW + 86_400_000,
    deviceId: 'd1',
    address: '192.0.2.1',
    userAgent: 'test',
    ...differences.session,
  };
  const app: App = {
    id: 'a1',
    name: 'Wiki',
    host: 'wiki.localhost',
    tier: 3,
    device: 'any',
    allowedOrigins: [],
    ...differences.app,
  };
  const entities: AnyEntity[] = [
    { kind: 'group', id: 'engineering', body: { id: 'engineering', name: 'Engineering', parents: [] } },
    { kind: 'group', id: 'platform', body: { id: 'platform', name: 'Platform', parents: ['engineering'] } },
    ...risk('user', 'u1', differences.riskOfUser),
    ...risk('device', 'd1', differences.riskOfDevice),
    ...(differences.more ?? []),
  ];
  if (differences.without !== 'user') entities.push({ kind: 'user', id: user.id, body: user });
  if (differences.without !== 'device') entities.push({ kind: 'device', id: device.id, body: device });
  if (differences.without !== 'session') entities.push({ kind: 'session', id: session.id, body: session });
  if (differences.without !== 'app') entities.push({ kind: 'app', id: app.id, body: app });
  const graph = new TrustGraph();
  graph.load({ seq: 42, entities });
  return { graph, session, device, app };
}

function risk(kind: 'user' | 'device', id: string, score: number | undefined): AnyEntity[] {
  if (score === undefined) return [];
  const contribution = { ruleId: 'r', score, at: NOW, halfLifeMs: 3_600_000, reason: 'test', eventId: 'e' };
  const body: Risk = { id: `${kind}:${id}`, subjectKind: kind, subjectId: id, contributions: [contribution] };
  return [{ kind: 'risk', id: body.id, body }];
}

/** The input of `decideAccess` for a world. */
export function access(
  policies: ActivePolicies | undefined,
  differences: Differences = {},
  replicaAgeMs?: number,
): AccessInput {
  const { graph, session, app } = situation(differences);
  return {
    policies,
    graph,
    now: NOW,
    ...(replicaAgeMs === undefined ? {} : { replicaAgeMs }),
    request: { session, app, method: 'GET', path: '/', host: app.host, address: '192.0.2.1', secure: true },
  };
}
