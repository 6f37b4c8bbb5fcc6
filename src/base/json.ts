import type { Problem } from './error.ts';
import { jsonErrorOffset } from './json-position.ts';
import { err, ok, type Result } from './result.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Parses JSON text; a failure names the file, line and column of the first wrong character. */
export function parseJson(text: string, file?: string): Result<Json, Problem> {
  // Windows programs begin a file with a byte order mark, which no editor shows and no column counts.
  const marked = text.startsWith('\uFEFF') ? 1 : 0;
  const plain = text.slice(marked);
  try {
    return ok(JSON.parse(plain) as Json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const offset = jsonErrorOffset(plain);
    const before = plain.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - before.lastIndexOf('\n');
    return err({
      code: 'json-invalid',
      message: `not valid JSON: ${reason.replace(/ in JSON at position.*$|, (?:\.\.\.)?".*$/s, '').toLowerCase()}`,
      source: { ...(file === undefined ? {} : { file }), line, column, offset: offset + marked },
    });
  }
}

/** JSON text with sorted keys and no spaces: equal values give equal bytes, so it can be hashed and signed. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** True for JSON objects: neither null nor an array. */
export function isJsonObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
