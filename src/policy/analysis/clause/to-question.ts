import { err, ok, type Result } from '#base';
import { readQuestion } from '../../authorize.ts';
import { entityStore } from '../../entity-store.ts';
import type { Question } from '../../evaluate/question.ts';
import type { CedarQuestion } from '../../mapping.ts';

/** A question of the product as the evaluator sees it. `err`: why it cannot be asked. */
export function toQuestion(asked: CedarQuestion): Result<Question, string> {
  const entities = entityStore(asked.entities);
  if (!entities.ok) return err(entities.error[0]?.message ?? 'the entities cannot be read');
  const question = readQuestion(entities.value, undefined, asked);
  return typeof question === 'string' ? err(question) : ok(question);
}
