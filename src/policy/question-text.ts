import type { App, Asset, Device, Session, User } from '#model';
import type { EntityJson } from './entity-store.ts';
import { Made } from './made.ts';
import {
  appEntity,
  assetEntity,
  CORDON,
  deviceContext,
  deviceEntity,
  type Facts,
  sessionContext,
  type Target,
  userEntity,
} from './mapping.ts';

/** An entity in Cedar's JSON, and its uid alone. */
interface Written {
  readonly uid: string;
  readonly entity: string;
}

/**
 * The JSON of `questionJson(facts)`. What an object of the graph looks like in it is kept as long as the object: the graph replaces what
 * changes. Only what differs from one request to the next is written each time.
 */
export function questionText(facts: Facts): string {
  const { user, groups, device, owner, target, action, address, risk } = facts;
  const principal = users.get(user, groups);
  const resource = target === undefined ? cordon : apps.get(target.app, target);
  let entities = principal.entity;
  if (owner !== undefined) entities += `,${users.get(owner.user, owner.groups).entity}`;
  if (device !== undefined) entities += `,${devices.get(device, undefined)}`;
  if (target?.asset !== undefined) entities += `,${assets.get(target.asset, target.tier)}`;
  const session = sessions.get(facts.session, facts.sessionAgeSeconds);
  const context = `${arrivalText(target)}"ip":{"__extn":{"fn":"ip","arg":${JSON.stringify(address)}}},"now":{"__extn":{"fn":"datetime","arg":"${momentText(facts.now)}"}},"session":${session},"device":${deviceText(facts)},"risk":{"user":${risk.user},"device":${risk.device}}`;
  return `{"principal":${principal.uid},"action":{"type":"Action","id":"${action}"},"resource":${resource.uid},"context":{${context}},"entities":[${entities},${resource.entity}]}`;
}

function written(entity: EntityJson): Written {
  return { uid: JSON.stringify(entity.uid), entity: JSON.stringify(entity) };
}

const cordon = written(CORDON);

const users = new Made<User, ReadonlySet<string>, Written>((user, groups) => written(userEntity(user, groups)));

const devices = new Made<Device, undefined, string>((device) => JSON.stringify(deviceEntity(device)));

const assets = new Made<Asset, number, string>((asset, tier) => JSON.stringify(assetEntity(asset, tier)));

const apps = new Made<App, Omit<Target, 'app' | 'arrival'>, Written>(
  (app, { asset, tier }) => written(appEntity({ app, asset, tier })),
  (a, b) => a.asset === b.asset && a.tier === b.tier,
);

const sessions = new Made<Session, number, string>((session, age) => JSON.stringify(sessionContext(session, age)));

const deviceTexts = new Made<Device, Pick<Facts, 'user' | 'postureAgeSeconds'>, string>(
  (device, { user, postureAgeSeconds }) => JSON.stringify(deviceContext(device, user, postureAgeSeconds)),
  (a, b) => a.user === b.user && a.postureAgeSeconds === b.postureAgeSeconds,
);

function deviceText({ device, user, postureAgeSeconds }: Facts): string {
  if (device === undefined) return JSON.stringify(deviceContext(undefined, user, postureAgeSeconds));
  return deviceTexts.get(device, { user, postureAgeSeconds });
}

function arrivalText(target: Target | undefined): string {
  if (target === undefined) return '';
  const { method, path, host, secure } = target.arrival;
  return `"method":${JSON.stringify(method)},"path":${JSON.stringify(path)},"host":${JSON.stringify(host)},"secure":${secure},`;
}

/** The last moment that was written: under load many questions share one. */
let moment = { now: Number.NaN, text: '' };

function momentText(now: number): string {
  if (now !== moment.now) moment = { now, text: new Date(now).toISOString() };
  return moment.text;
}
