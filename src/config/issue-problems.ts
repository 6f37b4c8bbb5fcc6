import type { Problem } from '#base';
import type { Locate } from './check.ts';
import { lowerFirst } from './read-yaml.ts';

/** What a schema found wrong, as far as messages need it. */
export interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
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
    if (unknown.length === 0) return { code: codes.invalid, message: `${place}${lowerFirst(issue.message)}`, source };
    const message = `${place}unknown key ${unknown.map((key) => `\`${key}\``).join(', ')}`;
    return { code: codes.unknownKey, message, source };
  });
}
