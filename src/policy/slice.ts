import type { Problem } from '#base';
import type { ParsedPolicy } from './compile.ts';
import { problemAt } from './lexer.ts';

const DEREFERENCES: readonly string[] = ['.', 'has', 'getTag', 'hasTag', 'in'];

/**
 * A decision carries only the entities around its own question. A policy that asks about a particular other one, such as
 * `App::"payroll".tier`, would silently get "does not exist" for it, so it is refused when it is loaded.
 */
export function checkSlice({ est, place, statement }: ParsedPolicy): Problem[] {
  const problems: Problem[] = [];
  const queue: unknown[] = est.conditions.map(({ body }) => body);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    for (const [operator, body] of Object.entries(next)) {
      queue.push(body);
      const literal = DEREFERENCES.includes(operator) ? literalOf(body) : undefined;
      if (literal === undefined) continue;
      const token = statement.tokens.find(({ text, depth }) => text === literal && depth > 0);
      problems.push(
        problemAt(
          { place, statement, token },
          {
            code: 'policy-literal-entity',
            message: `a policy cannot look inside a particular \`${literal}\``,
            hint: 'ask about `principal`, `resource` and what `context` holds',
          },
        ),
      );
    }
  }
  return problems;
}

/** The type of the literal entity on the left of an operator. */
function literalOf(body: unknown): string | undefined {
  const at = (value: unknown, key: string): unknown => (Object(value) as Readonly<Record<string, unknown>>)[key];
  const type = at(at(at(at(body, 'left'), 'Value'), '__entity'), 'type');
  return typeof type === 'string' ? type : undefined;
}
