import type { Problem, SourceSpan } from '#base';

/** One token of Cedar text: a word, a string, a number or punctuation. Offsets are UTF-16 code units. */
export interface Token {
  readonly text: string;
  readonly offset: number;
  /** How many brackets are open around it. */
  readonly depth: number;
}

/** One policy in a text, with its semicolon. */
export class Statement {
  readonly text: string;
  /** Where `text` starts in the whole text. */
  readonly offset: number;
  readonly isTemplate: boolean;

  constructor(text: string, offset: number, isTemplate: boolean) {
    this.text = text;
    this.offset = offset;
    this.isTemplate = isTemplate;
  }

  /** Read anew each time: kept, the tokens of a large set would need more memory than all else. */
  get tokens(): readonly Token[] {
    return [...tokensOf(this.text)];
  }
}

/** The bounds of what is given to the parser. */
export const LIMITS: {
  readonly totalBytes: number;
  readonly setBytes: number;
  readonly policyBytes: number;
  readonly policies: number;
  readonly brackets: number;
  readonly operators: number;
  readonly treeDepth: number;
} = {
  /** All policies of a bundle together. */
  totalBytes: 8 * 1024 * 1024,
  /** All policies of a set that is compiled by itself together, and how many they may be. */
  setBytes: 64 * 1024 * 1024,
  policies: 131_072,
  /** One policy. */
  policyBytes: 1024 * 1024,
  /** Brackets inside brackets; the parser's stack ends at about 100. */
  brackets: 64,
  /** Operators in a row between two brackets; the parser builds one level of its tree for each. */
  operators: 1000,
  /** Levels of the parsed tree; evaluation's stack ends at about 300. */
  treeDepth: 250,
};

// A carriage return ends a comment too, as in Cedar: what stands behind it would be lost otherwise.
const TOKEN = /\s+|\/\/[^\n\r]*|"[^"\\]*(?:\\[^][^"\\]*)*"?|[A-Za-z_?][A-Za-z0-9_]*|[0-9]+|&&|\|\||[=!<>]=|::|[^]/gu;
const OPERATORS: ReadonlySet<string> = new Set([
  '&&',
  '||',
  '+',
  '-',
  '*',
  '!',
  '.',
  '[',
  'if',
  'has',
  'in',
  'is',
  'like',
]);

/**
 * Splits Cedar text into policies. It does not judge the grammar: each piece goes to Cedar's own parser, so a wrong split can
 * only make an error, never another meaning. A semicolon outside strings and comments always ends a policy in Cedar.
 */
export function splitPolicies(text: string): Statement[] {
  const statements: Statement[] = [];
  let start: number | undefined;
  let isTemplate = false;
  const finish = (from: number, end: number): void => {
    statements.push(new Statement(text.slice(from, end), from, isTemplate));
    start = undefined;
    isTemplate = false;
  };
  for (const token of tokensOf(text)) {
    start ??= token.offset;
    isTemplate ||= token.text === '?principal' || token.text === '?resource';
    if (token.text === ';') finish(start, token.offset + 1);
  }
  if (start !== undefined) finish(start, text.length);
  return statements;
}

/** The tokens of a text, without spaces and comments. Brackets that one policy leaves open do not count in the next. */
function* tokensOf(text: string): Generator<Token> {
  let depth = 0;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    if (/^\s/u.test(token) || token.startsWith('//')) continue;
    if (/^[)\]}]$/u.test(token)) depth = Math.max(0, depth - 1);
    yield { text: token, offset: match.index, depth };
    if (/^[([{]$/u.test(token)) depth += 1;
    if (token === ';') depth = 0;
  }
}

/**
 * Finds the token at which a policy becomes too deep for the parser, which would run out of stack and take its instance with it.
 * This is the guard against a policy text used as an attack; it is checked before the parser sees the text.
 */
export function tooDeepAt(tokens: Iterable<Token>): Token | undefined {
  const operators: number[] = [0];
  for (const token of tokens) {
    if (token.depth >= LIMITS.brackets) return token;
    operators.length = Math.min(operators.length, token.depth + 1);
    while (operators.length <= token.depth) operators.push(0);
    if (token.text === ',' || token.text === 'when' || token.text === 'unless') operators[token.depth] = 0;
    if (!OPERATORS.has(token.text)) continue;
    const count = (operators[token.depth] ?? 0) + 1;
    operators[token.depth] = count;
    if (count > LIMITS.operators) return token;
  }
  return undefined;
}

/** A text with a name, and the statement in it that a problem is about. */
export interface Place {
  readonly file: string;
  readonly text: string;
}

/** The span of `length` code units at `offset` in a file's text, with line and column. */
export function spanAt(place: Place, offset: number, length: number): SourceSpan {
  const before = place.text.slice(0, offset);
  return {
    file: place.file,
    line: before.split('\n').length,
    column: offset - before.lastIndexOf('\n'),
    offset,
    length,
  };
}

/** Turns an offset in UTF-8 bytes, as Cedar counts, into one in UTF-16 code units. */
export function offsetOfByte(text: string, byte: number): number {
  return Buffer.from(text, 'utf8').subarray(0, byte).toString('utf8').length;
}

/** A problem at a token of a statement. */
export function problemAt(
  where: { readonly place: Place; readonly statement: Statement; readonly token: Token | undefined },
  problem: { readonly code: string; readonly message: string; readonly hint?: string },
): Problem {
  const offset = where.statement.offset + (where.token?.offset ?? 0);
  return { ...problem, source: spanAt(where.place, offset, where.token?.text.length ?? where.statement.text.length) };
}
