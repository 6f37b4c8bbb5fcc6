import { err, ok, type Problem, parseJson, type Result } from '#base';

const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;
/** Levels of JSON that Cedar reads; it refuses at 128, some of which its own envelope needs. */
const MAX_DEPTH = 100;

// Not yet in TypeScript's library: https://tc39.es/proposal-json-parse-with-source/
const sourceJson = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
};

/** Parses JSON text for Cedar: integers exactly (bigint beyond 2^53), no duplicate keys, no depth that exhausts a stack. */
export function parseCedarJson(text: string, name: string): Result<unknown, Problem> {
  const problem = shapeProblem(text, name);
  if (problem !== undefined) return err(problem);
  let wrong: string | undefined;
  try {
    const value = sourceJson.parse(text, (_key, item, { source }) => {
      if (typeof item !== 'number' || source === undefined) return item;
      if (!/^-?\d+$/.test(source)) wrong ??= source;
      return Number.isSafeInteger(item) ? item : BigInt(/^-?\d+$/.test(source) ? source : 0);
    });
    if (wrong === undefined) return ok(value);
    return err({
      code: 'integer-invalid',
      message: `${name}: \`${wrong}\` is not an integer`,
      hint: 'cedar has integers and decimal("…") only',
    });
  } catch {
    const parsed = parseJson(text, name);
    return err(parsed.ok ? { code: 'json-invalid', message: `${name}: not readable JSON` } : parsed.error);
  }
}

// The closing quote is optional so that no input makes the expression backtrack; JSON.parse judges the rest.
const JSON_TOKEN = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"(\s*:)?)?|[{}[\]]/gu;

/** Depth and duplicate keys. JSON.parse keeps the last of two equal keys: the reader and the checker would see different values. */
function shapeProblem(text: string, name: string): Problem | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const match of text.matchAll(JSON_TOKEN)) {
    const token = match[0];
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length > MAX_DEPTH)
        return { code: 'value-too-deep', message: `${name}: nested deeper than ${MAX_DEPTH} levels` };
    } else if (token === '}' || token === ']') open.pop();
    else if (match[1] !== undefined) {
      const keys = open.at(-1);
      const key = token.slice(0, token.length - match[1].length);
      const decoded = decodeString(key);
      if (keys?.has(decoded) === true)
        return { code: 'json-duplicate-key', message: `${name}: key \`${decoded}\` appears twice` };
      keys?.add(decoded);
    }
  }
  return undefined;
}

function decodeString(token: string): string {
  const parsed = parseJson(token);
  return parsed.ok && typeof parsed.value === 'string' ? parsed.value : token;
}

/** Copies a value into plain JSON that Cedar reads exactly; names the first thing that has no place in Cedar. */
export function cedarValue(value: unknown, path: string, depth = 0): Result<unknown, Problem> {
  if (depth > MAX_DEPTH)
    return err({ code: 'value-too-deep', message: `\`${path}\` is nested deeper than ${MAX_DEPTH} levels` });
  switch (typeof value) {
    case 'boolean':
      return ok(value);
    case 'string':
      if (value.isWellFormed()) return ok(value);
      return err({ code: 'value-invalid', message: `\`${path}\` is not well-formed Unicode` });
    case 'number':
      if (Number.isSafeInteger(value)) return ok(value);
      return err({
        code: 'integer-invalid',
        message: `\`${path}\` is not an exact integer`,
        hint: 'pass integers beyond 2^53 as bigint or in JSON text, other numbers as decimal("…")',
      });
    case 'bigint':
      if (value < I64_MIN || value > I64_MAX)
        return err({ code: 'integer-invalid', message: `\`${path}\` is outside the 64-bit integers` });
      return ok(sourceJson.rawJSON(value.toString()));
    case 'object':
      return cedarStructure(value, path, depth);
    default:
      return err({ code: 'value-invalid', message: `\`${path}\` is not a value Cedar knows` });
  }
}

function cedarStructure(value: object | null, path: string, depth: number): Result<unknown, Problem> {
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const [index, item] of value.entries()) {
      const copy = cedarValue(item, `${path}[${index}]`, depth + 1);
      if (!copy.ok) return copy;
      items.push(copy.value);
    }
    return ok(items);
  }
  const prototype: unknown = value === null ? undefined : Object.getPrototypeOf(value);
  if (value === null || (prototype !== Object.prototype && prototype !== null))
    return err({ code: 'value-invalid', message: `\`${path}\` is not a value Cedar knows` });
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed())
      return err({ code: 'value-invalid', message: `a key in \`${path}\` is not well-formed Unicode` });
    if (item === undefined) continue;
    const copy = cedarValue(item, `${path}.${key}`, depth + 1);
    if (!copy.ok) return copy;
    entries.push([key, copy.value]);
  }
  return ok(Object.fromEntries(entries));
}
