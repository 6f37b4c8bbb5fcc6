import { isJsonObject, type Json, type Problem } from '#base';

/**
 * One JSON object of an input file, with where it stands. Readers take what they expect from it by name and note every
 * surprise in `problems` instead of throwing, so that one wrong entry never costs the rest of the file.
 */
export interface JsonNode {
  readonly fields: { readonly [key: string]: Json };
  readonly file: string;
  /** JSON path, for example `$.Vpcs[3]`. */
  readonly path: string;
  readonly problems: Problem[];
}

/** The text at `key`; notes a problem when it is missing, empty or not text. */
export function text(node: JsonNode, key: string): string | undefined {
  const value = node.fields[key];
  if (typeof value === 'string' && value !== '') return value;
  complain(node, key, value === undefined ? 'is missing' : 'is not a text');
  return undefined;
}

/** The text at `key`, when there is one; notes a problem when something else stands there. */
export function maybeText(node: JsonNode, key: string): string | undefined {
  const value = node.fields[key];
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (value !== undefined && value !== null) complain(node, key, 'is not a text');
  return undefined;
}

/** The truth value at `key`, when there is one. `"true"` and `"false"` count: some operations answer in text. */
export function maybeFlag(node: JsonNode, key: string): boolean | undefined {
  const value = node.fields[key];
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  if (value !== undefined && value !== null) complain(node, key, 'is neither true nor false');
  return undefined;
}

/** The number at `key`, when there is one. */
export function maybeNumber(node: JsonNode, key: string): number | undefined {
  const value = node.fields[key];
  if (typeof value === 'number') return value;
  if (value !== undefined && value !== null) complain(node, key, 'is not a number');
  return undefined;
}

/** The object at `key`, when there is one. */
export function maybeObject(node: JsonNode, key: string): JsonNode | undefined {
  const value = node.fields[key];
  if (isJsonObject(value)) return childNode(node, value, `.${key}`);
  if (value !== undefined && value !== null) complain(node, key, 'is not an object');
  return undefined;
}

/** The objects of the list at `key`; an absent list is empty. Entries that are not objects are noted and left out. */
export function objects(node: JsonNode, key: string): JsonNode[] {
  return list(node, key).flatMap((item, index) => {
    if (isJsonObject(item)) return [childNode(node, item, `.${key}[${index}]`)];
    complain(node, `${key}[${index}]`, 'is not an object');
    return [];
  });
}

/** The texts of the list at `key`; an absent list is empty. */
export function texts(node: JsonNode, key: string): string[] {
  return list(node, key).flatMap((item, index) => {
    if (typeof item === 'string') return [item];
    complain(node, `${key}[${index}]`, 'is not a text');
    return [];
  });
}

/** The texts at `inner` in each object of the list at `key`. */
export function textsOf(node: JsonNode, key: string, inner: string): string[] {
  return objects(node, key).flatMap((item) => maybeText(item, inner) ?? []);
}

/** The value at `key` as it is, for attributes that are kept verbatim. */
export function verbatim(node: JsonNode, key: string): Json | undefined {
  const value = node.fields[key];
  return value === null ? undefined : value;
}

/** Notes that what stands at `key` is not what the service's documentation says. */
export function complain(node: JsonNode, key: string, what: string): void {
  node.problems.push({
    code: 'asset-shape-invalid',
    message: `\`${node.path}.${key}\` ${what}`,
    source: { file: node.file },
    hint: 'save the output of this call again; everything else in the directory was imported',
  });
}

function list(node: JsonNode, key: string): readonly Json[] {
  const value = node.fields[key];
  if (value === undefined || value === null) return [];
  if (isList(value)) return value;
  complain(node, key, 'is not a list');
  return [];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function childNode(node: JsonNode, fields: { readonly [key: string]: Json }, step: string): JsonNode {
  return { fields, file: node.file, path: node.path + step, problems: node.problems };
}
