import type { Problem } from '#base';
import type { ParsedPolicy } from '../../compile.ts';
import { problemAt } from '../../lexer.ts';

/** A warning that the author of a policy means. */
export interface Acceptance {
  readonly code: string;
  readonly reason: string;
}

/** Warnings that can be accepted. An entity that is not there yet can; Cedar's own warnings cannot. */
const ACCEPTABLE: readonly string[] = [
  'policy-duplicate',
  'policy-entity-unknown',
  'policy-never-matches',
  'policy-shadowed',
  'policy-too-broad',
];
const SHORTEST_REASON = 3;

/** Reads `@accept("policy-too-broad: the wiki is for everybody")`; several are separated by `;`. */
export function accepted(policy: ParsedPolicy): { acceptances: Acceptance[]; problems: Problem[] } {
  const { est, place, statement } = policy;
  const written = est.annotations?.['accept'];
  if (written === undefined) return { acceptances: [], problems: [] };
  const acceptances: Acceptance[] = [];
  const problems: Problem[] = [];
  const token = statement.tokens.find(
    ({ text }, index) => text === 'accept' && statement.tokens[index - 1]?.text === '@',
  );
  for (const item of (written ?? '').split(';').map((text) => text.trim())) {
    const [, code = '', reason = ''] = /^([a-z-]+):\s*(.*)$/su.exec(item) ?? [];
    if (ACCEPTABLE.includes(code) && reason.length >= SHORTEST_REASON) {
      acceptances.push({ code, reason });
      continue;
    }
    problems.push(
      problemAt(
        { place, statement, token },
        {
          code: 'policy-accept-invalid',
          message: `\`${item}\` accepts nothing: it needs the code of a warning and a reason`,
          hint: `write \`@accept("policy-too-broad: …")\`; codes: ${ACCEPTABLE.join(', ')}`,
        },
      ),
    );
  }
  return { acceptances, problems };
}
