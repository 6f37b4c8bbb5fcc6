import { type FuzzLink, randomPolicies } from './policies.ts';
import { type FuzzEntity, populate } from './population.ts';
import { probes } from './probe.ts';
import { Random } from './random.ts';
import { type FuzzRequest, Requests } from './requests.ts';
import { oddValue } from './odd-value.ts';
import { randomSchema, schemaJson } from './schema.ts';
import type { FuzzPolicy } from './term.ts';

/** Everything that one decision depends on, apart from the question. Plain data, so that it can be made smaller piece by piece. */
export interface World {
  /** Cedar's JSON form; without it neither policies nor entities are checked. */
  readonly schema?: object;
  /** Who is told about the schema. */
  readonly schemaFor: 'both' | 'policies' | 'entities';
  readonly policies: readonly FuzzPolicy[];
  readonly links: readonly FuzzLink[];
  readonly entities: readonly FuzzEntity[];
  /** Whether entities and context are handed over as JSON text. */
  readonly isText: boolean;
  /** Whether the engine gets the entities piece by piece, with changes and questions in between. */
  readonly isGrown: boolean;
}

/** A world, and a supply of questions about it. */
export interface Scenario {
  readonly world: World;
  readonly requestCount: number;
  /** The next question, given the policies that are left of the world's. */
  readonly request: (policies: readonly FuzzPolicy[], links: readonly FuzzLink[]) => FuzzRequest;
}

/** The scenario of a seed. Half have a schema that everything fits; the others have none, and values of wrong types. */
export function randomScenario(seed: number): Scenario {
  const random = new Random(seed);
  const fits = random.chance(0.5);
  const schema = randomSchema(random);
  const isDeep = random.chance(0.1);
  const count = policyCount(random);
  const population = populate(random, schema, { fits, isDeep, most: isDeep ? 12 : 3 });
  const options = { count, wildness: fits ? 0 : random.pick([0, 0.02, 0.05]) };
  const hasProbes = random.chance(0.2);
  const { policies, links } = hasProbes
    ? { policies: probes(random, population.literals.withBadRate(fits ? 0 : 0.1), 40), links: [] }
    : randomPolicies(random, schema, population, options);
  const entities = random.chance(0.06) ? spoiled(random, population.entities) : population.entities;
  const schemaFor = fits && random.chance(0.2) ? random.pick(['policies', 'entities'] as const) : 'both';
  const requests = new Requests(random, schema, population, { fits, isImplicit: fits && schemaFor !== 'entities' });
  const world: World = {
    ...(fits ? { schema: schemaJson(schema, random) } : {}),
    schemaFor,
    policies,
    links,
    entities,
    isText: random.chance(0.5),
    isGrown: random.chance(0.25),
  };
  return {
    world,
    requestCount: requestCount(world, hasProbes),
    request: (left, leftLinks) => requests.next(left, leftLinks),
  };
}

/** As many as pay for telling both sides about the world; few where one tells all, or where each needs a store of its own. */
function requestCount({ policies, schema, isGrown }: World, hasProbes: boolean): number {
  if (hasProbes) return 3;
  if (isGrown && schema !== undefined) return 15;
  return policies.length > 100 ? 150 : 60;
}

/** Mostly few, because small sets find most of what is wrong and are quick; up to 1,000. */
function policyCount(random: Random): number {
  const choice = random.between(0, 99);
  if (choice < 30) return random.between(1, 5);
  if (choice < 75) return random.between(6, 30);
  if (choice < 94) return random.between(31, 120);
  return choice < 98 ? random.between(121, 400) : random.between(401, 1000);
}

/** Entities with one thing that no store may accept, or may only accept by accident. */
function spoiled(random: Random, entities: readonly FuzzEntity[]): readonly FuzzEntity[] {
  const one = random.maybe(entities);
  if (one === undefined) return entities;
  const others = entities.filter((other) => other !== one);
  switch (random.between(0, 7)) {
    case 0:
      return [...entities, one];
    case 1:
      return [...entities, { ...one, attrs: { ...one.attrs, more: 1 } }];
    case 2:
      return [...others, { ...one, parents: [...one.parents, one.uid] }];
    case 3: {
      const child = { uid: { type: 'Loop', id: 'x' }, attrs: {}, parents: [one.uid] };
      return [...others, { ...one, parents: [...one.parents, child.uid] }, child];
    }
    case 4:
      return [
        ...others,
        { ...one, uid: random.pick([{ type: 'no name', id: 'x' }, { type: 'if', id: '' }, 'User::"x"', { id: 'x' }]) },
      ];
    default:
      return [...others, { ...one, attrs: { ...one.attrs, bad: oddValue(random) } }];
  }
}
