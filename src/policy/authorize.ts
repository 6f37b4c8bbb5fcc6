import { err, isJsonObject, ok, type Problem, type Result } from '#base';
import { cedarValue, parseCedarJson } from './cedar-json.ts';
import type { CompiledPolicies } from './compile.ts';
import { checkEntities, type EngineAnswer, type EntityUid, type SchemaSource } from './engine.ts';

/** One entity in Cedar's JSON. Integers beyond 2^53 are bigint. */
export interface EntityJson {
  readonly uid: EntityUid;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly EntityUid[];
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** Entities, checked. Made only by `entityStore`. */
export interface EntityStore {
  readonly entities: readonly object[];
}

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
  readonly reason: string[];
  readonly errors: { policyId: string; message: string }[];
}

/**
 * Reads Cedar's entity JSON. A string is JSON text and its integers are read exactly; parsed JSON may hold bigint.
 * Codes: `json-invalid`, `json-duplicate-key`, `integer-invalid`, `value-invalid`, `value-too-deep`, `entities-invalid`, `schema-invalid`.
 */
export function entityStore(
  entities: string | readonly EntityJson[],
  schema?: SchemaSource,
): Result<EntityStore, Problem[]> {
  try {
    const parsed = typeof entities === 'string' ? parseCedarJson(entities, 'entities') : ok(entities);
    if (!parsed.ok) return err([parsed.error]);
    if (!Array.isArray(parsed.value))
      return err([
        {
          code: 'entities-invalid',
          message: 'entities must be an array',
          hint: 'write [{"uid": …, "attrs": {}, "parents": []}]',
        },
      ]);
    const store = readEntities(parsed.value);
    if (!store.ok) return store;
    const complaints = checkEntities(store.value, schema);
    if (complaints.length > 0)
      return err(
        complaints.map(({ message, hint }) => ({
          code: 'entities-invalid',
          message,
          ...(hint === undefined ? {} : { hint }),
        })),
      );
    return ok({ entities: store.value });
  } catch (cause) {
    return err([
      { code: 'entities-invalid', message: cause instanceof Error ? cause.message.toLowerCase() : 'unreadable' },
    ]);
  }
}

function readEntities(items: readonly unknown[]): Result<object[], Problem[]> {
  const problems: Problem[] = [];
  const values: object[] = [];
  for (const [index, item] of items.entries()) {
    const value = cedarValue(item, `entities[${index}]`);
    if (!value.ok) problems.push(value.error);
    else if (isJsonObject(value.value)) values.push(value.value);
    else problems.push({ code: 'entities-invalid', message: `\`entities[${index}]\` is not an entity` });
  }
  return problems.length === 0 ? ok(values) : err(problems);
}

/** Exactly Cedar's authorization: decision, determining policies, erroring policies. Never throws: what cannot be asked is denied. */
export function authorize(policies: CompiledPolicies, entities: EntityStore, request: CedarRequest): CedarResponse {
  try {
    const context = readContext(request.context);
    if (!context.ok) return refused(context.error.message);
    return answerOf(policies.prepared.decide({ ...request, context: context.value, entities: entities.entities }));
  } catch (cause) {
    return refused(cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure');
  }
}

function readContext(context: string | object | undefined): Result<object, Problem> {
  if (context === undefined) return ok({});
  const parsed = typeof context === 'string' ? parseCedarJson(context, 'context') : ok(context);
  if (!parsed.ok) return parsed;
  const value = cedarValue(parsed.value, 'context');
  if (!value.ok) return value;
  if (isJsonObject(value.value)) return ok(value.value);
  return err({ code: 'value-invalid', message: 'the context must be an object' });
}

function answerOf(answer: Result<EngineAnswer, string>): CedarResponse {
  if (!answer.ok) return refused(answer.error);
  const { decision, reason, errors } = answer.value;
  return {
    decision: decision === 'allow' ? 'allow' : 'deny',
    reason: [...reason],
    errors: errors.map((error) => ({ ...error })),
  };
}

function refused(message: string): CedarResponse {
  return { decision: 'deny', reason: [], errors: [{ policyId: '', message }] };
}
