import type { Constraint, RunnablePolicy } from './policy.ts';
import type { EntityLiteral, EntitySource, Question } from './question.ts';
import { type Entity, type Position, uidKey } from './value.ts';

/** One level of the index: where to go on, by what a constraint says of one entity. */
class Level<T> {
  /** For policies that say nothing. */
  any: T | undefined = undefined;
  readonly byType = new Map<string, T>();
  /** For `==`, by the number of the uid. */
  readonly byUid = new Map<number, T>();
  /** For `in`, also with `is`, by the number of the uid. */
  readonly byAncestor = new Map<number, T>();

  /** Adds to `found` what an entity leads to. */
  collect(entity: Entity, { own, above }: Position, found: T[]): void {
    if (this.any !== undefined) found.push(this.any);
    if (this.byType.size > 0) pushFound(this.byType.get(entity.type), found);
    if (own >= 0 && this.byUid.size > 0) pushFound(this.byUid.get(own), found);
    if (this.byAncestor.size > 0) for (const number of above) pushFound(this.byAncestor.get(number), found);
  }
}

function pushFound<T>(value: T | undefined, found: T[]): void {
  if (value !== undefined) found.push(value);
}

/** Policies that have the same constraints, apart from the type in `is … in`. */
export type Leaf = readonly RunnablePolicy[];

/**
 * Selects the policies whose scope can cover a question, without looking at others: by action, then by principal, then by resource.
 * What an entity is in is found once and remembered with the entity. A policy that names several actions is in several leaves.
 */
export class PolicyIndex {
  readonly #numbers = new Map<string, number>();
  readonly #root = new Level<Level<Level<RunnablePolicy[]>>>();
  // Filled and emptied by each question, so that selecting allocates nothing.
  readonly #principals: Level<Level<RunnablePolicy[]>>[] = [];
  readonly #resources: Level<RunnablePolicy[]>[] = [];
  readonly #leaves: RunnablePolicy[][] = [];

  constructor(policies: Iterable<RunnablePolicy>) {
    for (const policy of policies)
      for (const principals of this.#places(this.#root, policy.action, () => new Level<Level<RunnablePolicy[]>>()))
        for (const resources of this.#places(principals, policy.principal, () => new Level<RunnablePolicy[]>()))
          for (const leaf of this.#places(resources, policy.resource, (): RunnablePolicy[] => [])) leaf.push(policy);
  }

  /** The leaves for a question, valid until the next one. */
  select({ source, principal, action, resource }: Question): readonly Leaf[] {
    const [principals, resources, leaves] = [this.#principals, this.#resources, this.#leaves];
    principals.length = 0;
    resources.length = 0;
    leaves.length = 0;
    this.#root.collect(action, this.#positionOf(action, source), principals);
    if (principals.length === 0) return leaves;
    const principalPosition = this.#positionOf(principal, source);
    for (const level of principals) level.collect(principal, principalPosition, resources);
    const resourcePosition = this.#positionOf(resource, source);
    for (const level of resources) level.collect(resource, resourcePosition, leaves);
    return leaves;
  }

  #positionOf(entity: Entity, source: EntitySource): Position {
    if (entity.hierarchy !== source.hierarchy) source.refresh(entity);
    const known = entity.position;
    if (known !== undefined && known.index === this) return known;
    const own = this.#numbers.get(entity.key) ?? -1;
    const above: number[] = own >= 0 ? [own] : [];
    for (const ancestor of entity.ancestors) {
      const number = this.#numbers.get(ancestor.key);
      if (number !== undefined) above.push(number);
    }
    const position: Position = { index: this, own, above };
    entity.position = position;
    return position;
  }

  /** Where a policy with this constraint goes. */
  #places<T>(level: Level<T>, { relation, type, entities }: Constraint, create: () => T): T[] {
    if (relation !== undefined) {
      const table = relation === '==' ? level.byUid : level.byAncestor;
      const numbers = new Set(entities.map((literal) => this.#numberOf(literal)));
      return [...numbers].map((number) => inTable(table, number, create));
    }
    if (type !== undefined) return [inTable(level.byType, type, create)];
    level.any ??= create();
    return [level.any];
  }

  #numberOf({ type, id }: EntityLiteral): number {
    return inTable(this.#numbers, uidKey(type, id), () => this.#numbers.size);
  }
}

function inTable<K, T>(table: Map<K, T>, key: K, create: () => T): T {
  const known = table.get(key);
  if (known !== undefined) return known;
  const made = create();
  table.set(key, made);
  return made;
}
