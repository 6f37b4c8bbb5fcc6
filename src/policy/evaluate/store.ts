import { type EntitySource, nextEpoch } from './question.ts';
import type { Uid } from './read-value.ts';
import { Entity, NOTHING, type RecordValue } from './value.ts';

/** What is stored about one entity. */
export interface Contents {
  readonly attributes: RecordValue;
  readonly tags: RecordValue;
  readonly parents: readonly Uid[];
}

const MOST_GUESTS = 1000;

/**
 * The table of entities and their hierarchy. Ancestors are kept with each entity and computed again only after a change above it, so
 * that a change costs what it touches, and the next decision sees it. The table holds the entities that exist, what is above them, and
 * what policies name; a reference out of a value to anything else is a guest.
 * INVARIANT: the hierarchy has no cycle. `put` does not check it: whoever puts asks `wouldCycle`, and takes back what would.
 */
export class Store implements EntitySource {
  readonly epoch: number = nextEpoch();
  hierarchy = 0;
  readonly #types = new Map<string, Map<string, Entity>>();
  /** Guests that came lately, as most come again; actions usually are guests. */
  #guests = new Map<string, Map<string, Entity>>();
  #guestCount = 0;

  /** The entity of this uid, when the table has it. */
  find(type: string, id: string): Entity | undefined {
    return this.#types.get(type)?.get(id);
  }

  /** The entity of this uid, which the table has from now on. */
  intern(type: string, id: string): Entity {
    let entities = this.#types.get(type);
    if (entities === undefined) {
      entities = new Map();
      this.#types.set(type, entities);
    }
    let entity = entities.get(id);
    if (entity === undefined) {
      entity = new Entity(type, id, false);
      entities.set(id, entity);
    }
    return entity;
  }

  /** The entity of this uid, or a guest of whom little is kept, so that questions cannot fill the memory. */
  visit(type: string, id: string): Entity {
    return this.find(type, id) ?? this.guest(type, id) ?? this.#welcome(type, id);
  }

  /** The guest of this uid, if it was here lately. Only for what the table does not have. */
  guest(type: string, id: string): Entity | undefined {
    return this.#guests.get(type)?.get(id);
  }

  current(guest: Entity): Entity {
    return this.find(guest.type, guest.id) ?? guest;
  }

  refresh(entity: Entity): void {
    const found = new Set<Entity>();
    const queue = [...entity.parents];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      // What is up to date already holds everything above it.
      if (next.hierarchy === this.hierarchy) for (const above of next.ancestors) found.add(above);
      else queue.push(...next.parents);
    }
    entity.setAncestors([...found], this.hierarchy);
  }

  /** Whether `entity` would be above itself with these parents. */
  wouldCycle({ type, id }: Uid, parents: readonly Uid[]): boolean {
    if (parents.some((parent) => parent.type === type && parent.id === id)) return true;
    const entity = this.find(type, id);
    if (entity === undefined || entity.childCount === 0) return false;
    const seen = new Set<Entity>();
    const queue = parents.map((parent) => this.visit(parent.type, parent.id));
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (next === entity) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(...next.parents);
    }
    return false;
  }

  /** Stores what is known of an entity, in place of what was. */
  put({ type, id }: Uid, { attributes, tags, parents }: Contents): Entity {
    const entity = this.intern(type, id);
    entity.attributes = attributes;
    entity.tags = tags;
    this.#place(entity, [...new Set(parents.map((parent) => this.intern(parent.type, parent.id)))]);
    return entity;
  }

  /** Forgets what was stored. The entity stays in the table while others are below it. */
  remove({ type, id }: Uid): void {
    const entity = this.find(type, id);
    if (entity === undefined) return;
    entity.attributes = undefined;
    entity.tags = NOTHING;
    this.#place(entity, []);
    this.#dismiss(entity);
  }

  /** All entities that exist. */
  *all(): Generator<Entity> {
    for (const entities of this.#types.values())
      for (const entity of entities.values()) if (entity.attributes !== undefined) yield entity;
  }

  #welcome(type: string, id: string): Entity {
    if (this.#guestCount >= MOST_GUESTS) {
      this.#guests = new Map();
      this.#guestCount = 0;
    }
    const guest = new Entity(type, id, true);
    const sameType = this.#guests.get(type);
    if (sameType === undefined) this.#guests.set(type, new Map([[id, guest]]));
    else sameType.set(id, guest);
    this.#guestCount += 1;
    return guest;
  }

  #place(entity: Entity, parents: readonly Entity[]): void {
    const before = entity.parents;
    if (before.length === parents.length && parents.every((parent) => before.includes(parent))) return;
    for (const parent of parents) parent.childCount += 1;
    for (const parent of before) parent.childCount -= 1;
    entity.parents = parents;
    // Its own ancestors are out of date, and those of everything below it.
    if (entity.childCount > 0) this.hierarchy += 1;
    entity.hierarchy = -1;
    for (const parent of before) this.#dismiss(parent);
  }

  /** Takes out of the table what nothing needs there; references that are still held become guests. */
  #dismiss(entity: Entity): void {
    if (entity.attributes !== undefined || entity.childCount > 0) return;
    entity.isGuest = true;
    this.#types.get(entity.type)?.delete(entity.id);
  }
}
