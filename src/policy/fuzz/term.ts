/** Names one entity. */
export interface Uid {
  readonly type: string;
  readonly id: string;
}

/**
 * A Cedar expression in a form that is easy to build, to walk and to make smaller: an operator, its operands, and words.
 *
 * Literals: `bool`, `long`, `string` (one word), `entity` (type, id), `set`, `record` (words are the keys). `var`, `get` (attribute),
 * `has` (path), `like` (parts of the pattern; the empty part is the wildcard), `is` (type; the second operand is what follows `in`),
 * `if`, `!`, `neg`, the binary operators by their sign, everything else is a method on the first operand, or a function.
 */
export interface Term {
  readonly op: string;
  readonly words: readonly string[];
  readonly args: readonly Term[];
}

/** Makes a term. */
export function term(op: string, words: readonly string[] = [], args: readonly Term[] = []): Term {
  return { op, words, args };
}

/** What the head of a policy says about one of its three variables. */
export interface Scope {
  readonly form: 'all' | '==' | 'in' | 'is' | 'is in';
  readonly type: string;
  /** One entity; several only for `action in […]`; none where a template has its slot. */
  readonly entities: readonly Uid[];
}

/** A policy or template. */
export interface FuzzPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly annotations: readonly (readonly [string, string | null])[];
  readonly principal: Scope;
  readonly action: Scope;
  readonly resource: Scope;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: Term }[];
}

const BINARY: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', '&&', '||', '+', '-', '*', 'in']);
const FUNCTIONS: ReadonlySet<string> = new Set(['decimal', 'ip', 'datetime', 'duration']);
const KEYWORDS: ReadonlySet<string> = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has']);

/** Writes a string literal, without ambiguity for the characters that Cedar escapes. */
function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\p{Cc}\p{Cf}]/gu, (char) => {
    if (char === '\\' || char === '"') return `\\${char}`;
    return char === '\n' ? '\\n' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !KEYWORDS.has(text) && text !== '__cedar';
}

/** Writes an entity as Cedar text. */
function uidText({ type, id }: Uid): string {
  return `${type}::${quoted(id)}`;
}

/** Writes an expression as Cedar text, in brackets wherever that could matter. */
function termText({ op, words, args }: Term): string {
  const [word = ''] = words;
  const [first = '', second = '', third = ''] = args.map(termText);
  if (op === 'bool' || op === 'long' || op === 'var') return op === 'long' && word.startsWith('-') ? `(${word})` : word;
  if (op === 'string') return quoted(word);
  if (op === 'entity') return uidText({ type: word, id: words[1] ?? '' });
  if (op === 'set') return `[${args.map(termText).join(', ')}]`;
  if (op === 'record') return `{${args.map((arg, at) => `${quoted(words[at] ?? '')}: ${termText(arg)}`).join(', ')}}`;
  if (op === 'get') return isName(word) ? `${first}.${word}` : `${first}[${quoted(word)}]`;
  if (op === 'has') return `(${first} has ${words.every(isName) ? words.join('.') : quoted(word)})`;
  if (op === 'like') return `(${first} like "${words.map(patternText).join('')}")`;
  if (op === 'is') return `(${first} is ${word}${args.length > 1 ? ` in ${second}` : ''})`;
  if (op === 'if') return `(if ${first} then ${second} else ${third})`;
  if (op === '!') return `(!${first})`;
  if (op === 'neg') return `(-${first})`;
  if (BINARY.has(op)) return `(${first} ${op} ${second})`;
  if (FUNCTIONS.has(op)) return `${op}(${args.map(termText).join(', ')})`;
  return `${first}.${op}(${args.slice(1).map(termText).join(', ')})`;
}

function patternText(part: string): string {
  return part === '' ? '*' : escaped(part).replaceAll('*', '\\*');
}

function scopeText(name: 'principal' | 'action' | 'resource', { form, type, entities }: Scope): string {
  const [only] = entities;
  const target = only === undefined ? `?${name}` : uidText(only);
  if (form === 'all') return name;
  if (form === 'is') return `${name} is ${type}`;
  if (form === 'is in') return `${name} is ${type} in ${target}`;
  if (name !== 'action' || entities.length === 1) return `${name} ${form} ${target}`;
  return `${name} in [${entities.map(uidText).join(', ')}]`;
}

/** Writes a policy as Cedar text. */
export function policyText(policy: FuzzPolicy): string {
  const notes = policy.annotations.map(([key, text]) => `@${key}${text === null ? '' : `(${quoted(text)})`}\n`);
  const scopes = (['principal', 'action', 'resource'] as const).map((name) => scopeText(name, policy[name]));
  const conditions = policy.conditions.map(({ kind, body }) => `\n${kind} { ${termText(body)} }`);
  return `${notes.join('')}${policy.effect} (${scopes.join(', ')})${conditions.join('')};`;
}

/** Whether a policy has a slot to fill. */
export function isTemplate({ principal, resource }: FuzzPolicy): boolean {
  return [principal, resource].some(({ form, entities }) => form !== 'all' && form !== 'is' && entities.length === 0);
}

/** Every operator a policy uses, each once; scope forms as `principal in`. */
export function operatorsOf(policy: FuzzPolicy): string[] {
  const found = new Set<string>([policy.effect]);
  const walk = ({ op, args, words }: Term): void => {
    found.add(op === 'has' && words.length > 1 ? 'has a.b' : op === 'is' && args.length > 1 ? 'is in' : op);
    for (const arg of args) walk(arg);
  };
  for (const name of ['principal', 'action', 'resource'] as const) found.add(`${name} ${policy[name].form}`);
  for (const { kind, body } of policy.conditions) {
    found.add(kind);
    walk(body);
  }
  if (isTemplate(policy)) found.add('template');
  return [...found];
}
