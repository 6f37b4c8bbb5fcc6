import { err, ok, type Result } from '#base';
import { entityStore } from '../../entity-store.ts';
import type { Question } from '../../evaluate/question.ts';
import { Malformed } from '../../evaluate/read-value.ts';
import { readRequest } from '../../evaluate/request.ts';
import type { CedarQuestion } from '../../mapping.ts';

/** A question of the product as the evaluator sees it. `err`: why it cannot be asked. */
export function toQuestion({
  principal,
  action,
  resource,
  context,
  entities,
}: CedarQuestion): Result<Question, string> {
  const filled = entityStore(entities);
  const store = filled.ok ? filled.value.seenWith(undefined) : filled;
  if (!store.ok) return err(store.error[0]?.message ?? 'the entities cannot be read');
  const question = readRequest({ principal, action, resource, context }, store.value, undefined);
  return question instanceof Malformed ? err(question.toProblem().message) : ok(question);
}
