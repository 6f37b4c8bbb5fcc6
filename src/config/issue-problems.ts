import type { Problem } from '#base';
import type { Locate } from './check.ts';
import { lowerFirst } from './read-yaml.ts';

/** What a schema found wrong, as far as messages need it. */
export interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  /** Of a key that takes one thing or another: what each of them found wrong. */
  readonly errors?: readonly (readonly Issue[])[];
}

/** What a schema found wrong in a document, each at its place. `codes` names a key nobody knows, and everything else. */
export function issueProblems(
  issues: readonly Issue[],
  locate: Locate,
  codes: { readonly unknownKey: string; readonly invalid: string },
): Problem[] {
  return issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? (issue.keys ?? []) : [];
    const place = issue.path.length === 0 ? '' : `\`${issue.path.map(String).join('.')}\`: `;
    const source = locate([...issue.path, ...unknown.slice(0, 1)]);
    if (unknown.length === 0) return { code: codes.invalid, message: `${place}${wordsOf(issue)}`, source };
    const message = `${place}unknown key ${unknown.map((key) => `\`${key}\``).join(', ')}`;
    return { code: codes.unknownKey, message, source };
  });
}

/** Names all that would be right, where one thing or another is: "invalid input" helps nobody. */
function wordsOf({ message, errors = [] }: Issue): string {
  const words = errors.flatMap(([first]) => (first === undefined ? [] : [bare(wordsOf(first))]));
  if (words.length > 0) return [...new Set(words)].join(', or ');
  return message.endsWith('received undefined') ? 'is missing' : lowerFirst(message);
}

function bare(words: string): string {
  return words.replace(/^invalid input: /, '');
}
