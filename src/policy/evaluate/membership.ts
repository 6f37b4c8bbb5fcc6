import type { EntitySource } from './question.ts';
import { Entity, Failure, isSameEntity, type Outcome, type Value, ValueSet } from './value.ts';

const LEFT_NO_ENTITY = new Failure('type error: the left side of `in` is no entity');
const RIGHT_NO_ENTITY = new Failure('type error: the right side of `in` is neither an entity nor a set of entities');
const MANY = 16;

/** Whether `entity` is `other` or below it. An entity that does not exist is still in itself. */
export function isIn(source: EntitySource, entity: Entity, other: Entity): boolean {
  if (isSameEntity(entity, other)) return true;
  const below = entity.isGuest ? source.current(entity) : entity;
  const above = other.isGuest ? source.current(other) : other;
  if (below.hierarchy !== source.hierarchy) source.refresh(below);
  return below.hasAncestor(above);
}

/** Cedar's `in`. The whole set on the right is checked to hold entities before anything is compared. */
export function evaluateIn(source: EntitySource, left: Value, right: Value): Outcome {
  if (!(left instanceof Entity)) return LEFT_NO_ENTITY;
  if (right instanceof Entity) return isIn(source, left, right);
  if (!(right instanceof ValueSet)) return RIGHT_NO_ENTITY;
  for (const item of right.items) if (!(item instanceof Entity)) return RIGHT_NO_ENTITY;
  if (right.items.length > MANY) return isInMany(source, left, right);
  for (const item of right.items) if (item instanceof Entity && isIn(source, left, item)) return true;
  return false;
}

/** A large set is asked once for each ancestor instead. */
function isInMany(source: EntitySource, entity: Entity, set: ValueSet): boolean {
  if (set.has(entity)) return true;
  const below = entity.isGuest ? source.current(entity) : entity;
  if (below.hierarchy !== source.hierarchy) source.refresh(below);
  return below.ancestors.some((ancestor) => set.has(ancestor));
}
