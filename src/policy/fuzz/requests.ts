import { literalJson } from './literal.ts';
import type { FuzzLink } from './policies.ts';
import { oddValue } from './odd-value.ts';
import { type Population, uidName } from './population.ts';
import type { Random } from './random.ts';
import { type ActionKind, type Fields, type FuzzSchema, randomType } from './schema.ts';
import type { FuzzPolicy, Scope, Uid } from './term.ts';

/** A question. Integers beyond 2^53 in the context are bigint. */
export interface FuzzRequest {
  readonly principal: Uid;
  readonly action: Uid;
  readonly resource: Uid;
  readonly context: Readonly<Record<string, unknown>>;
}

/** Asks questions, most of them about the very entities that some policy is about. */
export class Requests {
  readonly #random: Random;
  readonly #schema: FuzzSchema;
  readonly #population: Population;
  readonly #fits: boolean;
  readonly #isImplicit: boolean;
  readonly #ancestors: Map<string, ReadonlySet<string>> = new Map();

  /** `isImplicit`: whether values in the context may be written as only a schema can read them. */
  constructor(
    random: Random,
    schema: FuzzSchema,
    population: Population,
    options: { fits: boolean; isImplicit: boolean },
  ) {
    this.#random = random;
    this.#schema = schema;
    this.#population = population;
    this.#fits = options.fits;
    this.#isImplicit = options.isImplicit;
    for (const uid of population.uids) this.#ancestorsOf(uid);
  }

  /** One question; about a random policy, or about anybody. */
  next(policies: readonly FuzzPolicy[], links: readonly FuzzLink[]): FuzzRequest {
    const random = this.#random;
    const policy = random.chance(0.85) ? random.maybe(policies) : undefined;
    const values = random.maybe(links.filter(({ templateId }) => templateId === policy?.id))?.values ?? {};
    const action = this.#action(policy);
    const entity = (name: 'principal' | 'resource', types: readonly string[]): Uid => {
      const any = this.#fits && random.chance(0.97) ? types : this.#schema.kinds.map((kind) => kind.name);
      const scope = policy?.[name];
      const slot = values[`?${name}`];
      return (scope && this.#within(scope, slot, any)) ?? this.#population.uidOf(random.pick(any));
    };
    return {
      principal: entity('principal', action.asks?.principals ?? []),
      action: random.chance(0.02) ? { type: action.type, id: 'unheard of' } : { type: action.type, id: action.id },
      resource: entity('resource', action.asks?.resources ?? []),
      context: this.#context(action.asks?.context ?? []),
    };
  }

  #action(policy: FuzzPolicy | undefined): ActionKind {
    const asked = this.#schema.actions.filter(({ asks }) => asks !== undefined);
    const named = policy?.action.entities ?? [];
    const fitting = asked.filter(({ id, groups }) => named.some((one) => one.id === id || groups.includes(one.id)));
    return this.#random.maybe(fitting) ?? this.#random.pick(asked);
  }

  /** Somebody the scope is about. */
  #within({ form, type, entities }: Scope, slot: Uid | undefined, types: readonly string[]): Uid | undefined {
    if (form === 'all') return undefined;
    const [target = slot] = entities;
    const fitting = this.#population.uids.filter((uid) => {
      if (!types.includes(uid.type) || (form.startsWith('is') && uid.type !== type)) return false;
      if (target === undefined) return true;
      const isSame = uid.type === target.type && uid.id === target.id;
      return isSame || (form !== '==' && this.#ancestors.get(uidName(uid))?.has(uidName(target)) === true);
    });
    return this.#random.maybe(fitting);
  }

  #ancestorsOf(uid: Uid): ReadonlySet<string> {
    const known = this.#ancestors.get(uidName(uid));
    if (known !== undefined) return known;
    const all = new Set<string>();
    this.#ancestors.set(uidName(uid), all);
    for (const parent of this.#population.parents.get(uidName(uid)) ?? []) {
      all.add(uidName(parent));
      for (const above of this.#ancestorsOf(parent)) all.add(above);
    }
    return all;
  }

  #context(fields: Fields): Record<string, unknown> {
    const random = this.#random;
    const literals = this.#population.literals.withBadRate(0.01);
    const kinds = this.#schema.kinds.map(({ name }) => name);
    const wrong = this.#fits ? 0.005 : 0.05;
    const present = fields.filter(({ isRequired }) => random.chance(isRequired ? 1 - wrong : 0.6));
    const odd = random.chance(0.01) ? [['odd', oddValue(random)] as const] : [];
    return Object.fromEntries([
      ...odd,
      ...present.map(({ name, type }): [string, unknown] => {
        const actual = random.chance(wrong) ? randomType(random, kinds, 1) : type;
        return [name, literalJson(literals.of(actual), () => random.chance(this.#isImplicit ? 0.2 : 0))];
      }),
    ]);
  }
}
