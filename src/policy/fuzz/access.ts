import type { Random } from './random.ts';
import type { EntityKind, Fields, FuzzSchema, FuzzType } from './schema.ts';
import { type Term, term } from './term.ts';

/** A way to a value: through attributes, entities and tags, from a variable. */
export interface Access {
  readonly type: FuzzType;
  readonly value: Term;
  /** What has to hold so that the value exists, outermost first. */
  readonly guards: readonly Term[];
}

/** What an expression may be about: the types of its variables. */
export interface Surroundings {
  readonly schema: FuzzSchema;
  readonly principal: EntityKind;
  readonly resource: EntityKind;
  readonly context: Fields;
}

const DEPTH = 3;
const MOST = 120;

/** One string for each type, the same for equal types. */
export function typeKey(type: FuzzType): string {
  return JSON.stringify(type);
}

/** Every value within three steps of the variables, by type. */
export function accessesOf({ schema, principal, resource, context }: Surroundings, random: Random): Access[] {
  const kinds = new Map(schema.kinds.map((kind) => [kind.name, kind]));
  const found: Access[] = [
    { type: { kind: 'Entity', name: principal.name }, value: term('var', ['principal']), guards: [] },
    { type: { kind: 'Entity', name: resource.name }, value: term('var', ['resource']), guards: [] },
    { type: { kind: 'Record', fields: context }, value: term('var', ['context']), guards: [] },
  ];
  for (let at = 0, end = found.length, depth = 0; depth < DEPTH && found.length < MOST; depth += 1) {
    for (; at < end; at += 1) {
      const from = found[at];
      if (from !== undefined) found.push(...stepsFrom(from, kinds, random));
    }
    end = found.length;
  }
  return found.slice(0, MOST);
}

function stepsFrom(from: Access, kinds: ReadonlyMap<string, EntityKind>, random: Random): Access[] {
  const kind = from.type.kind === 'Entity' ? kinds.get(from.type.name) : undefined;
  const fields = from.type.kind === 'Record' ? from.type.fields : (kind?.fields ?? []);
  const steps = fields.map(({ name, type, isRequired }) => ({
    type,
    value: term('get', [name], [from.value]),
    guards: isRequired ? from.guards : [...from.guards, term('has', [name], [from.value])],
  }));
  if (kind?.tags === undefined) return steps;
  const key = term('string', [random.pick(['k', 'team', 'a b'])]);
  const tag = {
    type: kind.tags,
    value: term('getTag', [], [from.value, key]),
    guards: [...from.guards, term('hasTag', [], [from.value, key])],
  };
  return [...steps, tag];
}
