import type { Question } from './question.ts';
import { isUid, Malformed, readRecord, type Uid, uidProblem } from './read-value.ts';
import type { Schema } from './schema.ts';
import { fitRecord } from './schema-type.ts';
import type { Store } from './store.ts';
import { type Entity, NOTHING, type RecordValue } from './value.ts';

/** A question as it arrives. Nothing is known of it yet. */
export interface RawRequest {
  readonly principal: unknown;
  readonly action: unknown;
  readonly resource: unknown;
  readonly context?: unknown;
}

/**
 * Makes a question out of a request. With a schema, the three entities have to be of types that the action applies to, and the context
 * exactly what the action says.
 */
export function readRequest(raw: RawRequest, store: Store, schema: Schema | undefined): Question | Malformed {
  const principal = readParty(raw.principal, store);
  if (principal instanceof Malformed) return principal.under('principal');
  const action = readParty(raw.action, store);
  if (action instanceof Malformed) return action.under('action');
  const resource = readParty(raw.resource, store);
  if (resource instanceof Malformed) return resource.under('resource');
  const context = raw.context === undefined ? NOTHING : readContext(raw.context, store);
  if (context instanceof Malformed) return context.under('context');
  const question = { source: store, principal, action, resource, context };
  return schema === undefined ? question : checkQuestion(question, store, schema);
}

function readParty(json: unknown, store: Store): Entity | Malformed {
  if (!isUid(json)) return new Malformed('value-invalid', 'is not an entity', 'write {type, id}');
  const { type, id } = json;
  // Whoever is known already has a uid that was checked.
  return store.find(type, id) ?? store.guest(type, id) ?? newcomer({ type, id }, store);
}

function newcomer(uid: Uid, store: Store): Entity | Malformed {
  const problem = uidProblem(uid);
  return problem === undefined ? store.visit(uid.type, uid.id) : new Malformed('value-invalid', problem);
}

function readContext(json: unknown, store: Store): RecordValue | Malformed {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return new Malformed('value-invalid', 'is not an object');
  const prototype: unknown = Object.getPrototypeOf(json);
  if (prototype !== Object.prototype && prototype !== null) return new Malformed('value-invalid', 'is not plain JSON');
  return readRecord(json as Readonly<Record<string, unknown>>, (type, id) => store.visit(type, id));
}

function checkQuestion(question: Question, store: Store, schema: Schema): Question | Malformed {
  const { principal, action, resource, context } = question;
  const declared = schema.actions.get(action.key);
  if (declared === undefined) return new Malformed('value-invalid', 'is not in the schema').under('action');
  if (!declared.principals.has(principal.type) || schema.strangeness(principal) !== undefined)
    return new Malformed('value-invalid', 'is not what the action applies to').under('principal');
  if (!declared.resources.has(resource.type) || schema.strangeness(resource) !== undefined)
    return new Malformed('value-invalid', 'is not what the action applies to').under('resource');
  const fitted = fitRecord(context, declared.context, {
    entityOf: (type, id) => store.visit(type, id),
    strangeness: schema.strangeness,
  });
  if (fitted instanceof Malformed) return fitted.under('context');
  return fitted === context ? question : { ...question, context: fitted };
}
