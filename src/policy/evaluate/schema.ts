import { isJsonObject, type Json } from '#base';
import type { Uid } from './read-value.ts';
import { isActionType } from './type-name.ts';
import type { AttributeType, RecordType, SchemaType } from './schema-type.ts';
import { type Entity, uidKey } from './value.ts';

/** What a schema says about an entity type. */
export interface EntityType {
  readonly attributes: RecordType;
  readonly tags: SchemaType | undefined;
  /** The only ids, when the type is enumerated. */
  readonly ids: ReadonlySet<string> | undefined;
  /** Types that may stand anywhere above. */
  readonly ancestors: ReadonlySet<string>;
}

/** What a schema says about an action. */
export interface ActionType {
  readonly uid: Uid;
  readonly principals: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly context: RecordType;
  readonly parents: readonly Uid[];
}

type Objects = { readonly [key: string]: Json };

const NO_ATTRIBUTES: RecordType = { kind: 'record', attributes: new Map() };
const PRIMITIVES: Readonly<Record<string, 'bool' | 'long' | 'string'>> = {
  Bool: 'bool',
  Boolean: 'bool',
  Long: 'long',
  String: 'string',
};

/** A schema, compiled from the JSON in which Cedar has resolved every name. Schemas are equal when their fingerprints are. */
export class Schema {
  readonly fingerprint: string;
  readonly entityTypes: ReadonlyMap<string, EntityType>;
  /** By the key of the action's uid. */
  readonly actions: ReadonlyMap<string, ActionType>;

  constructor(json: Json) {
    this.fingerprint = JSON.stringify(json);
    const names = new SchemaNames(json);
    this.entityTypes = entityTypesOf(names);
    this.actions = actionsOf(names);
  }

  /** Everything above an action. */
  actionsAbove({ parents }: ActionType): Uid[] {
    const found = new Map<string, Uid>();
    const queue = [...parents];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const key = uidKey(next.type, next.id);
      if (found.has(key)) continue;
      found.set(key, next);
      queue.push(...(this.actions.get(key)?.parents ?? []));
    }
    return [...found.values()];
  }

  /** What is wrong with a uid whose type is declared: an id that an enumerated type does not have, or an action nobody declared. */
  readonly strangeness = (entity: Entity): string | undefined => {
    if (isActionType(entity.type))
      return this.actions.has(entity.key) ? undefined : 'is an action the schema does not have';
    const ids = this.entityTypes.get(entity.type)?.ids;
    return ids === undefined || ids.has(entity.id) ? undefined : 'has an id that its enumerated type does not have';
  };
}

/** The namespaces of a schema, and its common types by full name. */
class SchemaNames {
  readonly namespaces: readonly (readonly [string, Objects])[];
  readonly #common = new Map<string, Json>();
  /** Common types that have been compiled: each may stand in the next one several times. */
  readonly #compiled = new Map<string, SchemaType>();

  constructor(json: Json) {
    this.namespaces = Object.entries(objects(json)).map(([name, body]) => [name, objects(body)] as const);
    for (const [namespace, body] of this.namespaces)
      for (const [name, type] of Object.entries(objects(body['commonTypes'])))
        this.#common.set(qualified(namespace, name), type);
  }

  /** Compiles a type. Common types cannot refer to themselves, so this ends. */
  type(json: Json | undefined): SchemaType {
    const { type: name, element, attributes, name: named } = objects(json);
    if (typeof name !== 'string') throw new TypeError('a type of the schema has no name');
    if (name === 'Set') return { kind: 'set', element: this.type(element) };
    if (name === 'Record') return this.record(attributes);
    if (name === 'Entity' && typeof named === 'string') return { kind: 'entity', name: named };
    if (name === 'Extension' && typeof named === 'string') return { kind: 'extension', name: named };
    const common = this.#common.get(name);
    if (common !== undefined) {
      const compiled = this.#compiled.get(name) ?? this.type(common);
      this.#compiled.set(name, compiled);
      return compiled;
    }
    const plain = name.replace(/^__cedar::/, '');
    const primitive = PRIMITIVES[plain];
    return primitive === undefined ? { kind: 'extension', name: plain } : { kind: primitive };
  }

  record(json: Json | undefined): RecordType {
    const attributes = new Map<string, AttributeType>();
    for (const [name, type] of Object.entries(objects(json)))
      attributes.set(name, { type: this.type(type), isRequired: objects(type)['required'] !== false });
    return { kind: 'record', attributes };
  }

  /** A shape or a context, which must be a record. */
  attributes(json: Json | undefined): RecordType {
    const type = json === undefined ? NO_ATTRIBUTES : this.type(json);
    if (type.kind !== 'record') throw new TypeError('a shape of the schema is no record');
    return type;
  }
}

function entityTypesOf(names: SchemaNames): Map<string, EntityType> {
  const parents = new Map<string, readonly string[]>();
  const types = new Map<string, EntityType>();
  const bodies = names.namespaces.flatMap(([namespace, body]) =>
    Object.entries(objects(body['entityTypes'])).map(
      ([name, type]) => [qualified(namespace, name), objects(type)] as const,
    ),
  );
  for (const [name, { memberOfTypes }] of bodies) parents.set(name, strings(memberOfTypes));
  for (const [name, body] of bodies) {
    types.set(name, {
      attributes: names.attributes(body['shape']),
      tags: body['tags'] === undefined ? undefined : names.type(body['tags']),
      ids: body['enum'] === undefined ? undefined : new Set(strings(body['enum'])),
      ancestors: reach(name, (type) => parents.get(type) ?? []),
    });
  }
  return types;
}

function actionsOf(names: SchemaNames): Map<string, ActionType> {
  const actions = new Map<string, ActionType>();
  for (const [namespace, body] of names.namespaces) {
    const type = qualified(namespace, 'Action');
    for (const [id, action] of Object.entries(objects(body['actions']))) {
      const { appliesTo, memberOf } = objects(action);
      const { principalTypes, resourceTypes, context } = objects(appliesTo);
      actions.set(uidKey(type, id), {
        uid: { type, id },
        principals: new Set(strings(principalTypes)),
        resources: new Set(strings(resourceTypes)),
        context: names.attributes(context),
        parents: list(memberOf).map((parent) => {
          const { type: parentType, id: parentId } = objects(parent);
          return { type: typeof parentType === 'string' ? parentType : type, id: String(parentId) };
        }),
      });
    }
  }
  return actions;
}

/** Everything above `start`. */
function reach(start: string, above: (name: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const queue = [...above(start)];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    queue.push(...above(next));
  }
  return found;
}

function qualified(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}::${name}`;
}

function objects(json: Json | undefined): Objects {
  return isJsonObject(json) ? json : {};
}

function list(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : [];
}

function strings(json: Json | undefined): string[] {
  return list(json).filter((item) => typeof item === 'string');
}
