import { CONSTRUCTOR_OF, EXTENSIONS } from './extensions.ts';
import { type EntityOf, Malformed, readUid } from './read-value.ts';
import {
  Datetime,
  Decimal,
  Duration,
  Entity,
  Failure,
  Ip,
  type RecordValue,
  typeName,
  type Value,
  ValueSet,
} from './value.ts';

/** What a schema says a value must be. */
export type SchemaType =
  | { readonly kind: 'bool' | 'long' | 'string' }
  | { readonly kind: 'set'; readonly element: SchemaType }
  | RecordType
  | { readonly kind: 'entity'; readonly name: string }
  | { readonly kind: 'extension'; readonly name: string };

/** A record has every required attribute and none that is not named. */
export interface RecordType {
  readonly kind: 'record';
  readonly attributes: ReadonlyMap<string, AttributeType>;
}

/** One attribute of a record or an entity. */
export interface AttributeType {
  readonly type: SchemaType;
  readonly isRequired: boolean;
}

/** What is needed beside the type. */
export interface Fitting {
  readonly entityOf: EntityOf;
  /** What is wrong with a uid of the right type, such as an id that an enumerated type does not have. */
  readonly strangeness: (entity: Entity) => string | undefined;
}

const EXTENSION_CLASS: Readonly<Record<string, abstract new (...parts: never[]) => Value>> = {
  ipaddr: Ip,
  decimal: Decimal,
  datetime: Datetime,
  duration: Duration,
};

/**
 * The value as one of this type, or what is wrong. Where the schema expects an entity or an extension value, Cedar lets one write it
 * without `__entity` and `__extn`, or only the argument of its constructor; such values are replaced by what they stand for.
 */
export function fit(value: Value, type: SchemaType, fitting: Fitting): Value | Malformed {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean' ? value : mismatch(value, type);
    case 'long':
      return typeof value === 'number' || typeof value === 'bigint' ? value : mismatch(value, type);
    case 'string':
      return typeof value === 'string' ? value : mismatch(value, type);
    case 'set':
      return value instanceof ValueSet ? fitSet(value, type.element, fitting) : mismatch(value, type);
    case 'record':
      return value instanceof Map ? fitRecord(value, type, fitting) : mismatch(value, type);
    case 'entity':
      return fitEntity(value, type, fitting);
    default:
      return fitExtension(value, type);
  }
}

/** The same for a record, such as all attributes of an entity. */
export function fitRecord(record: RecordValue, { attributes }: RecordType, fitting: Fitting): RecordValue | Malformed {
  let changed: Map<string, Value> | undefined;
  for (const [name, { type, isRequired }] of attributes) {
    const value = record.get(name);
    if (value === undefined) {
      if (isRequired) return new Malformed('value-invalid', `lacks the attribute \`${name}\``);
      continue;
    }
    const fitted = fit(value, type, fitting);
    if (fitted instanceof Malformed) return fitted.under(`.${name}`);
    if (fitted !== value) changed = (changed ?? new Map(record)).set(name, fitted);
  }
  for (const name of record.keys())
    if (!attributes.has(name))
      return new Malformed('value-invalid', `has the attribute \`${name}\`, which the schema does not`);
  return changed ?? record;
}

function fitSet(set: ValueSet, element: SchemaType, fitting: Fitting): ValueSet | Malformed {
  let changed = false;
  const items: Value[] = [];
  for (const [at, item] of set.items.entries()) {
    const fitted = fit(item, element, fitting);
    if (fitted instanceof Malformed) return fitted.under(`[${at}]`);
    changed ||= fitted !== item;
    items.push(fitted);
  }
  return changed ? new ValueSet(items) : set;
}

function fitEntity(
  value: Value,
  type: Extract<SchemaType, { kind: 'entity' }>,
  { entityOf, strangeness }: Fitting,
): Value | Malformed {
  const entity = value instanceof Map ? entityIn(value, entityOf) : value;
  if (entity instanceof Malformed) return entity;
  if (!(entity instanceof Entity) || entity.type !== type.name) return mismatch(value, type);
  const strange = strangeness(entity);
  // Made anew, because a value may come out of another table.
  return strange === undefined ? entityOf(entity.type, entity.id) : new Malformed('value-invalid', strange);
}

/** `{"type": …, "id": …}`, read as a record because it has no `__entity`. */
function entityIn(record: RecordValue, entityOf: EntityOf): Entity | Malformed | undefined {
  const [type, id] = [record.get('type'), record.get('id')];
  return typeof type === 'string' && typeof id === 'string' ? readUid({ type, id }, entityOf) : undefined;
}

function fitExtension(value: Value, type: Extract<SchemaType, { kind: 'extension' }>): Value | Malformed {
  const made = value instanceof Map ? callIn(value) : typeof value === 'string' ? construct(value, type.name) : value;
  if (made instanceof Failure) return new Malformed('value-invalid', `is no ${type.name}: ${made.message}`);
  const kind = EXTENSION_CLASS[type.name];
  return made !== undefined && kind !== undefined && made instanceof kind ? made : mismatch(value, type);
}

/** `{"fn": …, "arg": …}` or `{"fn": …, "args": […]}`, read as a record because it has no `__extn`. */
function callIn(record: RecordValue): Value | Failure | undefined {
  const [fn, arg, args] = [record.get('fn'), record.get('arg'), record.get('args')];
  const extension = typeof fn === 'string' ? EXTENSIONS.get(fn) : undefined;
  const given = arg !== undefined ? [arg] : args instanceof ValueSet ? args.items : [];
  if (extension === undefined || given.length !== extension.arity) return undefined;
  const [first = false, second = false] = given;
  return extension.call(first, second);
}

function construct(argument: Value, name: string): Value | Failure | undefined {
  return EXTENSIONS.get(CONSTRUCTOR_OF[name] ?? '')?.call(argument, argument);
}

function mismatch(value: Value, type: SchemaType): Malformed {
  return new Malformed('value-invalid', `must be of type ${describe(type)}, but is of type ${typeName(value)}`);
}

/** A type as a schema writes it. */
function describe(type: SchemaType): string {
  switch (type.kind) {
    case 'bool':
      return 'Bool';
    case 'long':
      return 'Long';
    case 'string':
      return 'String';
    case 'set':
      return `Set<${describe(type.element)}>`;
    case 'record':
      return 'record';
    default:
      return type.name;
  }
}
