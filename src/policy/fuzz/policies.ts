import { conjunction, Expressions } from './expression.ts';
import type { Population } from './population.ts';
import type { Random } from './random.ts';
import type { ActionKind, EntityKind, FuzzSchema } from './schema.ts';
import { type FuzzPolicy, isTemplate, type Scope, type Term, term, type Uid } from './term.ts';

/** Makes a policy out of a template. */
export interface FuzzLink {
  readonly templateId: string;
  readonly newId: string;
  readonly values: Readonly<Record<string, Uid>>;
}

/** How policies are made. */
export interface PolicyOptions {
  readonly count: number;
  /** See `Expressions`. */
  readonly wildness: number;
}

interface Maker {
  readonly random: Random;
  readonly schema: FuzzSchema;
  readonly population: Population;
  readonly options: PolicyOptions;
  /** Generators of conditions by what they are about, because finding all values is slow. */
  readonly expressions: Map<string, Expressions>;
}

/** What one policy is about. */
interface Target {
  readonly action: ActionKind;
  readonly principal: EntityKind;
  readonly resource: EntityKind;
}

const ALL: Scope = { form: 'all', type: '', entities: [] };

/** Policies and templates with their links. */
export function randomPolicies(
  random: Random,
  schema: FuzzSchema,
  population: Population,
  options: PolicyOptions,
): { policies: FuzzPolicy[]; links: FuzzLink[] } {
  const maker: Maker = { random, schema, population, options, expressions: new Map() };
  const policies = random.list(options.count, (at) => randomPolicy(maker, at));
  if (random.chance(0.25)) policies.push(...randomFamily(maker));
  const links = policies.filter(isTemplate).flatMap((template) => linksOf(maker, template));
  return { policies, links };
}

function randomPolicy(maker: Maker, at: number): FuzzPolicy {
  const { random, options } = maker;
  const target = randomTarget(maker);
  const isForbid = random.chance(0.3);
  // In a large set a policy about everybody would decide every question.
  const openness = Math.min(0.5, 4 / options.count) * (isForbid ? 0.4 : 1);
  const isTemplated = random.chance(0.15);
  const principal = entityScope(maker, target.principal, openness, isTemplated && random.chance(0.7));
  const resource = entityScope(maker, target.resource, openness, isTemplated && random.chance(0.6));
  const action = actionScope(maker, target.action);
  const guards = guardsOf(target, { principal, action, resource });
  const expressions = expressionsFor(maker, target);
  const most = isForbid ? 3 : 2;
  const conditions = random.list(random.chance(0.2) && !isForbid ? 0 : random.between(1, most), () => ({
    kind: random.chance(0.8) ? ('when' as const) : ('unless' as const),
    body: conjunction([...guards, expressions.condition(random.between(1, 4))]),
  }));
  const id = random.chance(0.02) ? `odd "${at}" 😀` : `p${at}`;
  return {
    id,
    effect: isForbid ? 'forbid' : 'permit',
    annotations: notes(random),
    principal,
    action,
    resource,
    conditions,
  };
}

/** Policies with one scope, which differ in what they compare a value with. */
function randomFamily(maker: Maker): FuzzPolicy[] {
  const { random } = maker;
  const target = randomTarget(maker);
  const scope = (kind: EntityKind): Scope => ({ form: 'is', type: kind.name, entities: [] });
  const action: Scope = { form: '==', type: '', entities: [{ type: target.action.type, id: target.action.id }] };
  const condition = expressionsFor(maker, target).family();
  return random.list(random.between(3, 25), (at) => ({
    id: `family${at}`,
    effect: random.chance(0.15) ? 'forbid' : 'permit',
    annotations: [],
    principal: scope(target.principal),
    action,
    resource: scope(target.resource),
    conditions: [{ kind: random.chance(0.9) ? 'when' : 'unless', body: condition() }],
  }));
}

function notes(random: Random): [string, string | null][] {
  if (!random.chance(0.1)) return [];
  return random.chance(0.5)
    ? [['id', 'name "x"\n']]
    : [
        ['if', null],
        ['reason', ''],
      ];
}

/** An action that can be asked for, with one of its types of principals and resources. */
function randomTarget({ random, schema }: Maker): Target {
  const action = random.pick(schema.actions.filter(({ asks }) => asks !== undefined));
  const kind = (names: readonly string[]): EntityKind => {
    const name = random.pick(names);
    const found = schema.kinds.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no entity type \`${name}\``);
    return found;
  };
  return { action, principal: kind(action.asks?.principals ?? []), resource: kind(action.asks?.resources ?? []) };
}

function expressionsFor(maker: Maker, { action, principal, resource }: Target): Expressions {
  const { random, schema, population, options, expressions } = maker;
  const key = `${action.id} ${principal.name} ${resource.name}`;
  const context = action.asks?.context ?? [];
  const known =
    expressions.get(key) ??
    new Expressions(random, { schema, principal, resource, context }, population, options.wildness);
  expressions.set(key, known);
  return known;
}

function entityScope(
  { random, schema, population }: Maker,
  kind: EntityKind,
  openness: number,
  hasSlot: boolean,
): Scope {
  if (!hasSlot && random.chance(openness))
    return random.chance(0.5) ? ALL : { form: 'is', type: kind.name, entities: [] };
  const above = schema.kinds.filter(({ name }) => kind.parents.includes(name)).map(({ name }) => name);
  const form = random.pick(['==', 'in', 'in', 'is in'] as const);
  const type = form === '==' || above.length === 0 ? kind.name : random.pick([...above, kind.name]);
  return { form, type: kind.name, entities: hasSlot ? [] : [population.uidOf(type)] };
}

function actionScope({ random, schema }: Maker, { type, id, groups }: ActionKind): Scope {
  const choice = random.between(0, 9);
  const group = random.maybe(groups);
  if (choice < 2) return ALL;
  if (choice < 4 && group !== undefined) return { form: 'in', type: '', entities: [{ type, id: group }] };
  if (choice < 6) {
    const others = random.some(schema.actions, 0, 2).map((other) => ({ type: other.type, id: other.id }));
    return { form: 'in', type: '', entities: [{ type, id }, ...others] };
  }
  return { form: '==', type: '', entities: [{ type, id }] };
}

/** Tests of everything the head leaves open, so that what follows may rely on the types of the target. */
function guardsOf(target: Target, scopes: Record<'principal' | 'action' | 'resource', Scope>): Term[] {
  const guards: Term[] = [];
  for (const name of ['principal', 'resource'] as const) {
    const { form } = scopes[name];
    if (form === 'all' || form === 'in') guards.push(term('is', [target[name].name], [term('var', [name])]));
  }
  if (scopes.action.form !== '==')
    guards.push(term('==', [], [term('var', ['action']), term('entity', [target.action.type, target.action.id])]));
  return guards;
}

function linksOf({ random, schema, population }: Maker, template: FuzzPolicy): FuzzLink[] {
  return random.list(random.between(0, 3), (at) => {
    const values: Record<string, Uid> = {};
    for (const name of ['principal', 'resource'] as const) {
      const { form, type, entities } = template[name];
      if (form === 'all' || form === 'is' || entities.length > 0) continue;
      const kind = schema.kinds.find((one) => one.name === type);
      const above = form === '==' ? [] : (kind?.parents ?? []);
      values[`?${name}`] = population.uidOf(random.pick([...above, type]));
    }
    return { templateId: template.id, newId: `${template.id}/${at}`, values };
  });
}
