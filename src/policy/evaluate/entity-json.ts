import { isJsonObject } from '#base';
import { type EntityOf, isUid, Malformed, readRecord, type Uid, uidProblem } from './read-value.ts';
import { isActionType } from './type-name.ts';
import { NOTHING, type RecordValue } from './value.ts';

/** One entity, read but not stored. */
export interface EntityDescription {
  readonly uid: Uid;
  readonly attributes: RecordValue;
  readonly tags: RecordValue;
  readonly parents: readonly Uid[];
}

/** Reads an entity in Cedar's JSON. Fields that Cedar does not know are ignored, as Cedar does. */
export function readEntity(json: unknown, entityOf: EntityOf): EntityDescription | Malformed {
  if (!isJsonObject(json)) return new Malformed('entities-invalid', 'is not an entity');
  const uid = readReference(json['uid']);
  if (uid instanceof Malformed) return uid.under('.uid');
  const attributes = readFields(json['attrs'], entityOf);
  if (attributes instanceof Malformed) return attributes.under('.attrs');
  const tags = json['tags'] === undefined ? NOTHING : readFields(json['tags'], entityOf);
  if (tags instanceof Malformed) return tags.under('.tags');
  const parents = readParents(json['parents'], uid);
  return parents instanceof Malformed ? parents.under('.parents') : { uid, attributes, tags, parents };
}

function readFields(json: unknown, entityOf: EntityOf): RecordValue | Malformed {
  if (!isJsonObject(json)) return new Malformed('entities-invalid', 'is not an object', 'write {"name": value}');
  return readRecord(json, entityOf);
}

/** A uid where only a uid can stand: with `__entity` or without. */
export function readReference(json: unknown): Uid | Malformed {
  const uid = isJsonObject(json) && isUid(json['__entity']) ? json['__entity'] : json;
  const isExpression = isJsonObject(json) && typeof json['__expr'] === 'string';
  if (!isUid(uid) || isExpression)
    return new Malformed('entities-invalid', 'is not a uid', 'write {"type": …, "id": …}');
  const problem = uidProblem(uid);
  return problem === undefined ? { type: uid.type, id: uid.id } : new Malformed('entities-invalid', problem);
}

function readParents(json: unknown, uid: Uid): Uid[] | Malformed {
  if (!Array.isArray(json)) return new Malformed('entities-invalid', 'is not a list', 'write [{"type": …, "id": …}]');
  const parents: Uid[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const parent = readReference(json[at]);
    if (parent instanceof Malformed) return parent.under(`[${at}]`);
    // Without this, an action could stand in a group of anything.
    if (isActionType(uid.type) && !isActionType(parent.type))
      return new Malformed('entities-invalid', 'is above an action, but no action itself').under(`[${at}]`);
    parents.push(parent);
  }
  return parents;
}
