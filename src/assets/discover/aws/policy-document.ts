import { isJsonObject, type Json, parseJson } from '#base';
import { complain, type JsonNode } from '../json-node.ts';

/**
 * The policy document at `key`. The raw API answers URL-encoded text, some operations plain JSON text, the CLI an object: all are read.
 * A document that is none of these is a problem and counts as unknown, never as empty.
 */
export function policyDocument(node: JsonNode, key: string): Json | undefined {
  const value = node.fields[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (isJsonObject(value)) return value;
  if (typeof value === 'string') {
    const parsed = parseJson(value.trimStart().startsWith('{') ? value : decoded(value));
    if (parsed.ok && isJsonObject(parsed.value)) return parsed.value;
  }
  complain(node, key, 'is not a policy document');
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
