import { type App, type Asset, type Device, riskScore, type Session, type TrustGraph, type User } from '#model';
import type { EntityUid } from './engine.ts';
import type { EntityJson } from './entity-store.ts';

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

/** The app that is asked for, and what bears on it. */
export interface Target {
  readonly app: App;
  readonly asset: Asset | undefined;
  readonly tier: number;
  readonly arrival: Arrival;
}

/**
 * All that a question is made from. It refers to what the graph holds, which is never changed but replaced, so that the question can be
 * written down later exactly as it was asked.
 */
export interface Facts {
  readonly now: number;
  readonly address: string;
  readonly session: Session;
  readonly user: User;
  readonly groups: ReadonlySet<string>;
  readonly device: Device | undefined;
  /** The device's owner, when that is somebody else. */
  readonly owner: { readonly user: User; readonly groups: ReadonlySet<string> } | undefined;
  readonly risk: { readonly user: number; readonly device: number };
  readonly sessionAgeSeconds: number;
  readonly postureAgeSeconds: number;
  /** Absent when the question is about Cordon itself. */
  readonly target: Target | undefined;
  readonly action: 'access' | 'view' | 'manage';
}

/** "May this person open this app now?" */
export function accessFacts(situation: Situation, app: App, arrival: Arrival): Facts {
  const { graph, now } = situation;
  const asset = app.assetId === undefined ? undefined : graph.get('asset', app.assetId);
  const target = { app, asset, tier: graph.tierOf(app, now), arrival };
  return factsOf(situation, { address: arrival.address, target, action: 'access' });
}

/** "May this person view or change Cordon now?" */
export function manageFacts(situation: Situation, action: 'view' | 'manage', address: string): Facts {
  return factsOf(situation, { address, target: undefined, action });
}

function factsOf(
  { graph, now, session, user, device }: Situation,
  { address, target, action }: Pick<Facts, 'address' | 'target' | 'action'>,
): Facts {
  const isOthers = device?.ownerId !== undefined && device.ownerId !== user.id;
  const owner = isOthers ? graph.get('user', device.ownerId) : undefined;
  const posture = isKnown(device, user) ? device?.posture : undefined;
  return {
    now,
    address,
    session,
    user,
    groups: graph.groupsOf(user.id),
    device,
    owner: owner && { user: owner, groups: graph.groupsOf(owner.id) },
    risk: {
      user: riskPoints(graph, `user:${user.id}`, now),
      device: device === undefined ? 0 : riskPoints(graph, `device:${device.id}`, now),
    },
    sessionAgeSeconds: ageSeconds(session.authenticatedAt, now, Math.ceil),
    postureAgeSeconds: posture === undefined ? NEVER_SECONDS : ageSeconds(posture.collectedAt, now, Math.floor),
    target,
    action,
  };
}

/** The question in Cedar's JSON, with the slice of the graph that policies can ask about. */
export function questionJson(facts: Facts): CedarQuestion {
  const { user, groups, device, owner, target, action } = facts;
  const entities = [userEntity(user, groups)];
  if (owner !== undefined) entities.push(userEntity(owner.user, owner.groups));
  if (device !== undefined) entities.push(deviceEntity(device));
  if (target?.asset !== undefined) entities.push(assetEntity(target.asset, target.tier));
  const resource = target === undefined ? CORDON : appEntity(target);
  entities.push(resource);
  return {
    principal: { type: 'User', id: user.id },
    action: { type: 'Action', id: action },
    resource: resource.uid,
    context: {
      ...arrivalContext(target?.arrival),
      ip: { __extn: { fn: 'ip', arg: facts.address } },
      now: { __extn: { fn: 'datetime', arg: new Date(facts.now).toISOString() } },
      session: sessionContext(facts.session, facts.sessionAgeSeconds),
      device: deviceContext(device, user, facts.postureAgeSeconds),
      risk: facts.risk,
    },
    entities,
  };
}

/** Cordon itself. */
export const CORDON: EntityJson = { uid: { type: 'Cordon', id: 'cordon' }, attrs: {}, parents: [] };

/**
 * A person with the closure of their groups. Groups themselves are not needed: nothing a policy may ask leads to one (see `slice.ts`),
 * and Cedar would refuse the cycles that the graph tolerates.
 */
export function userEntity({ id, name, email }: User, groups: ReadonlySet<string>): EntityJson {
  return {
    uid: { type: 'User', id },
    attrs: { name, email },
    parents: Array.from(groups, (group) => ({ type: 'Group', id: group })),
  };
}

/** A device; its owner is a reference. */
export function deviceEntity({ id, name, form, managed, ownerId }: Device): EntityJson {
  const owner = ownerId === undefined ? {} : { owner: { __entity: { type: 'User', id: ownerId } } };
  return { uid: { type: 'Device', id }, attrs: { name, form, managed, ...owner }, parents: [] };
}

/** What stands behind an app, with the tier of the app. */
export function assetEntity(asset: Asset, tier: number): EntityJson {
  const { id, name, kind, provider, account, region, labels } = asset;
  return {
    uid: { type: 'Asset', id },
    attrs: { name, kind, provider, account, region, tier },
    parents: [],
    tags: labels,
  };
}

/** An app; its asset is a reference. A demand on devices that nobody knows is the highest. */
export function appEntity({ app, asset, tier }: Omit<Target, 'arrival'>): EntityJson {
  const { id, name, host } = app;
  const device = ['any', 'known', 'managed'].includes(app.device) ? app.device : 'healthy';
  const link = asset === undefined ? {} : { asset: { __entity: { type: 'Asset', id: asset.id } } };
  return { uid: { type: 'App', id }, attrs: { name, host, tier, device, ...link }, parents: [] };
}

function arrivalContext(arrival: Arrival | undefined): Record<string, unknown> {
  if (arrival === undefined) return {};
  const { method, path, host, secure } = arrival;
  return { method, path, host, secure };
}

/** `context.session`. */
export function sessionContext({ acr, amr }: Session, ageInSeconds: number): Record<string, unknown> {
  const isPhishingResistant = acr === 'urn:cordon:aal2-phr' || acr === 'urn:cordon:aal3';
  return {
    acr,
    aal: acr === 'urn:cordon:aal3' ? 3 : acr === 'urn:cordon:aal2' || isPhishingResistant ? 2 : 1,
    phishingResistant: isPhishingResistant,
    deviceBoundKey: acr === 'urn:cordon:aal3',
    userVerified: isPhishingResistant && amr.includes('user') && amr.includes('mfa'),
    amr,
    ageSeconds: ageInSeconds,
  };
}

/** `context.device`. */
export function deviceContext(
  device: Device | undefined,
  user: User,
  postureAgeSeconds: number,
): Record<string, unknown> {
  const known = isKnown(device, user);
  const posture = known ? device?.posture : undefined;
  return {
    ...(device === undefined ? {} : { id: { __entity: { type: 'Device', id: device.id } } }),
    known,
    managed: known && device?.managed === true,
    healthy: posture?.verdict === 'healthy',
    postureAgeSeconds,
    failing: posture?.results.filter((result) => result.outcome === 'fail').map((result) => result.check) ?? [],
  };
}

/** Known means: enrolled, not revoked, and this person's (or nobody's). Another person's laptop is an unknown device. */
function isKnown(device: Device | undefined, user: User): boolean {
  return device?.status === 'active' && (device.ownerId === undefined || device.ownerId === user.id);
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
