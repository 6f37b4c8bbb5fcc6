import { Literals, literalJson } from './literal.ts';
import type { Random } from './random.ts';
import type { EntityKind, Fields, FuzzSchema } from './schema.ts';
import { randomType } from './schema.ts';
import type { Uid } from './term.ts';

/** An entity in Cedar's JSON; integers beyond 2^53 are bigint. */
export interface FuzzEntity {
  readonly uid: unknown;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly unknown[];
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** How entities are made. */
export interface PopulationOptions {
  /** Whether they have to fit the schema; otherwise attributes are missing, superfluous or of another type now and then. */
  readonly fits: boolean;
  /** Entities of each type, at most. */
  readonly most: number;
  /** Parents are the entity just before where the schema lets them be, so that chains are long. */
  readonly isDeep: boolean;
}

/** Who there is, and who is only talked about. */
export interface Population {
  readonly entities: readonly FuzzEntity[];
  readonly uids: readonly Uid[];
  /** Parents of each entity, by `type::id`. */
  readonly parents: ReadonlyMap<string, readonly Uid[]>;
  readonly literals: Literals;
  readonly uidOf: (type: string) => Uid;
}

const ODD_IDS = ['', 'a "quote"', 'ünïcode 😀', 'line\nbreak', '__proto__', 'back\\slash', '0', '\u00011'];
const TAG_NAMES = ['k', 'team', '__proto__', 'a b', ''];

/** A name for a uid that no other uid has. */
export function uidName({ type, id }: Uid): string {
  return `${type}::${id}`;
}

/** One of few names of tags. */
export function tagName(random: Random): string {
  return random.pick(TAG_NAMES);
}

/** Entities of all types of a schema, with a hierarchy without cycles. */
export function populate(random: Random, schema: FuzzSchema, options: PopulationOptions): Population {
  const byType = new Map(schema.kinds.map((kind) => [kind.name, idsOf(random, kind, options)]));
  const uidOf = (type: string): Uid => {
    const ids = byType.get(type) ?? [];
    const listed = schema.kinds.find(({ name }) => name === type)?.ids;
    if (listed !== undefined && (options.fits || random.chance(0.9))) return { type, id: random.pick(listed) };
    return { type, id: ids.length === 0 || random.chance(0.07) ? 'absent' : random.pick(ids) };
  };
  const literals = new Literals(random, { uidOf }, 0);
  const uids: Uid[] = schema.kinds.flatMap(({ name }) => (byType.get(name) ?? []).map((id) => ({ type: name, id })));
  if (!options.fits) uids.push(...schema.actions.filter(() => random.chance(0.8)));
  const parents = new Map<string, readonly Uid[]>();
  for (const [at, uid] of uids.entries()) parents.set(uidName(uid), parentsOf({ random, schema, options, uids }, at));
  const entities = uids.map((uid) =>
    entity({ random, schema, literals, options }, uid, parents.get(uidName(uid)) ?? []),
  );
  return { entities, uids: uids.map(({ type, id }) => ({ type, id })), parents, literals, uidOf };
}

function idsOf(random: Random, kind: EntityKind, { most, fits }: PopulationOptions): string[] {
  if (kind.ids !== undefined) return random.some(kind.ids, 0, 3);
  const plain = random.list(random.between(1, most), (at) => `${kind.name.charAt(0).toLowerCase()}${at}`);
  return [...plain, ...(random.chance(fits ? 0.3 : 0.4) ? [random.pick(ODD_IDS)] : [])];
}

interface Family {
  readonly random: Random;
  readonly schema: FuzzSchema;
  readonly options: PopulationOptions;
  readonly uids: readonly Uid[];
}

/** Parents stand before their children, so that there is no cycle; some of them do not exist. */
function parentsOf({ random, schema, options, uids }: Family, at: number): Uid[] {
  const uid = uids[at];
  const action = schema.actions.find(({ type, id }) => type === uid?.type && id === uid.id);
  if (action !== undefined) return action.groups.map((id) => ({ type: action.type, id }));
  const allowed = schema.kinds.find(({ name }) => name === uid?.type)?.parents ?? [];
  const before = uids
    .slice(0, at)
    .filter(({ type }) => allowed.includes(type) || (!options.fits && random.chance(0.05)));
  const last = before.at(-1);
  if (options.isDeep && last !== undefined && random.chance(0.9)) return [last, ...random.some(before, 0, 1)];
  const some = random.some(before, 0, 3);
  const ghost = allowed[0];
  return ghost !== undefined && random.chance(0.05) ? [...some, { type: ghost, id: 'ghost' }] : some;
}

interface Making {
  readonly random: Random;
  readonly schema: FuzzSchema;
  readonly literals: Literals;
  readonly options: PopulationOptions;
}

function entity({ random, schema, literals, options }: Making, uid: Uid, parents: readonly Uid[]): FuzzEntity {
  const kind = schema.kinds.find(({ name }) => name === uid.type);
  const isImplicit = (): boolean => random.chance(options.fits ? 0.2 : 0.02);
  const kinds = schema.kinds.map(({ name }) => name);
  const values = (fields: Fields): Record<string, unknown> =>
    Object.fromEntries(
      fields
        .filter(({ isRequired }) => (isRequired && options.fits) || random.chance(isRequired ? 0.95 : 0.6))
        .map(({ name, type }) => {
          const actual = !options.fits && random.chance(0.05) ? randomType(random, kinds, 1) : type;
          return [name, literalJson(literals.of(actual), isImplicit)];
        }),
    );
  const named = ({ type, id }: Uid): unknown => (random.chance(0.05) ? { __entity: { type, id } } : { type, id });
  const tags = kind?.tags;
  const withTags = tags === undefined ? {} : { tags: tagsOf(random, () => literalJson(literals.of(tags), isImplicit)) };
  return { uid: named(uid), attrs: values(kind?.fields ?? []), parents: parents.map(named), ...withTags };
}

function tagsOf(random: Random, value: () => unknown): Record<string, unknown> {
  return Object.fromEntries(random.some(TAG_NAMES, 0, 4).map((name) => [name, value()]));
}
