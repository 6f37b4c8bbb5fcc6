import { isJsonObject } from '#base';
import { parseCedarJson } from './cedar-json.ts';
import type { CompiledPolicies } from './compile.ts';
import type { EntityUid } from './engine.ts';
import type { EntityStore } from './entity-store.ts';
import type { Findings } from './evaluate/policy-set.ts';
import type { Question } from './evaluate/question.ts';
import { Malformed } from './evaluate/read-value.ts';
import { readRequest } from './evaluate/request.ts';
import type { Schema } from './evaluate/schema.ts';

/** The question. `context` is JSON text (integers are read exactly) or an object (bigint for large integers). */
export interface CedarRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context?: string | object;
}

/** The answer, as Cedar defines it; a question that could not be asked is a deny with an error whose `policyId` is empty. */
export interface CedarResponse {
  readonly decision: 'allow' | 'deny';
  /** The determining policies, in their order. */
  readonly reason: string[];
  readonly errors: { policyId: string; message: string }[];
}

/** Exactly Cedar's authorization: decision, determining policies, erroring policies. Never throws: what cannot be asked is denied. */
export function authorize(policies: CompiledPolicies, entities: EntityStore, request: CedarRequest): CedarResponse {
  try {
    const question = questionOf(policies, entities, request);
    return typeof question === 'string' ? refused(question) : answerOf(policies.set.ask(question));
  } catch (cause) {
    return refused(cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure');
  }
}

/** The same answer found without the index, to be compared with. */
export function authorizeWithoutIndex(
  policies: CompiledPolicies,
  entities: EntityStore,
  request: CedarRequest,
): CedarResponse {
  const question = questionOf(policies, entities, request);
  return typeof question === 'string' ? refused(question) : answerOf(policies.set.askWithoutIndex(question));
}

function questionOf(policies: CompiledPolicies, entities: EntityStore, request: CedarRequest): Question | string {
  return readQuestion(entities, policies.schema, request);
}

/** Reads a question, and checks it against the schema of the policies. A text says why it cannot be asked. */
export function readQuestion(
  entities: EntityStore,
  schema: Schema | undefined,
  request: CedarRequest,
): Question | string {
  const store = entities.seenWith(schema);
  if (!store.ok) return store.error[0]?.message ?? 'the entities do not conform to the schema of the policies';
  if (typeof request.context === 'string')
    return readQuestionText(entities, schema, { ...request, context: request.context });
  const question = readRequest(request, store.value, schema);
  return question instanceof Malformed ? question.toProblem().message : question;
}

function readQuestionText(
  entities: EntityStore,
  schema: Schema | undefined,
  request: CedarRequest & { readonly context: string },
): Question | string {
  const context = parseCedarJson(request.context, 'context');
  if (!context.ok) return context.error.message;
  if (!isJsonObject(context.value)) return '`context` is not an object';
  return readQuestion(entities, schema, { ...request, context: context.value });
}

/** A forbid makes every permit void; without either, the answer is deny and nothing determined it. */
function answerOf({ permits, forbids, errors }: Findings): CedarResponse {
  const isAllowed = forbids.length === 0 && permits.length > 0;
  return {
    decision: isAllowed ? 'allow' : 'deny',
    reason: (isAllowed ? permits : forbids).map(({ id }) => id),
    errors: errors.map(({ policy, failure }) => ({ policyId: policy.id, message: failure.message })),
  };
}

function refused(message: string): CedarResponse {
  return { decision: 'deny', reason: [], errors: [{ policyId: '', message }] };
}
