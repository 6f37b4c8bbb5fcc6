import type { Long } from './long.ts';

/** A value of Cedar at run time. A long is a number while that is exact, a bigint beyond; a record is a map. */
export type Value = boolean | Long | string | Entity | ValueSet | RecordValue | Decimal | Ip | Datetime | Duration;

/** Attributes by name. */
export type RecordValue = ReadonlyMap<string, Value>;

/** What an expression comes to. An error is a value: a policy that errs is common, and throwing costs more than deciding. */
export type Outcome = Value | Failure;

/** An evaluation error. Made when a policy is compiled, so that erring allocates nothing. */
export class Failure {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Attributes of entities that have none, and tags. */
export const NOTHING: RecordValue = new Map();

const FEW = 12;

/** What one entity has to do with the policies of an index. */
export interface Position {
  /** The index that this belongs to. */
  readonly index: object;
  /** The number of the entity's own uid; -1 when no policy names it. */
  readonly own: number;
  /** The numbers of itself and everything above it that policies name. */
  readonly above: readonly number[];
  /** One bit for each number in `above`; different numbers may share one. */
  readonly mask: number;
}

/**
 * One entity of a store, or one that only a question names (a guest). INVARIANT: a store holds one object for each uid, so that
 * two entities that are no guests are equal exactly when they are the same object.
 */
export class Entity {
  readonly type: string;
  readonly id: string;
  /** Not in the table of its store (any more), so compared by uid. */
  isGuest: boolean;
  /** Undefined while the entity does not exist and is only referred to. */
  attributes: RecordValue | undefined = undefined;
  tags: RecordValue = NOTHING;
  parents: readonly Entity[] = [];
  /** How many entities have this one among their parents. */
  childCount = 0;
  /** All entities above this one, each once; see `Store.ancestorsOf`. */
  ancestors: readonly Entity[] = [];
  /** The same, when they are many. */
  #ancestorSet: ReadonlySet<Entity> | undefined = undefined;
  /** The state of the hierarchy that `ancestors` belongs to; -1 for none. */
  hierarchy = -1;
  /** What an index of policies remembers about this entity, until its ancestors change. */
  position: Position | undefined = undefined;
  #key: string | undefined = undefined;

  constructor(type: string, id: string, isGuest: boolean) {
    this.type = type;
    this.id = id;
    this.isGuest = isGuest;
  }

  /** One string for the uid. No type name contains a quote, so two uids never share it. */
  get key(): string {
    this.#key ??= uidKey(this.type, this.id);
    return this.#key;
  }

  /** Takes freshly computed ancestors. */
  setAncestors(ancestors: readonly Entity[], hierarchy: number): void {
    this.ancestors = ancestors;
    this.#ancestorSet = ancestors.length > FEW ? new Set(ancestors) : undefined;
    this.hierarchy = hierarchy;
    this.position = undefined;
  }

  /** Whether `other`, which is not this entity, is above it. A guest is above nobody: parents are in the table. */
  hasAncestor(other: Entity): boolean {
    return this.#ancestorSet === undefined ? this.ancestors.includes(other) : this.#ancestorSet.has(other);
  }
}

/** See `Entity.key`. */
export function uidKey(type: string, id: string): string {
  return `${type}"${id}`;
}

/** Whether two entities have the same uid. */
export function isSameEntity(a: Entity, b: Entity): boolean {
  return a === b || ((a.isGuest || b.isGuest) && a.type === b.type && a.id === b.id);
}

/** A set. Items may repeat; nothing that Cedar can ask tells the difference. */
export class ValueSet {
  readonly items: readonly Value[];
  #strings: ReadonlySet<string> | undefined = undefined;
  #others: ReadonlySet<Value> | undefined = undefined;

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  has(value: Value): boolean {
    if (this.items.length <= FEW) {
      for (const item of this.items) if (isEqual(item, value)) return true;
      return false;
    }
    if (this.#strings === undefined) this.#fill();
    if (typeof value === 'string') return this.#strings?.has(value) === true;
    return this.#others?.has(typeof value === 'object' ? canonical(value) : value) === true;
  }

  hasAll(other: ValueSet): boolean {
    for (const item of other.items) if (!this.has(item)) return false;
    return true;
  }

  hasAny(other: ValueSet): boolean {
    for (const item of other.items) if (this.has(item)) return true;
    return false;
  }

  /** Strings apart from the canonical forms of everything else, which are strings too. */
  #fill(): void {
    const isString = (item: Value): item is string => typeof item === 'string';
    this.#strings = new Set(this.items.filter(isString));
    this.#others = new Set(
      this.items.filter((item) => !isString(item)).map((item) => (typeof item === 'object' ? canonical(item) : item)),
    );
  }
}

/** `decimal("1.5")`: `value` counts ten-thousandths. */
export class Decimal {
  readonly value: Long;

  constructor(value: Long) {
    this.value = value;
  }
}

/** An address or a network. `words` are its 32-bit words, one for IPv4 and four for IPv6; host bits are kept. */
export class Ip {
  readonly words: readonly number[];
  readonly prefix: number;

  constructor(words: readonly number[], prefix: number) {
    this.words = words;
    this.prefix = prefix;
  }
}

/** A moment: milliseconds since the epoch. */
export class Datetime {
  readonly ms: Long;

  constructor(ms: Long) {
    this.ms = ms;
  }
}

/** A length of time in milliseconds. */
export class Duration {
  readonly ms: Long;

  constructor(ms: Long) {
    this.ms = ms;
  }
}

/** Cedar's `==`: total, and false between different types. */
export function isEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Entity) return b instanceof Entity && isSameEntity(a, b);
  if (a instanceof ValueSet) return b instanceof ValueSet && isSameSet(a, b);
  if (a instanceof Ip) return b instanceof Ip && isSameIp(a, b);
  if (a instanceof Datetime) return b instanceof Datetime && a.ms === b.ms;
  if (a instanceof Duration) return b instanceof Duration && a.ms === b.ms;
  if (a instanceof Decimal) return b instanceof Decimal && a.value === b.value;
  return b instanceof Map && isSameRecord(a, b);
}

/** Looking for each item of one in the other, both ways, doubles the time with every level: what is nested is written out instead. */
function isSameSet(a: ValueSet, b: ValueSet): boolean {
  const isNested = (item: Value): boolean => item instanceof ValueSet || item instanceof Map;
  if (a.items.some(isNested) || b.items.some(isNested)) return canonical(a) === canonical(b);
  return a.hasAll(b) && b.hasAll(a);
}

/** Address and prefix, without masking: `ip("10.0.0.1/24")` is not `ip("10.0.0.0/24")`. */
function isSameIp(a: Ip, b: Ip): boolean {
  return (
    a.prefix === b.prefix && a.words.length === b.words.length && a.words.every((word, at) => word === b.words[at])
  );
}

function isSameRecord(a: RecordValue, b: RecordValue): boolean {
  if (a.size !== b.size) return false;
  for (const [name, item] of a) {
    const other = b.get(name);
    if (other === undefined || !isEqual(item, other)) return false;
  }
  return true;
}

/** One string for each value: equal values have equal strings, different ones different strings. */
export function canonical(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Entity) return `E${JSON.stringify(value.key)}`;
  if (value instanceof ValueSet) return `[${[...new Set(value.items.map(canonical))].sort().join()}]`;
  if (value instanceof Ip) return `I${value.words.join('.')}/${value.prefix}`;
  if (value instanceof Datetime) return `T${value.ms}`;
  if (value instanceof Duration) return `D${value.ms}`;
  if (value instanceof Decimal) return `F${value.value}`;
  const fields = Array.from(value, ([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`);
  return `{${fields.sort().join()}}`;
}

/** The name of a value's type, as messages say it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'long';
    case 'string':
      return 'string';
    default:
  }
  if (value instanceof Entity) return 'entity';
  if (value instanceof ValueSet) return 'set';
  if (value instanceof Ip) return 'ipaddr';
  if (value instanceof Datetime) return 'datetime';
  if (value instanceof Duration) return 'duration';
  return value instanceof Decimal ? 'decimal' : 'record';
}
