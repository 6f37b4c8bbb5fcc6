import { type App, type Device, riskScore, type Session, type TrustGraph, type User } from '#model';
import type { EntityJson } from './entity-store.ts';
import type { EntityUid } from './engine.ts';

/** Stands for "never": an age that no limit reaches. Exact in JSON, unlike Cedar's own largest integer. */
export const NEVER_SECONDS: number = Number.MAX_SAFE_INTEGER;
/** Clocks of one deployment may differ this much; a time further in the future is not believed. */
const MAX_SKEW_MS = 60_000;

/** A person's situation at one moment, all read from one state of the graph. */
export interface Situation {
  readonly graph: TrustGraph;
  readonly now: number;
  readonly session: Session;
  readonly user: User;
  readonly device: Device | undefined;
}

/** A question as Cedar gets it: plain JSON, so that it can be journalled and asked again. */
export interface CedarQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Readonly<Record<string, unknown>>;
  readonly entities: readonly EntityJson[];
}

/** How the request arrived. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly address: string;
  readonly secure: boolean;
}

/** "May this person open this app now?" with the slice of the graph that policies can ask about. */
export function accessQuestion(situation: Situation, app: App, arrival: Arrival): CedarQuestion {
  const { graph, now } = situation;
  const asset = app.assetId === undefined ? undefined : graph.get('asset', app.assetId);
  const entities = principalEntities(situation);
  if (asset !== undefined) {
    const { name, kind, provider, account, region, labels } = asset;
    const tier = graph.tierOf(app, now);
    entities.push({
      uid: { type: 'Asset', id: asset.id },
      attrs: { name, kind, provider, account, region, tier },
      parents: [],
      tags: labels,
    });
  }
  entities.push({
    uid: { type: 'App', id: app.id },
    attrs: {
      name: app.name,
      host: app.host,
      tier: graph.tierOf(app, now),
      device: ['any', 'known', 'managed'].includes(app.device) ? app.device : 'healthy',
      ...(asset === undefined ? {} : { asset: { __entity: { type: 'Asset', id: asset.id } } }),
    },
    parents: [],
  });
  return {
    principal: { type: 'User', id: situation.user.id },
    action: { type: 'Action', id: 'access' },
    resource: { type: 'App', id: app.id },
    context: {
      method: arrival.method,
      path: arrival.path,
      host: arrival.host,
      secure: arrival.secure,
      ...commonContext(situation, arrival.address),
    },
    entities,
  };
}

/** "May this person view or change Cordon now?" */
export function manageQuestion(situation: Situation, action: 'view' | 'manage', address: string): CedarQuestion {
  return {
    principal: { type: 'User', id: situation.user.id },
    action: { type: 'Action', id: action },
    resource: { type: 'Cordon', id: 'cordon' },
    context: commonContext(situation, address),
    entities: [...principalEntities(situation), { uid: { type: 'Cordon', id: 'cordon' }, attrs: {}, parents: [] }],
  };
}

/**
 * The person, the device and the device's owner, each person with the closure of their groups. Groups themselves are not needed:
 * nothing a policy may ask leads to one (see `slice.ts`), and Cedar would refuse the cycles that the graph tolerates.
 */
function principalEntities({ graph, user, device }: Situation): EntityJson[] {
  const entities = [userEntity(graph, user)];
  if (device === undefined) return entities;
  const owner =
    device.ownerId === undefined || device.ownerId === user.id ? undefined : graph.get('user', device.ownerId);
  if (owner !== undefined) entities.push(userEntity(graph, owner));
  entities.push({
    uid: { type: 'Device', id: device.id },
    attrs: {
      name: device.name,
      form: device.form,
      managed: device.managed,
      ...(device.ownerId === undefined ? {} : { owner: { __entity: { type: 'User', id: device.ownerId } } }),
    },
    parents: [],
  });
  return entities;
}

function userEntity(graph: TrustGraph, user: User): EntityJson {
  return {
    uid: { type: 'User', id: user.id },
    attrs: { name: user.name, email: user.email },
    parents: Array.from(graph.groupsOf(user.id), (id) => ({ type: 'Group', id })),
  };
}

function commonContext(situation: Situation, address: string): Record<string, unknown> {
  const { graph, now, session, user, device } = situation;
  return {
    ip: { __extn: { fn: 'ip', arg: address } },
    now: { __extn: { fn: 'datetime', arg: new Date(now).toISOString() } },
    session: sessionContext(session, now),
    device: deviceContext(device, user, now),
    risk: {
      user: riskPoints(graph, `user:${user.id}`, now),
      device: device === undefined ? 0 : riskPoints(graph, `device:${device.id}`, now),
    },
  };
}

function sessionContext(session: Session, now: number): Record<string, unknown> {
  const isPhishingResistant = session.acr === 'urn:cordon:aal2-phr' || session.acr === 'urn:cordon:aal3';
  const aal = session.acr === 'urn:cordon:aal3' ? 3 : session.acr === 'urn:cordon:aal2' || isPhishingResistant ? 2 : 1;
  return {
    acr: session.acr,
    aal,
    phishingResistant: isPhishingResistant,
    deviceBoundKey: session.acr === 'urn:cordon:aal3',
    userVerified: isPhishingResistant && session.amr.includes('user') && session.amr.includes('mfa'),
    amr: session.amr,
    ageSeconds: ageSeconds(session.authenticatedAt, now, Math.ceil),
  };
}

/** Known means: enrolled, not revoked, and this person's (or nobody's). Another person's laptop is an unknown device. */
function deviceContext(device: Device | undefined, user: User, now: number): Record<string, unknown> {
  const isKnown =
    device !== undefined && device.status === 'active' && (device.ownerId === undefined || device.ownerId === user.id);
  const posture = isKnown ? device.posture : undefined;
  return {
    ...(device === undefined ? {} : { id: { __entity: { type: 'Device', id: device.id } } }),
    known: isKnown,
    managed: isKnown && device.managed,
    healthy: posture?.verdict === 'healthy',
    postureAgeSeconds: posture === undefined ? NEVER_SECONDS : ageSeconds(posture.collectedAt, now, Math.floor),
    failing: posture?.results.filter((result) => result.outcome === 'fail').map((result) => result.check) ?? [],
  };
}

/** `round` decides at the boundary: up for "at most", down for "less than". Unreadable and future times are never recent. */
function ageSeconds(then: number, now: number, round: (value: number) => number): number {
  const age = now - then;
  if (!Number.isFinite(age) || age < -MAX_SKEW_MS) return NEVER_SECONDS;
  return Math.max(0, round(age / 1000));
}

/** The decayed score as whole points. A score that cannot be computed is the highest. */
function riskPoints(graph: TrustGraph, id: string, now: number): number {
  const score = riskScore(graph.get('risk', id), now);
  return Number.isFinite(score) ? Math.floor(Math.min(100, Math.max(0, score))) : 100;
}
