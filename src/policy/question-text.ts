import { flat, Made } from '#base';
import type { App, Asset, Device, Session, User } from '#model';
import type { EntityJson } from './entity-store.ts';
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

/** A question around the two things in it that are other with each request: the path, when it is about an app, and the time. */
interface Frame {
  /** Up to the path; up to the time when there is none. */
  readonly head: string;
  /** From there to the time; absent without a path. */
  readonly middle: string | undefined;
  readonly tail: string;
}

/**
 * The JSON of `questionJson(facts)`. What is around path and time is kept with the session as long as it stays the same: the graph
 * replaces what changes, so the same objects are written the same.
 */
export function questionText(facts: Facts): string {
  const { head, middle, tail } = frames.get(facts.session, facts);
  const moment = momentText(facts.now);
  if (middle === undefined) return `${head}${moment}${tail}`;
  return `${head}${JSON.stringify(facts.target?.arrival.path)}${middle}${moment}${tail}`;
}

const frames = new Made<Session, Facts, Frame>((_session, facts) => frameOf(facts), isSameFrame);

function frameOf(facts: Facts): Frame {
  const { user, groups, device, owner, target, action, address, risk } = facts;
  const principal = users.get(user, groups);
  const resource = target === undefined ? cordon : apps.get(target.app, target);
  let entities = principal.entity;
  if (owner !== undefined) entities += `,${users.get(owner.user, owner.groups).entity}`;
  if (device !== undefined) entities += `,${devices.get(device, undefined)}`;
  if (target?.asset !== undefined) entities += `,${assets.get(target.asset, target.tier)}`;
  const begin = `{"principal":${principal.uid},"action":{"type":"Action","id":"${action}"},"resource":${resource.uid},"context":{`;
  const arrival = arrivalTexts(target);
  const around = `"ip":{"__extn":{"fn":"ip","arg":${JSON.stringify(address)}}},"now":{"__extn":{"fn":"datetime","arg":"`;
  const session = sessions.get(facts.session, facts.sessionAgeSeconds);
  const tail = flat(
    `"}},"session":${session},"device":${deviceText(facts)},"risk":{"user":${risk.user},"device":${risk.device}}},"entities":[${entities},${resource.entity}]}`,
  );
  if (arrival === undefined) return { head: flat(begin + around), middle: undefined, tail };
  return { head: flat(begin + arrival.before), middle: flat(arrival.after + around), tail };
}

function isSameFrame(a: Facts, b: Facts): boolean {
  return (
    a.user === b.user &&
    a.groups === b.groups &&
    a.device === b.device &&
    a.owner?.user === b.owner?.user &&
    a.owner?.groups === b.owner?.groups &&
    a.sessionAgeSeconds === b.sessionAgeSeconds &&
    a.postureAgeSeconds === b.postureAgeSeconds &&
    a.risk.user === b.risk.user &&
    a.risk.device === b.risk.device &&
    a.address === b.address &&
    a.action === b.action &&
    isSameTarget(a.target, b.target)
  );
}

function isSameTarget(a: Target | undefined, b: Target | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.app === b.app &&
    a.asset === b.asset &&
    a.tier === b.tier &&
    a.arrival.method === b.arrival.method &&
    a.arrival.host === b.arrival.host &&
    a.arrival.secure === b.arrival.secure
  );
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

/** What is before and after the path in what a question says of the request. */
function arrivalTexts(target: Target | undefined): { readonly before: string; readonly after: string } | undefined {
  if (target === undefined) return undefined;
  const { method, host, secure } = target.arrival;
  return {
    before: `"method":${JSON.stringify(method)},"path":`,
    after: `,"host":${JSON.stringify(host)},"secure":${secure},`,
  };
}

/** The last moment that was written: under load many questions share one. */
let moment = { now: Number.NaN, text: '' };

function momentText(now: number): string {
  if (now !== moment.now) moment = { now, text: new Date(now).toISOString() };
  return moment.text;
}
