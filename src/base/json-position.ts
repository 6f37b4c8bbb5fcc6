const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERAL = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * The offset of the first character that makes `text` not JSON (RFC 8259), or its length when it only ends too early.
 * V8 names the position in some of its messages only, so a person could not find the place by them.
 */
export function jsonErrorOffset(text: string): number {
  const open: ('{' | '[')[] = [];
  let at = skip(SPACE, text, 0);
  let wants: 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'after' = 'value';
  for (;;) {
    const char = text[at];
    if (char === undefined) return text.length;
    if (wants === 'after') {
      const inside = open.at(-1);
      if (inside === undefined) return at;
      if (char === ',') wants = inside === '{' ? 'key' : 'value';
      else if (char === (inside === '{' ? '}' : ']')) open.pop();
      else return at;
      at++;
    } else if ((wants === 'key-or-end' && char === '}') || (wants === 'value-or-end' && char === ']')) {
      open.pop();
      wants = 'after';
      at++;
    } else if (wants === 'key' || wants === 'key-or-end') {
      const colon = skip(SPACE, text, skip(STRING, text, at));
      if (colon === at || text[colon] !== ':') return colon === at ? at : colon;
      at = colon + 1;
      wants = 'value';
    } else if (char === '{' || char === '[') {
      open.push(char);
      wants = char === '{' ? 'key-or-end' : 'value-or-end';
      at++;
    } else {
      const end = Math.max(skip(STRING, text, at), skip(NUMBER, text, at), skip(LITERAL, text, at));
      if (end === at) return at;
      at = end;
      wants = 'after';
    }
    at = skip(SPACE, text, at);
  }
}

/** Where a match of `pattern` that begins at `at` ends; `at` when there is none. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
