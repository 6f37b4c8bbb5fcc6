import type { EntityKind, EntityOf } from './entity.ts';

/** Who or what made a change: `user:<id>`, `local:<uid>`, `system`, `agent:<device id>` or `rule:<id>`. */
export type Actor = string;

/** One row of the change feed. `seq` is gap-free per store. */
export interface Change {
  readonly seq: number;
  readonly time: number;
  /** An entity kind, or the kind of a private row (whose content never leaves the store). */
  readonly kind: string;
  readonly id: string;
  readonly op: 'put' | 'delete';
  readonly actor: Actor;
}

/** An entity with the name of its kind. */
export type AnyEntity = {
  readonly [K in EntityKind]: { readonly kind: K; readonly id: string; readonly body: EntityOf[K] };
}[EntityKind];

/** A change as a replica receives it: with the entity's state, when it has one and still exists. */
export interface ChangeWithEntity {
  readonly change: Change;
  readonly entity?: AnyEntity;
}

/** All entities as of `seq`. */
export interface Snapshot {
  readonly seq: number;
  readonly entities: readonly AnyEntity[];
}
