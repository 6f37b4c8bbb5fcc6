import { Leaf, type PolicyVisitor } from './leaf.ts';
import type { Constraint, RunnablePolicy } from './policy.ts';
import type { EntityLiteral, EntitySource, Question } from './question.ts';
import { type Entity, type Position, uidKey } from './value.ts';

/** One level of the index: where to go on, by what a constraint says of one entity. Tables that nothing is in do not exist. */
class Level<T> {
  /** For policies that say nothing. */
  any: T | undefined = undefined;
  byType: Map<string, T> | undefined = undefined;
  /** For `==`, by the number of the uid. */
  byUid: Map<number, T> | undefined = undefined;
  /** For `in`, also with `is`, by the number of the uid. */
  byAncestor: Map<number, T> | undefined = undefined;
  /** The bits of the numbers in `byAncestor`: without one in common, none of an entity's numbers is there. */
  mask = 0;

  /** Adds to `found` what an entity leads to. */
  collect(entity: Entity, { own, above, mask }: Position, found: Found<T>): void {
    const { any, byType, byUid, byAncestor } = this;
    if (any !== undefined) found.add(any);
    if (byType !== undefined) found.add(byType.get(entity.type));
    if (byUid !== undefined && own >= 0) found.add(byUid.get(own));
    if (byAncestor !== undefined && (this.mask & mask) !== 0)
      for (const number of above) found.add(byAncestor.get(number));
  }
}

/** A list that is emptied for each question without giving its memory back. */
class Found<T> {
  readonly items: T[] = [];
  count = 0;

  add(item: T | undefined): void {
    if (item === undefined) return;
    this.items[this.count] = item;
    this.count += 1;
  }
}

/** Policies that have the same constraints, apart from the type in `is … in`. They become a leaf when they are first asked. */
class Bucket {
  readonly policies: RunnablePolicy[] = [];
  #leaf: Leaf | undefined = undefined;

  get leaf(): Leaf {
    this.#leaf ??= new Leaf(this.policies);
    return this.#leaf;
  }
}

/**
 * Selects the policies whose scope can cover a question, without looking at others: by action, then by principal, then by resource.
 * What an entity is in is found once and remembered with the entity. A policy that names several actions is in several leaves.
 */
export class PolicyIndex {
  readonly #numbers = new Map<string, number>();
  readonly #nowhere: Position = { index: this, own: -1, above: [], mask: 0 };
  readonly #namesPrincipals: boolean;
  readonly #namesResources: boolean;
  readonly #root = new Level<Level<Level<Bucket>>>();
  readonly #principals = new Found<Level<Level<Bucket>>>();
  readonly #resources = new Found<Level<Bucket>>();
  readonly #leaves = new Found<Bucket>();

  constructor(policies: readonly RunnablePolicy[]) {
    this.#namesPrincipals = policies.some(({ principal }) => principal.entities.length > 0);
    this.#namesResources = policies.some(({ resource }) => resource.entities.length > 0);
    for (const policy of policies)
      for (const principals of this.#places(this.#root, policy.action, () => new Level<Level<Bucket>>()))
        for (const resources of this.#places(principals, policy.principal, () => new Level<Bucket>()))
          for (const leaf of this.#places(resources, policy.resource, () => new Bucket())) leaf.policies.push(policy);
  }

  /** Shows the visitor every policy that can apply to the question or err. */
  each(question: Question, visitor: PolicyVisitor): void {
    const { source, principal, action, resource } = question;
    const [principals, resources, leaves] = [this.#principals, this.#resources, this.#leaves];
    principals.count = 0;
    resources.count = 0;
    leaves.count = 0;
    this.#root.collect(action, this.#positionOf(action, source), principals);
    if (principals.count === 0) return;
    const principalPosition = this.#namesPrincipals ? this.#positionOf(principal, source) : this.#nowhere;
    for (let at = 0; at < principals.count; at += 1)
      principals.items[at]?.collect(principal, principalPosition, resources);
    const resourcePosition = this.#namesResources ? this.#positionOf(resource, source) : this.#nowhere;
    for (let at = 0; at < resources.count; at += 1) resources.items[at]?.collect(resource, resourcePosition, leaves);
    for (let at = 0; at < leaves.count; at += 1) leaves.items[at]?.leaf.each(question, visitor);
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
    const position: Position = {
      index: this,
      own,
      above,
      mask: above.reduce((mask, number) => mask | bitOf(number), 0),
    };
    entity.position = position;
    return position;
  }

  /** Where a policy with this constraint goes. */
  #places<T>(level: Level<T>, { relation, type, entities }: Constraint, create: () => T): T[] {
    if (relation !== undefined) {
      const table =
        relation === '==' ? (level.byUid ??= new Map<number, T>()) : (level.byAncestor ??= new Map<number, T>());
      const numbers = new Set(entities.map((literal) => this.#numberOf(literal)));
      if (relation === 'in') for (const number of numbers) level.mask |= bitOf(number);
      return [...numbers].map((number) => inTable(table, number, create));
    }
    if (type !== undefined) return [inTable((level.byType ??= new Map<string, T>()), type, create)];
    level.any ??= create();
    return [level.any];
  }

  #numberOf({ type, id }: EntityLiteral): number {
    return inTable(this.#numbers, uidKey(type, id), () => this.#numbers.size);
  }
}

function bitOf(number: number): number {
  return 1 << (number % 31);
}

function inTable<K, T>(table: Map<K, T>, key: K, create: () => T): T {
  const known = table.get(key);
  if (known !== undefined) return known;
  const made = create();
  table.set(key, made);
  return made;
}
