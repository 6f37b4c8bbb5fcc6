import { isJsonObject } from '#base';
import { type JsonNode, maybeText, objects } from '../json-node.ts';

/** Labels from a list of `{Key, Value}`, in order of key. A tag may be called `__proto__`: it stays an own property. */
export function tagLabels(node: JsonNode, key = 'Tags'): Record<string, string> {
  return labelsOf(
    objects(node, key).map((tag) => [
      maybeText(tag, 'Key') ?? maybeText(tag, 'key'),
      maybeText(tag, 'Value') ?? maybeText(tag, 'value') ?? '',
    ]),
  );
}

/** Labels from an object of texts, as Lambda, EKS and SQS answer them. */
export function tagMap(node: JsonNode, key: string): Record<string, string> {
  const value = node.fields[key];
  if (!isJsonObject(value)) return {};
  return labelsOf(Object.entries(value).map(([name, item]) => [name, typeof item === 'string' ? item : '']));
}

/** Sorted labels from pairs; pairs without a name are dropped. */
function labelsOf(pairs: readonly (readonly [string | undefined, string])[]): Record<string, string> {
  const named = pairs.flatMap(([name, value]): [string, string][] => (name === undefined ? [] : [[name, value]]));
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}
