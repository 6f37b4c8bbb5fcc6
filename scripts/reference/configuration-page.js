// The reference page of cordon.yaml, from its schema.
import { z } from 'zod';
import { configurationSchema } from '../../src/config/schema.ts';

/**
 * @typedef {object} Node a part of a JSON Schema, as zod writes it
 * @property {string} [type]
 * @property {string} [description]
 * @property {unknown} [default]
 * @property {unknown} [const]
 * @property {readonly unknown[]} [enum]
 * @property {readonly Node[]} [anyOf]
 * @property {Node} [items]
 * @property {Readonly<Record<string, Node>>} [properties]
 * @property {Node | boolean} [additionalProperties]
 * @property {string} [pattern]
 * @property {string} [format]
 * @property {readonly string[]} [required]
 */

/** @param {unknown} value */
function code(value) {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/**
 * What may stand at a place, in words.
 * @param {Node} node
 * @returns {string}
 */
function kindOf(node) {
  if (node.const !== undefined) return code(node.const);
  if (node.enum !== undefined) return node.enum.map(code).join(', ');
  if (node.anyOf !== undefined) return node.anyOf.map(kindOf).join(' or ');
  if (node.type === 'array') return `list of ${node.items === undefined ? 'anything' : kindOf(node.items)}`;
  if (node.type === 'object') return node.properties === undefined ? 'map of text' : 'map';
  if (node.format === 'uri') return 'URL';
  return node.type === 'string' ? 'text' : (node.type ?? 'anything');
}

/**
 * One row per key, with the keys inside it below it.
 * @param {string} path
 * @param {Node} node
 * @param {boolean} isRequired
 * @returns {string[]}
 */
function rowsOf(path, node, isRequired) {
  const nested = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    rowsOf(path === '' ? key : `${path}.${key}`, child, node.required?.includes(key) === true),
  );
  const entry = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
  const inEntry = entry?.properties === undefined ? [] : rowsOf(`${path}.<id>`, { ...entry, description: '' }, false);
  if (path === '') return nested;
  const fallback =
    node.default === undefined
      ? isRequired
        ? 'required'
        : ''
      : code(entry === undefined ? node.default : node.default);
  const isGroup = node.properties !== undefined && (node.description ?? '') === '';
  const row = `| \`${path}\` | ${entry?.properties === undefined ? kindOf(node) : 'map by id'} | ${fallback} | ${node.description ?? ''} |`;
  return isGroup ? nested : [row, ...nested, ...inEntry];
}

/** @returns {string} */
export function renderConfiguration() {
  const schema = /** @type {Node} */ (z.toJSONSchema(configurationSchema, { io: 'input' }));
  return `# Configuration

\`cordon.yaml\` holds everything below; \`cordon up -c cordon.yaml\` reads it. Without a file Cordon starts on the defaults. Keys it does
not know are refused, a document that does not load changes nothing, and a changed file is loaded while Cordon runs.

An \`<id>\` is lower-case letters, digits and hyphens, and begins with a letter. Paths are relative to the file.

| key | value | default | meaning |
|---|---|---|---|
${rowsOf('', schema, false).join('\n')}
`;
}
