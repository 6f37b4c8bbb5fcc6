import { isJsonObject, type Json } from '#base';

/** A literal entity in a policy. */
export interface EntityLiteral {
  readonly type: string;
  readonly id: string;
}

/** The two ends of a connection, by the name of their Cedar variable. */
export type Side = 'principal' | 'resource';

/** Splits a `like` pattern at wildcards and merges neighbouring literals, so that `a*b` becomes `['a', 'b']`. */
export function likePieces(pattern: readonly Json[]): string[] {
  const pieces = [''];
  for (const part of pattern) {
    if (part === 'Wildcard') pieces.push('');
    else pieces[pieces.length - 1] += isJsonObject(part) && typeof part['Literal'] === 'string' ? part['Literal'] : '';
  }
  return pieces;
}

/** True when the text matches; a wildcard stands for any run of characters. */
export function likeMatches(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}

/** The operator and body of an EST expression, which is an object with exactly one key. */
export function singleKey(est: Json): readonly [string, Json] {
  const entries = isJsonObject(est) ? Object.entries(est) : [];
  return entries.length === 1 && entries[0] !== undefined ? entries[0] : ['something unreadable', null];
}

/** An own property of a JSON object, or null. */
export function field(body: Json, key: string): Json {
  return isJsonObject(body) && Object.hasOwn(body, key) ? (body[key] ?? null) : null;
}

/** True for `{ Var: name }`. */
export function isVariable(est: Json, name: string): boolean {
  return field(est, 'Var') === name;
}

/** Which end a variable stands for. */
export function sideOf(est: Json): Side | undefined {
  if (isVariable(est, 'principal')) return 'principal';
  return isVariable(est, 'resource') ? 'resource' : undefined;
}

/** A string or number literal. */
export function literalOf(est: Json): string | number | undefined {
  const value = isJsonObject(est) ? field(est, 'Value') : est;
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

/** A string literal. */
export function stringLiteral(est: Json): string | undefined {
  const value = literalOf(est);
  return typeof value === 'string' ? value : undefined;
}

/** The elements of a literal set. */
export function setElements(est: Json): readonly Json[] | undefined {
  const [operator, body] = singleKey(est);
  return (operator === 'Set' || operator === 'Value') && Array.isArray(body) ? body : undefined;
}

/** One literal entity, or a literal set of them. */
export function entityLiterals(est: Json): EntityLiteral[] | undefined {
  const items = setElements(est) ?? [est];
  const found = items.map((item) => entityLiteral(field(item, '__entity') ?? field(field(item, 'Value'), '__entity')));
  return found.includes(undefined) ? undefined : found.filter((entity) => entity !== undefined);
}

/** Reads `{ type, id }`. */
export function entityLiteral(value: Json): EntityLiteral | undefined {
  const type = field(value, 'type');
  const id = field(value, 'id');
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}
