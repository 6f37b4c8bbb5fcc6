import { err, isJsonObject, ok, type Problem, type Result } from '#base';
import { type EntityDescription, readEntity, readReference } from './entity-json.ts';
import { Malformed, type Uid } from './read-value.ts';
import type { Schema } from './schema.ts';
import { fit, fitRecord, type Fitting } from './schema-type.ts';
import { Store } from './store.ts';
import { isActionType } from './type-name.ts';
import { Entity, isEqual, NOTHING, type Value } from './value.ts';

/**
 * Fills a store with entities: all of them, or none and every problem. With a schema, entities have to conform to it, and the schema's
 * actions are added. Codes: `entities-invalid` and those of `readValue`.
 */
export function fillStore(items: readonly unknown[], schema: Schema | undefined): Result<Store, Problem[]> {
  const store = new Store();
  // References find what comes later in the list too.
  for (const item of items) {
    const uid = readReference(isJsonObject(item) ? item['uid'] : undefined);
    if (!(uid instanceof Malformed)) store.intern(uid.type, uid.id);
  }
  const problems: Problem[] = [];
  for (const [at, item] of items.entries()) {
    const wrong = add(store, readFitted(item, store, schema));
    if (wrong !== undefined) problems.push(wrong.under(`entities[${at}]`).toProblem());
  }
  return finish(store, schema, problems);
}

/** The same entities, read with a schema that they were not read with. */
export function refillStore(from: Store, schema: Schema): Result<Store, Problem[]> {
  const store = new Store();
  for (const { type, id } of from.all()) store.intern(type, id);
  const problems: Problem[] = [];
  for (const entity of from.all()) {
    const wrong = add(store, fitEntity(describe(entity), schema, store));
    if (wrong !== undefined) problems.push(wrong.under(label(entity)).toProblem());
  }
  return finish(store, schema, problems);
}

/**
 * Ancestors that are found ahead, of all entities together; those of the rest are found when somebody asks for them. Each entity of a
 * chain is below all that follow: one of 20,000 would fill the memory.
 */
const MOST_AHEAD = 4_000_000;

function finish(store: Store, schema: Schema | undefined, problems: Problem[]): Result<Store, Problem[]> {
  if (schema !== undefined)
    for (const { uid, parents } of schema.actions.values())
      store.put(uid, { attributes: NOTHING, tags: NOTHING, parents });
  const looped = findCycle(store);
  if (looped !== undefined)
    problems.push({ code: 'entities-invalid', message: `\`${label(looped)}\` is above itself` });
  if (problems.length > 0) return err(problems);
  let ahead = 0;
  for (const entity of store.all()) {
    if (ahead < MOST_AHEAD) {
      store.refresh(entity);
      ahead += entity.ancestors.length;
    }
    if (schema !== undefined) problems.push(...misplaced(entity, schema));
  }
  return problems.length === 0 ? ok(store) : err(problems);
}

/** A change of the table: entities to add or replace, and uids to remove. */
export interface TableChange {
  readonly upsert: readonly unknown[];
  readonly remove: readonly Uid[];
}

/** Applies a change, or leaves everything as it was and says all that is wrong with it. Removing what is not there is no problem. */
export function changeStore(
  store: Store,
  change: TableChange,
  schema: Schema | undefined,
): Result<undefined, Problem[]> {
  const undo: (() => void)[] = [];
  const problems: Problem[] = [];
  const remember = (uid: Uid): void => {
    const entity = store.find(uid.type, uid.id);
    const before = entity?.attributes === undefined ? undefined : describe(entity);
    undo.push(() => (before === undefined ? store.remove(uid) : void store.put(uid, before)));
  };
  for (const uid of change.remove) {
    remember(uid);
    store.remove(uid);
  }
  const changed: { readonly at: number; readonly entity: Entity }[] = [];
  for (const [at, item] of change.upsert.entries()) {
    const read = readFitted(item, store, schema);
    if (read instanceof Malformed) problems.push(read.under(`entities[${at}]`).toProblem());
    else {
      remember(read.uid);
      changed.push({ at, entity: store.put(read.uid, read) });
    }
  }
  // Now, because two that change places are each above the other for a moment.
  for (const { at, entity } of changed)
    if (store.wouldCycle(entity, entity.parents)) {
      const looped = new Malformed('entities-invalid', `puts \`${label(entity)}\` above itself`);
      problems.push(looped.under(`entities[${at}]`).toProblem());
    }
  if (problems.length === 0 && schema !== undefined)
    for (const { entity } of changed) problems.push(...misplaced(entity, schema));
  if (problems.length === 0) return ok(undefined);
  for (const step of undo.reverse()) step();
  return err(problems);
}

function readFitted(item: unknown, store: Store, schema: Schema | undefined): EntityDescription | Malformed {
  const read = readEntity(item, (type, id) => store.visit(type, id));
  return read instanceof Malformed || schema === undefined ? read : fitEntity(read, schema, store);
}

/** Stores an entity. The same one twice is one, as in Cedar; two that differ are a problem, because either could be meant. */
function add(store: Store, read: EntityDescription | Malformed): Malformed | undefined {
  if (read instanceof Malformed) return read;
  const known = store.find(read.uid.type, read.uid.id);
  if (known?.attributes !== undefined) {
    if (isSame(describe(known), read)) return undefined;
    return new Malformed('entities-invalid', `says something else about \`${label(read.uid)}\` than before`);
  }
  store.put(read.uid, read);
  return undefined;
}

function describe(entity: Entity): EntityDescription {
  const { type, id, attributes, tags, parents } = entity;
  return { uid: { type, id }, attributes: attributes ?? NOTHING, tags, parents };
}

function isSame(a: EntityDescription, b: EntityDescription): boolean {
  const keys = (uids: readonly Uid[]): string => JSON.stringify([...new Set(uids.map(label))].sort());
  return isEqual(a.attributes, b.attributes) && isEqual(a.tags, b.tags) && keys(a.parents) === keys(b.parents);
}

function fitEntity(read: EntityDescription, schema: Schema, store: Store): EntityDescription | Malformed {
  const { uid } = read;
  if (isActionType(uid.type)) return fitAction(read, schema);
  const type = schema.entityTypes.get(uid.type);
  if (type === undefined)
    return new Malformed('entities-invalid', `is of the type \`${uid.type}\`, which the schema does not have`);
  const strange = schema.strangeness(new Entity(uid.type, uid.id, true));
  if (strange !== undefined) return new Malformed('entities-invalid', strange);
  const fitting: Fitting = { entityOf: (name, id) => store.visit(name, id), strangeness: schema.strangeness };
  const attributes = fitRecord(read.attributes, type.attributes, fitting);
  if (attributes instanceof Malformed) return recoded(attributes.under('.attrs'));
  const tags = new Map<string, Value>();
  for (const [name, tag] of read.tags) {
    if (type.tags === undefined) return new Malformed('entities-invalid', 'has tags, which the schema does not');
    const fitted = fit(tag, type.tags, fitting);
    if (fitted instanceof Malformed) return recoded(fitted.under(`.tags.${name}`));
    tags.set(name, fitted);
  }
  return { uid, attributes, tags: tags.size === 0 ? NOTHING : tags, parents: read.parents };
}

/** A value that is well formed, but not what the schema wants of the entity. */
function recoded(wrong: Malformed): Malformed {
  return new Malformed('entities-invalid', wrong.message, wrong.hint).under(wrong.path);
}

/** Actions are what the schema says. Saying the same again is allowed, with everything above them. */
function fitAction(
  { uid, attributes, tags, parents }: EntityDescription,
  schema: Schema,
): EntityDescription | Malformed {
  const declared = schema.actions.get(new Entity(uid.type, uid.id, true).key);
  if (declared === undefined) return new Malformed('entities-invalid', 'is an action that the schema does not have');
  const above = new Set(schema.actionsAbove(declared).map(label));
  const given = new Set(parents.map(label));
  const isSameAction =
    attributes.size === 0 && tags.size === 0 && above.size === given.size && [...above].every((one) => given.has(one));
  if (!isSameAction)
    return new Malformed('entities-invalid', 'is not the action that the schema declares', 'leave it out');
  return { uid, attributes: NOTHING, tags: NOTHING, parents };
}

/** What stands above an entity without the schema's leave. Its parents are enough: what may stand above them may stand above it too. */
function misplaced(entity: Entity, schema: Schema): Problem[] {
  if (isActionType(entity.type)) return [];
  const allowed = schema.entityTypes.get(entity.type)?.ancestors;
  return entity.parents.flatMap((parent) => {
    const strange =
      allowed?.has(parent.type) === true ? schema.strangeness(parent) : 'is of a type that may not be there';
    if (strange === undefined) return [];
    return [{ code: 'entities-invalid', message: `\`${label(parent)}\`, above \`${label(entity)}\`, ${strange}` }];
  });
}

/** An entity that is above itself, found without recursion. */
function findCycle(store: Store): Entity | undefined {
  const done = new Set<Entity>();
  for (const start of store.all()) {
    const path = new Set<Entity>();
    const stack: { entity: Entity; next: number }[] = done.has(start) ? [] : [{ entity: start, next: 0 }];
    path.add(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const parent = top.entity.parents[top.next];
      top.next += 1;
      if (parent === undefined) {
        done.add(top.entity);
        path.delete(top.entity);
        stack.pop();
      } else if (path.has(parent)) return parent;
      else if (!done.has(parent)) {
        path.add(parent);
        stack.push({ entity: parent, next: 0 });
      }
    }
  }
  return undefined;
}

/** A uid as Cedar writes it. */
function label({ type, id }: Uid): string {
  return `${type}::${JSON.stringify(id)}`;
}
