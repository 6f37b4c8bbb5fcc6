import type { Random } from './random.ts';

/** A type of Cedar. */
export type FuzzType =
  | { readonly kind: 'Boolean' | 'Long' | 'String' }
  | { readonly kind: 'decimal' | 'ipaddr' | 'datetime' | 'duration' }
  | { readonly kind: 'Set'; readonly of: FuzzType }
  | { readonly kind: 'Record'; readonly fields: Fields }
  | { readonly kind: 'Entity'; readonly name: string };

/** Attributes, in order. */
export type Fields = readonly { readonly name: string; readonly type: FuzzType; readonly isRequired: boolean }[];

/** A type of entities. */
export interface EntityKind {
  /** With its namespace. */
  readonly name: string;
  readonly parents: readonly string[];
  readonly fields: Fields;
  readonly tags: FuzzType | undefined;
  /** All its entities, when they are listed. */
  readonly ids: readonly string[] | undefined;
}

/** An action, or a group of actions when nothing can ask for it. */
export interface ActionKind {
  readonly type: string;
  readonly id: string;
  /** Ids of groups in the same namespace. */
  readonly groups: readonly string[];
  readonly asks:
    | { readonly principals: readonly string[]; readonly resources: readonly string[]; readonly context: Fields }
    | undefined;
}

/** What policies, entities and requests are generated from. */
export interface FuzzSchema {
  readonly kinds: readonly EntityKind[];
  readonly actions: readonly ActionKind[];
}

const KIND_NAMES = ['User', 'Group', 'Doc', 'Folder', 'Ns::Item', 'Ns::Deep::Thing', 'List'];
// Words of the grammar, names that JavaScript objects answer to by themselves, and text that must be quoted.
const FIELD_NAMES = [
  'a',
  'b',
  'name',
  'level',
  'owner',
  'if',
  'a b',
  'é',
  '__proto__',
  'constructor',
  'in',
  'toString',
  '',
];
const ACTION_NAMES = ['read', 'write', 'delete all', 'sha"re', '__proto__', 'Ä'];
const PLAIN = ['Boolean', 'Long', 'String', 'decimal', 'ipaddr', 'datetime', 'duration'] as const;

/** A type nested at most `depth` deep. */
export function randomType(random: Random, kinds: readonly string[], depth: number): FuzzType {
  const choice = random.between(0, depth > 0 ? 13 : 9);
  if (choice < 7) return { kind: PLAIN[choice] ?? 'Long' };
  if (choice < 10) return { kind: 'Entity', name: random.pick(kinds) };
  if (choice < 12) return { kind: 'Set', of: randomType(random, kinds, depth - 1) };
  return { kind: 'Record', fields: randomFields(random, kinds, depth - 1, 3) };
}

function randomFields(random: Random, kinds: readonly string[], depth: number, most: number): Fields {
  return random.some(FIELD_NAMES, 0, most).map((name) => ({
    name,
    type: randomType(random, kinds, depth),
    isRequired: random.chance(0.6),
  }));
}

/** A schema with two to six types of entities and one to six actions. */
export function randomSchema(random: Random): FuzzSchema {
  const names = random.some(KIND_NAMES, 2, 5);
  const enumerated = random.chance(0.4) ? ['Colour'] : [];
  const all = [...names, ...enumerated];
  const kinds: EntityKind[] = names.map((name) => ({
    name,
    parents: random.some(names, 0, 3),
    fields: randomFields(random, all, 2, 5),
    tags: random.chance(0.4) ? randomType(random, all, 1) : undefined,
    ids: undefined,
  }));
  for (const name of enumerated)
    kinds.push({ name, parents: [], fields: [], tags: undefined, ids: ['red', 'green', 'a "b"'] });
  return { kinds, actions: randomActions(random, all) };
}

function randomActions(random: Random, kinds: readonly string[]): ActionKind[] {
  const type = random.chance(0.3) ? 'Ns::Action' : 'Action';
  const groups = random.some(['all', 'reads', 'top'], 0, 3);
  const ids = random.some(ACTION_NAMES, 1, 4);
  return [
    ...groups.map((id, at) => ({ type, id, groups: random.some(groups.slice(0, at), 0, 2), asks: undefined })),
    ...ids.map((id) => ({
      type,
      id,
      groups: random.some(groups, 0, 2),
      asks: {
        principals: random.some(kinds, 1, 2),
        resources: random.some(kinds, 1, 3),
        context: randomFields(random, kinds, 2, 4),
      },
    })),
  ];
}

/** The same schema in Cedar's JSON form. Some types are named, so that references to common types occur. */
export function schemaJson({ kinds, actions }: FuzzSchema, random: Random): object {
  const spaces = new Map<string, { entityTypes: object; actions: object; commonTypes: object }>();
  const counter = { count: 0 };
  const space = (path: string): { entityTypes: object; actions: object; commonTypes: object } => {
    const known = spaces.get(path) ?? { entityTypes: {}, actions: {}, commonTypes: {} };
    spaces.set(path, known);
    return known;
  };
  space('');
  for (const kind of kinds) {
    const [path, name] = split(kind.name);
    const naming = { random, counter, common: space(path).commonTypes };
    const shape = { type: 'Record', attributes: fieldsJson(kind.fields, naming) };
    const tags = kind.tags === undefined ? {} : { tags: typeJson(kind.tags, naming) };
    const body = kind.ids === undefined ? { memberOfTypes: kind.parents, shape, ...tags } : { enum: kind.ids };
    define(space(path).entityTypes, name, body);
  }
  for (const { type, id, groups, asks } of actions) {
    const [path] = split(type);
    const naming = { random, counter, common: space(path).commonTypes };
    const appliesTo = asks && {
      principalTypes: asks.principals,
      resourceTypes: asks.resources,
      context: { type: 'Record', attributes: fieldsJson(asks.context, naming) },
    };
    define(space(path).actions, id, {
      memberOf: groups.map((group) => ({ id: group })),
      ...(appliesTo === undefined ? {} : { appliesTo }),
    });
  }
  return Object.fromEntries(spaces);
}

interface Naming {
  readonly random: Random;
  /** No two common types share a name, because one namespace must not hide another's. */
  readonly counter: { count: number };
  readonly common: object;
}

function split(name: string): [string, string] {
  const at = name.lastIndexOf('::');
  return at === -1 ? ['', name] : [name.slice(0, at), name.slice(at + 2)];
}

/** An own property, whatever its name: assignment would change the prototype for `__proto__`. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function fieldsJson(fields: Fields, naming: Naming): object {
  return Object.fromEntries(
    fields.map(({ name, type, isRequired }) => [name, { ...typeJson(type, naming), required: isRequired }]),
  );
}

function typeJson(type: FuzzType, naming: Naming): object {
  const json = plainTypeJson(type, naming);
  if (!naming.random.chance(0.1)) return json;
  const name = `Common${naming.counter.count++}`;
  define(naming.common, name, json);
  return { type: name };
}

function plainTypeJson(type: FuzzType, naming: Naming): object {
  switch (type.kind) {
    case 'Boolean':
    case 'Long':
    case 'String':
      return { type: type.kind };
    case 'Set':
      return { type: 'Set', element: typeJson(type.of, naming) };
    case 'Record':
      return { type: 'Record', attributes: fieldsJson(type.fields, naming) };
    case 'Entity':
      return { type: 'Entity', name: type.name };
    default:
      return { type: 'Extension', name: type.kind };
  }
}
