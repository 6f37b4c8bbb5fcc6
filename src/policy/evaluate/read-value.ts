import { isJsonObject, type Problem } from '#base';
import { EXTENSIONS } from './extensions.ts';
import { longOf } from './long.ts';
import { isTypeName } from './type-name.ts';
import { type Entity, Failure, NOTHING, type RecordValue, type Value, ValueSet } from './value.ts';

/** What cannot be read. `path` is built only now, on the way out. */
export class Malformed {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  path: string;

  constructor(code: string, message: string, hint?: string) {
    this.code = code;
    this.message = message;
    this.hint = hint;
    this.path = '';
  }

  /** Says that the part was found at `step` of something larger. */
  under(step: string): this {
    this.path = `${step}${this.path}`;
    return this;
  }

  toProblem(): Problem {
    return {
      code: this.code,
      message: `\`${this.path}\` ${this.message}`,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
    };
  }
}

/** How to make the entity a uid refers to. */
export type EntityOf = (type: string, id: string) => Entity;

/** Levels of arrays and objects that are read; the same that the reader of JSON text takes. */
const MAX_DEPTH = 100;

/** Reads a value from parsed JSON. Refuses with the codes `integer-invalid`, `value-invalid` and `value-too-deep`. */
function readValue(json: unknown, entityOf: EntityOf, depth = 0): Value | Malformed {
  switch (typeof json) {
    case 'boolean':
      return json;
    case 'string':
      return json.isWellFormed() ? json : new Malformed('value-invalid', 'is not well-formed Unicode');
    case 'number':
    case 'bigint':
      return readLong(json);
    case 'object':
      if (depth > MAX_DEPTH) return new Malformed('value-too-deep', `is nested deeper than ${MAX_DEPTH} levels`);
      if (Array.isArray(json)) return readSet(json, entityOf, depth);
      return isPlainObject(json) ? readObject(json, entityOf, depth) : notAValue();
    default:
      return notAValue();
  }
}

function notAValue(): Malformed {
  return new Malformed('value-invalid', 'is not a value Cedar knows');
}

function readLong(json: number | bigint): Value | Malformed {
  if (typeof json === 'number') {
    if (Number.isSafeInteger(json)) return json + 0; // not -0
    const hint = 'pass integers beyond 2^53 as bigint or in JSON text, other numbers as decimal("…")';
    return new Malformed('integer-invalid', 'is not an exact integer', hint);
  }
  return longOf(json) ?? new Malformed('integer-invalid', 'is outside the 64-bit integers');
}

/** Refuses instances of classes: what they hold may not be what they show. */
function isPlainObject(json: object | null): json is Readonly<Record<string, unknown>> {
  if (json === null) return false;
  const prototype: unknown = Object.getPrototypeOf(json);
  return prototype === Object.prototype || prototype === null;
}

function readSet(json: readonly unknown[], entityOf: EntityOf, depth: number): Value | Malformed {
  const items: Value[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const item = readValue(json[at], entityOf, depth + 1);
    if (item instanceof Malformed) return item.under(`[${at}]`);
    items.push(item);
  }
  return new ValueSet(items);
}

/**
 * An object is an entity, an extension value or a record. Cedar tries the escapes first and ignores what else stands beside them; an
 * object in which an escape key holds something of another form is a record.
 */
function readObject(json: Readonly<Record<string, unknown>>, entityOf: EntityOf, depth: number): Value | Malformed {
  if (typeof json['__expr'] === 'string') return new Malformed('value-invalid', 'uses `__expr`, which Cedar gave up');
  if (isUid(json['__entity'])) return readUid(json['__entity'], entityOf);
  if (isCall(json['__extn'])) return readCall(json['__extn'], entityOf, depth);
  // An array could be read as an object with its fields in order; nobody means that.
  if (Array.isArray(json['__entity']) || Array.isArray(json['__extn'])) return notAValue();
  return readRecord(json, entityOf, depth);
}

/** Reads a record: an object in which no key is an escape, such as attributes, tags and the context. */
export function readRecord(
  json: Readonly<Record<string, unknown>>,
  entityOf: EntityOf,
  depth = 0,
): RecordValue | Malformed {
  const names = Object.keys(json);
  if (names.length === 0) return NOTHING;
  const record = new Map<string, Value>();
  for (const name of names) {
    const part = json[name];
    if (!name.isWellFormed()) return new Malformed('value-invalid', 'has a key that is not well-formed Unicode');
    if (part === undefined) continue;
    const value = readValue(part, entityOf, depth + 1);
    if (value instanceof Malformed) return value.under(`.${name}`);
    record.set(name, value);
  }
  return record;
}

/** A uid, as Cedar's JSON writes it. */
export interface Uid {
  readonly type: string;
  readonly id: string;
}

/** Whether something has the form of a uid. What else stands in it is ignored, as Cedar does. */
export function isUid(json: unknown): json is Uid {
  return isJsonObject(json) && typeof json['type'] === 'string' && typeof json['id'] === 'string';
}

/** What is wrong with a uid, in words. */
export function uidProblem({ type, id }: Uid): string | undefined {
  if (!isTypeName(type)) return 'does not name an entity type';
  return id.isWellFormed() ? undefined : 'is not well-formed Unicode';
}

/** Makes the entity that a uid refers to, or says what is wrong with it. */
export function readUid(uid: Uid, entityOf: EntityOf): Entity | Malformed {
  const problem = uidProblem(uid);
  return problem === undefined ? entityOf(uid.type, uid.id) : new Malformed('value-invalid', problem);
}

type Call = { readonly fn: string; readonly arg?: unknown; readonly args?: unknown };

function isCall(json: unknown): json is Call {
  return (
    isJsonObject(json) && typeof json['fn'] === 'string' && (json['arg'] !== undefined || Array.isArray(json['args']))
  );
}

/** Applies an extension function; `arg` counts when `args` is there too. Arguments are never written without their escapes. */
function readCall({ fn, arg, args }: Call, entityOf: EntityOf, depth: number): Value | Malformed {
  const extension = EXTENSIONS.get(fn);
  if (extension === undefined) return new Malformed('value-invalid', `calls \`${fn}\`, which does not exist`);
  const given: readonly unknown[] = arg !== undefined ? [arg] : Array.isArray(args) ? args : [];
  if (given.length !== extension.arity)
    return new Malformed('value-invalid', `calls \`${fn}\` with ${given.length} arguments`);
  const values: Value[] = [];
  for (const one of given) {
    const value = readValue(one, entityOf, depth + 1);
    if (value instanceof Malformed) return value.under(`.${fn}`);
    values.push(value);
  }
  const [first = false, second = false] = values;
  const result = extension.call(first, second);
  return result instanceof Failure ? new Malformed('value-invalid', `is no value: ${result.message}`) : result;
}
