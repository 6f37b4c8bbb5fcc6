import { err, ok, type Result } from '#base';
import type { EntityUid } from './engine.ts';
import { type EntityJson, type EntityStore, updateEntities } from './entity-store.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** What a question says about its own principal and resource. */
export interface Said {
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly principalAttributes?: Attributes | undefined;
  readonly resourceAttributes?: Attributes | undefined;
}

/**
 * Entities, and what single questions add to them. What is stored about an attribute wins, so that nobody talks an administered fact away
 * by sending another.
 */
export class Overlay {
  readonly #store: EntityStore;
  readonly #known: ReadonlyMap<string, EntityJson>;
  #isSound = true;

  /** `known` is what the store holds, by `uidKey`. */
  constructor(store: EntityStore, known: ReadonlyMap<string, EntityJson>) {
    this.#store = store;
    this.#known = known;
  }

  /**
   * Asks while the store holds what the question says, and takes it out again. `err`: why what was said does not fit the schema.
   * INVARIANT: nothing of it is there when the next question comes. When it cannot be taken out, nothing is ever asked again.
   */
  ask<T>(said: Said, question: (store: EntityStore) => T): Result<T, string> {
    if (!this.#isSound) return err('the entities of the model are damaged');
    const { principal, resource, principalAttributes, resourceAttributes } = said;
    if (principalAttributes === undefined && resourceAttributes === undefined) return ok(question(this.#store));
    const added = new Map<string, EntityJson>();
    this.#add(added, principal, principalAttributes);
    this.#add(added, resource, resourceAttributes);
    const put = updateEntities(this.#store, { upsert: [...added.values()] });
    if (!put.ok) return err(put.error[0]?.message ?? 'the properties do not fit the schema');
    try {
      return ok(question(this.#store));
    } finally {
      this.#restore(added);
    }
  }

  #add(added: Map<string, EntityJson>, uid: EntityUid, attributes: Attributes | undefined): void {
    if (attributes === undefined) return;
    const key = uidKey(uid);
    const { attrs = {}, parents = [], ...rest } = added.get(key) ?? this.#known.get(key) ?? { uid };
    added.set(key, { ...rest, uid, attrs: { ...attributes, ...attrs }, parents });
  }

  #restore(added: ReadonlyMap<string, EntityJson>): void {
    const upsert: EntityJson[] = [];
    const remove: EntityUid[] = [];
    for (const [key, { uid }] of added) {
      const before = this.#known.get(key);
      if (before === undefined) remove.push(uid);
      else upsert.push(before);
    }
    this.#isSound = false;
    this.#isSound = updateEntities(this.#store, { upsert, remove }).ok;
  }
}

/** One text for one entity: no type name contains a quote. */
export function uidKey({ type, id }: EntityUid): string {
  return `${type}"${id}`;
}
