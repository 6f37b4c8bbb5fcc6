import { err, ok, type Problem, parseJson, type Result } from '#base';

/** Levels of JSON that are read. */
const MAX_DEPTH = 100;

// Not yet in TypeScript's library: https://tc39.es/proposal-json-parse-with-source/
const sourceJson = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
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
