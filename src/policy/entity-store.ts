import { err, ok, type Problem, type Result } from '#base';
import { parseCedarJson } from './cedar-json.ts';
import type { EntityUid, SchemaSource } from './engine.ts';
import { changeStore, fillStore, refillStore, type TableChange } from './evaluate/entity-table.ts';
import { Malformed, type Uid } from './evaluate/read-value.ts';
import { readReference } from './evaluate/entity-json.ts';
import type { Schema } from './evaluate/schema.ts';
import type { Store } from './evaluate/store.ts';
import { compileSchema } from './schema-source.ts';

/** One entity in Cedar's JSON. Integers beyond 2^53 are bigint. */
export interface EntityJson {
  readonly uid: EntityUid;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly EntityUid[];
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** Entities, checked and indexed. Made only by `entityStore`. */
export class EntityStore {
  readonly #store: Store;
  readonly #whole: Result<Store, Problem[]>;
  readonly #schema: Schema | undefined;
  /** The same entities as policies with another schema see them, by its fingerprint. */
  readonly #views = new Map<string, { readonly schema: Schema; readonly store: Result<Store, Problem[]> }>();

  constructor(store: Store, schema: Schema | undefined) {
    this.#store = store;
    this.#whole = ok(store);
    this.#schema = schema;
  }

  /** The entities as policies with this schema see them: Cedar reads entities with the schema of the policies. */
  seenWith(schema: Schema | undefined): Result<Store, Problem[]> {
    if (schema === undefined || schema === this.#schema || schema.fingerprint === this.#schema?.fingerprint)
      return this.#whole;
    const known = this.#views.get(schema.fingerprint);
    if (known !== undefined) return known.store;
    const store = refillStore(this.#store, schema);
    this.#views.set(schema.fingerprint, { schema, store });
    return store;
  }

  /** See `updateEntities`. */
  change(change: TableChange): Result<undefined, Problem[]> {
    const changed = changeStore(this.#store, change, this.#schema);
    if (!changed.ok) return changed;
    for (const [fingerprint, { schema, store }] of this.#views)
      if (!store.ok || !changeStore(store.value, change, schema).ok) this.#views.delete(fingerprint);
    return changed;
  }
}

/**
 * Reads Cedar's entity JSON. A string is JSON text and its integers are read exactly; parsed JSON may hold bigint. With a schema, every
 * entity has to conform to it, and the schema's actions are added.
 * Codes: `json-invalid`, `json-duplicate-key`, `integer-invalid`, `value-invalid`, `value-too-deep`, `entities-invalid`, `schema-invalid`.
 */
export function entityStore(
  entities: string | readonly EntityJson[],
  schema?: SchemaSource,
): Result<EntityStore, Problem[]> {
  try {
    const compiled = schema === undefined ? ok(undefined) : compileSchema(schema);
    const items = listOf(entities);
    if (!compiled.ok || !items.ok)
      return err([...(compiled.ok ? [] : compiled.error), ...(items.ok ? [] : items.error)]);
    const store = fillStore(items.value, compiled.value);
    return store.ok ? ok(new EntityStore(store.value, compiled.value)) : store;
  } catch (cause) {
    return err([unreadable(cause)]);
  }
}

/** What changes in a store. Removing comes first; what is not there needs no removing. */
export interface EntityChange {
  /** Entities to add, or to put in place of those with the same uid; as `entityStore` takes them. */
  readonly upsert?: string | readonly EntityJson[];
  readonly remove?: readonly EntityUid[];
}

/**
 * Changes a store; the next decision sees it. The cost follows the change, not the size of the store. All of it happens or nothing:
 * on problems, with the codes of `entityStore`, the store stays what it was.
 */
export function updateEntities(store: EntityStore, change: EntityChange): Result<undefined, Problem[]> {
  try {
    const upsert = listOf(change.upsert ?? []);
    if (!upsert.ok) return upsert;
    const remove: Uid[] = [];
    const problems: Problem[] = [];
    for (const one of change.remove ?? []) {
      const uid = readReference(one);
      if (uid instanceof Malformed) problems.push(uid.under('remove').toProblem());
      else remove.push(uid);
    }
    return problems.length > 0 ? err(problems) : store.change({ upsert: upsert.value, remove });
  } catch (cause) {
    return err([unreadable(cause)]);
  }
}

function listOf(entities: string | readonly unknown[]): Result<readonly unknown[], Problem[]> {
  const parsed = typeof entities === 'string' ? parseCedarJson(entities, 'entities') : ok(entities);
  if (!parsed.ok) return err([parsed.error]);
  if (Array.isArray(parsed.value)) return ok(parsed.value);
  const hint = 'write [{"uid": …, "attrs": {}, "parents": []}]';
  return err([{ code: 'entities-invalid', message: 'entities must be an array', hint }]);
}

function unreadable(cause: unknown): Problem {
  return { code: 'entities-invalid', message: cause instanceof Error ? cause.message.toLowerCase() : 'unreadable' };
}
