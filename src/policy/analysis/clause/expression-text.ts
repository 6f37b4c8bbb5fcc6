import { isJsonObject } from '#base';

/** How tightly an expression binds; a part that binds less than its place asks for gets brackets. */
const LEVEL = { condition: 0, or: 1, and: 2, relation: 3, sum: 4, product: 5, unary: 6, member: 7 } as const;

interface Written {
  readonly text: string;
  readonly level: number;
}

const RELATIONS = ['==', '!=', '<', '<=', '>', '>=', 'in'];
const METHODS = ['contains', 'containsAll', 'containsAny', 'hasTag', 'getTag'];
const CONSTRUCTORS = ['decimal', 'ip', 'datetime', 'duration'];
const RESERVED = ['true', 'false', 'if', 'then', 'else', 'in', 'like', 'has', 'is', '__cedar'];

/** Cedar text of an expression in Cedar's JSON form. Parsed again, it gives the same form. */
export function expressionText(est: unknown): string {
  return write(est).text;
}

function write(est: unknown): Written {
  const [form = '', body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  if (form === 'Value') return valueText(body);
  if (form === 'Var' || form === 'Slot') return member(String(body));
  if (form === 'Set') return member(`[${list(body).map(expressionText).join(', ')}]`);
  if (form === 'Record') return member(recordText(body));
  if (form === '!' || form === 'neg')
    return { text: `${form === '!' ? '!' : '-'}${inner(part(body, 'arg'))}`, level: LEVEL.unary };
  if (form === 'isEmpty') return member(`${at(part(body, 'arg'), LEVEL.member)}.isEmpty()`);
  if (form === '.') return member(`${at(part(body, 'left'), LEVEL.member)}${access(part(body, 'attr'))}`);
  if (form === 'has') return relation(body, `has ${attributeText(part(body, 'attr'))}`);
  if (form === 'like') return relation(body, `like "${list(part(body, 'pattern')).map(patternText).join('')}"`);
  if (form === 'is') return relation(body, `is ${String(part(body, 'entity_type'))}${inText(part(body, 'in'))}`);
  if (form === 'if-then-else') return conditionText(body);
  if (METHODS.includes(form))
    return member(`${at(part(body, 'left'), LEVEL.member)}.${form}(${expressionText(part(body, 'right'))})`);
  return Array.isArray(body) ? callText(form, body) : operatorText(form, body);
}

function operatorText(operator: string, body: unknown): Written {
  const [left, right] = [part(body, 'left'), part(body, 'right')];
  if (RELATIONS.includes(operator)) return relation(body, `${operator} ${at(right, LEVEL.sum)}`);
  const level = { '||': LEVEL.or, '&&': LEVEL.and, '+': LEVEL.sum, '-': LEVEL.sum, '*': LEVEL.product }[operator];
  if (level === undefined) return member('?');
  // All of them group to the left.
  return { text: `${at(left, level)} ${operator} ${at(right, level + 1)}`, level };
}

/** Extension functions are called by name, everything else as a method of its first argument. */
function callText(name: string, parts: readonly unknown[]): Written {
  if (CONSTRUCTORS.includes(name)) return member(`${name}(${parts.map(expressionText).join(', ')})`);
  const [receiver, ...rest] = parts;
  return member(`${at(receiver, LEVEL.member)}.${name}(${rest.map(expressionText).join(', ')})`);
}

function conditionText(body: unknown): Written {
  const [test, yes, no] = ['if', 'then', 'else'].map((name) => expressionText(part(body, name)));
  return { text: `if ${test} then ${yes} else ${no}`, level: LEVEL.condition };
}

function relation(body: unknown, rest: string): Written {
  return { text: `${at(part(body, 'left'), LEVEL.sum)} ${rest}`, level: LEVEL.relation };
}

function inText(target: unknown): string {
  return target === undefined ? '' : ` in ${at(target, LEVEL.sum)}`;
}

function valueText(value: unknown): Written {
  if (typeof value === 'string') return member(stringText(value));
  if (typeof value === 'number' || typeof value === 'bigint')
    return { text: String(value), level: value < 0 ? LEVEL.unary : LEVEL.member };
  if (Array.isArray(value)) return member(`[${value.map((item) => valueText(item).text).join(', ')}]`);
  const uid = part(value, '__entity');
  if (uid !== undefined) return member(uidText({ type: String(part(uid, 'type')), id: String(part(uid, 'id')) }));
  return member(String(value));
}

function recordText(body: unknown): string {
  const entries = isJsonObject(body) ? Object.entries(body) : [];
  return `{${entries.map(([key, value]) => `${nameText(key)}: ${expressionText(value)}`).join(', ')}}`;
}

function access(attribute: unknown): string {
  const name = String(attribute);
  return isName(name) ? `.${name}` : `[${stringText(name)}]`;
}

function attributeText(attribute: unknown): string {
  return Array.isArray(attribute) ? attribute.map(String).join('.') : nameText(String(attribute));
}

function nameText(name: string): string {
  return isName(name) ? name : stringText(name);
}

function isName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.includes(name);
}

function patternText(piece: unknown): string {
  const literal = part(piece, 'Literal');
  return typeof literal === 'string' ? stringText(literal).slice(1, -1).replaceAll('*', String.raw`\*`) : '*';
}

/** Cedar text of an entity's name. */
export function uidText({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type}::${stringText(id)}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

/** Cedar text of a string. Cedar writes other control characters than JSON does. */
export function stringText(value: string): string {
  const escaped = value.replace(
    /["\\\p{Cc}]/gu,
    (character) => ESCAPES[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return `"${escaped}"`;
}

/** A part under `!` or `-`. Cedar allows few of them in a row, so that each gets brackets of its own. */
function inner(est: unknown): string {
  return at(est, LEVEL.member);
}

function at(est: unknown, level: number): string {
  const written = write(est);
  return written.level < level ? `(${written.text})` : written.text;
}

function member(text: string): Written {
  return { text, level: LEVEL.member };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A member of an object, or undefined. */
export function part(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
