import { Made } from '#base';
import type { App, Asset, Device, Session, User } from '#model';
import type { EntityJson } from './entity-store.ts';
import { parseIp } from './evaluate/literals.ts';
import { type EntitySource, nextEpoch, type Question } from './evaluate/question.ts';
import { Malformed, readRecord } from './evaluate/read-value.ts';
import { Datetime, Entity, type Ip, NOTHING, type RecordValue, type Value } from './evaluate/value.ts';
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

/**
 * Makes the question of a decision for the evaluator, without writing it as JSON. What became of an object of the graph is kept as long
 * as the object: the graph replaces what changes, so a new object is read anew. Throws what `decide` turns into a deny.
 */
export function graphQuestion(facts: Facts): Question {
  const { user, groups, device, owner, target, action } = facts;
  const ownerEntity = owner === undefined ? undefined : userOf(owner.user, owner.groups);
  const principal = userOf(user, groups);
  const deviceRef =
    device === undefined ? undefined : deviceOf(device, device.ownerId === user.id ? principal : ownerEntity);
  const context = new Map<string, Value>();
  if (target !== undefined) addArrival(context, target);
  context.set('ip', ipOf(facts.address));
  context.set('now', new Datetime(momentOf(facts.now)));
  context.set('session', sessionRecord(facts.session, facts.sessionAgeSeconds));
  context.set('device', deviceRecord(facts, deviceRef));
  context.set('risk', riskRecord(facts.risk));
  const resource = target === undefined ? cordon : appOf(target);
  return { source: graphSource, principal, action: graphSource.intern('Action', action), resource, context };
}

/**
 * Where decisions on graphs find entities. The entities themselves are guests, compared by uid; only what policies name and what is above
 * somebody is in the table, and none of that has attributes: a policy cannot look inside a particular entity (see `slice.ts`).
 */
class GraphSource implements EntitySource {
  readonly epoch: number = nextEpoch();
  readonly hierarchy = 0;
  readonly #table = new Map<string, Map<string, Entity>>();

  intern(type: string, id: string): Entity {
    const entities = this.#table.get(type) ?? new Map<string, Entity>();
    this.#table.set(type, entities);
    const entity = entities.get(id) ?? placed(new Entity(type, id, false), []);
    entities.set(id, entity);
    return entity;
  }

  current(guest: Entity): Entity {
    return guest;
  }

  refresh(entity: Entity): void {
    entity.setAncestors(entity.ancestors, this.hierarchy);
  }
}

const graphSource = new GraphSource();
const cordon = read(CORDON, nobody);

function placed(entity: Entity, ancestors: readonly Entity[]): Entity {
  entity.setAncestors(ancestors, 0);
  return entity;
}

type EntityOf = (type: string, id: string) => Entity;

/** A reference to what the graph does not have. */
function nobody(type: string, id: string): Entity {
  return placed(new Entity(type, id, true), []);
}

function read({ uid, attrs, parents, tags }: EntityJson, entityOf: EntityOf): Entity {
  const entity = new Entity(uid.type, wellFormed(uid.id), true);
  entity.attributes = recordOf(attrs, entityOf);
  entity.tags = tags === undefined ? NOTHING : recordOf(tags, entityOf);
  return placed(
    entity,
    parents.map((parent) => graphSource.intern(parent.type, wellFormed(parent.id))),
  );
}

function recordOf(json: Readonly<Record<string, unknown>>, entityOf: EntityOf): RecordValue {
  const record = readRecord(json, entityOf);
  if (record instanceof Malformed) throw new Error(record.toProblem().message);
  return record;
}

/** What could not be journalled and asked again must not be decided either. */
function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new Error('a text of the question is not well-formed Unicode');
  return text;
}

const users = new Made<User, ReadonlySet<string>, Entity>((user, groups) => read(userEntity(user, groups), nobody));

function userOf(user: User, groups: ReadonlySet<string>): Entity {
  return users.get(user, groups);
}

const devices = new Made<Device, Entity | undefined, Entity>((device, owner) =>
  read(deviceEntity(device), (type, id) => owner ?? nobody(type, id)),
);

function deviceOf(device: Device, owner: Entity | undefined): Entity {
  return devices.get(device, owner);
}

const apps = new Made<App, { readonly asset: Asset | undefined; readonly tier: number }, Entity>(
  (app, { asset, tier }) =>
    read(appEntity({ app, asset, tier }), (type, id) =>
      asset === undefined ? nobody(type, id) : read(assetEntity(asset, tier), nobody),
    ),
  (a, b) => a.asset === b.asset && a.tier === b.tier,
);

function appOf({ app, asset, tier }: Target): Entity {
  return apps.get(app, { asset, tier });
}

const sessions = new Made<Session, number, RecordValue>((session, age) =>
  recordOf(sessionContext(session, age), nobody),
);

function sessionRecord(session: Session, age: number): RecordValue {
  return sessions.get(session, age);
}

interface DeviceBasis {
  readonly user: User;
  readonly age: number;
  readonly entity: Entity | undefined;
}

const deviceRecords = new Made<Device, DeviceBasis, RecordValue>(
  (device, { user, age, entity }) =>
    recordOf(deviceContext(device, user, age), (type, id) => entity ?? nobody(type, id)),
  (a, b) => a.user === b.user && a.age === b.age && a.entity === b.entity,
);

function deviceRecord({ device, user, postureAgeSeconds }: Facts, entity: Entity | undefined): RecordValue {
  if (device === undefined) return recordOf(deviceContext(undefined, user, postureAgeSeconds), nobody);
  return deviceRecords.get(device, { user, age: postureAgeSeconds, entity });
}

const NO_RISK: RecordValue = new Map(Object.entries({ user: 0, device: 0 }));

function riskRecord(risk: Facts['risk']): RecordValue {
  return risk.user === 0 && risk.device === 0 ? NO_RISK : new Map(Object.entries(risk));
}

function addArrival(context: Map<string, Value>, { arrival }: Target): void {
  context.set('method', wellFormed(arrival.method));
  context.set('path', wellFormed(arrival.path));
  context.set('host', wellFormed(arrival.host));
  context.set('secure', arrival.secure);
}

const MOST_ADDRESSES = 10_000;
const addresses = new Map<string, Ip>();

function ipOf(text: string): Ip {
  const known = addresses.get(text);
  if (known !== undefined) return known;
  const ip = parseIp(text);
  if (ip === undefined) throw new Error(`\`${text}\` is not an address`);
  if (addresses.size >= MOST_ADDRESSES) addresses.clear();
  addresses.set(text, ip);
  return ip;
}

const FIRST_MS = Date.UTC(-1, 11, 31, 24);
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Cedar can write the years 0 to 9999. */
function momentOf(now: number): number {
  if (!(now >= FIRST_MS && now <= LAST_MS)) throw new Error(`${now} is no time of a decision`);
  return Math.trunc(now);
}
