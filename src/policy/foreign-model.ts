import { err, isJsonObject, ok, type Problem, type Result } from '#base';
import type { ReasonCode } from '#model';
import { authorize, type CedarResponse } from './authorize.ts';
import { parseCedarJson } from './cedar-json.ts';
import { compilePolicies, type CompiledPolicies, compileSources, tooLarge } from './compile.ts';
import type { EntityUid } from './engine.ts';
import { type EntityStore, entityStore } from './entity-store.ts';
import { readReference } from './evaluate/entity-json.ts';
import { Malformed } from './evaluate/read-value.ts';
import { sourcesOf } from './load.ts';
import { Overlay, type Said } from './overlay.ts';

/** A text and the name it has in messages. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** The Cedar model of an application that is not Cordon: its words, its rules and what is known about its things. */
export interface ForeignModelTexts {
  readonly schema: NamedText;
  /** File name -> Cedar text. */
  readonly policies: Readonly<Record<string, string>>;
  /** Entities in Cedar's JSON. */
  readonly entities: NamedText;
}

/** What is asked of a foreign model; attributes hold for this question only, and never in the place of what the model knows. */
export interface ForeignQuestion extends Said {
  readonly action: EntityUid;
  readonly context: object;
}

/** The answer. Only `permit` lets anything through. */
export interface ForeignVerdict {
  readonly code: Extract<
    ReasonCode,
    'permit' | 'no-permit' | 'forbidden' | 'policy-error' | 'attributes-invalid' | 'internal'
  >;
  /** Ids of the policies that determined it. */
  readonly policies: readonly string[];
  /** Why a question could not be asked. */
  readonly detail?: string;
}

/** A foreign model, checked. Made only by `loadForeignModel`. */
export interface ForeignModel {
  /** Decides by the model's policies. Never throws; a `forbid` that errs denies, although Cedar would skip it. */
  decide(question: ForeignQuestion): ForeignVerdict;
  /** Ids of the entities of a type that the model knows, in order. */
  idsOf(type: string): readonly string[];
  /** Those of the names that the schema does not have. */
  unknownNames(names: { readonly types: readonly string[]; readonly actions: readonly EntityUid[] }): readonly string[];
}

const PERMIT: ForeignVerdict = { code: 'permit', policies: [] };
const NO_PERMIT: ForeignVerdict = { code: 'no-permit', policies: [] };

/**
 * Reads and checks a foreign model: strict validation against its own schema is mandatory. All problems are returned at once, with the
 * file they are in. Codes: those of `compilePolicies` and `entityStore`, `policy-id-reserved` and `policy-id-duplicate`.
 */
export function loadForeignModel(texts: ForeignModelTexts): Result<ForeignModel, Problem[]> {
  try {
    return load(texts);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure';
    return err([{ code: 'policy-syntax', message: `the model cannot be read: ${reason}` }]);
  }
}

function load(texts: ForeignModelTexts): Result<ForeignModel, Problem[]> {
  const large = tooLarge(Object.values(texts.policies));
  if (large !== undefined) return err([large]);
  const problems: Problem[] = [];
  const sources = sourcesOf(texts.policies, problems);
  const compiled = compileSources(sources, texts.schema.text, []);
  if (!compiled.ok) problems.push(...compiled.error.map((problem) => inFile(problem, texts.schema.file, 'schema')));
  const isSchemaRead = compiled.ok || !compiled.error.some(({ code }) => code === 'schema-invalid');
  const store = entityStore(texts.entities.text, isSchemaRead ? texts.schema.text : undefined);
  if (!store.ok) problems.push(...store.error.map((problem) => inFile(problem, texts.entities.file, 'entities')));
  const uids = uidsOf(texts.entities.text);
  if (!compiled.ok || !store.ok || problems.length > 0) return err(problems);
  const { schema } = compiled.value;
  const table = store.value.seenWith(schema);
  if (!table.ok || schema === undefined) throw new Error('a store was not read with the schema it was given');
  const overlay = new Overlay(table.value, schema);
  return ok(modelOf({ policies: compiled.value, store: store.value, overlay }, { uids, schema: texts.schema.text }));
}

function modelOf(
  {
    policies,
    store,
    overlay,
  }: { readonly policies: CompiledPolicies; readonly store: EntityStore; readonly overlay: Overlay },
  { uids, schema }: { readonly uids: readonly EntityUid[]; readonly schema: string },
): ForeignModel {
  const permits = new Set(policies.policies.filter(({ est }) => est.effect === 'permit').map(({ id }) => id));
  const idsByType = new Map<string, string[]>();
  for (const { type, id } of uids) {
    const ids = idsByType.get(type);
    if (ids === undefined) idsByType.set(type, [id]);
    else ids.push(id);
  }
  for (const [type, ids] of idsByType) idsByType.set(type, [...new Set(ids)].sort());
  return {
    decide: (question) => {
      try {
        const response = overlay.ask(question, () => authorize(policies, store, question));
        if (!response.ok) return { code: 'attributes-invalid', policies: [], detail: response.error };
        return verdictOf(response.value, permits);
      } catch (cause) {
        return { code: 'internal', policies: [], detail: cause instanceof Error ? cause.message : 'unknown failure' };
      }
    },
    idsOf: (type) => idsByType.get(type) ?? [],
    unknownNames: ({ types, actions }) => [
      ...types.filter((type) => !isKnown(schema, `permit (principal, action, resource is ${type});`)),
      ...actions
        .filter(
          ({ type, id }) => !isKnown(schema, `permit (principal, action == ${type}::${JSON.stringify(id)}, resource);`),
        )
        .map(({ id }) => id),
    ],
  };
}

function verdictOf({ decision, reason, errors }: CedarResponse, permits: ReadonlySet<string>): ForeignVerdict {
  if (errors.length > 0) {
    const unasked = errors.find(({ policyId }) => policyId === '');
    if (unasked !== undefined) return { code: 'attributes-invalid', policies: [], detail: unasked.message };
    const erred = errors.flatMap(({ policyId }) => (permits.has(policyId) ? [] : [policyId]));
    if (erred.length > 0) return { code: 'policy-error', policies: erred };
  }
  if (decision === 'allow') return PERMIT;
  return reason.length === 0 ? NO_PERMIT : { code: 'forbidden', policies: [...reason].sort() };
}

/** Asks the validator, which knows the names of a schema: a policy about an unknown one is an error, not a warning. */
function isKnown(schema: string, policy: string): boolean {
  return compilePolicies({ policies: policy, schema }).ok;
}

function inFile(problem: Problem, file: string, placeholder: string): Problem {
  const { source } = problem;
  if (source?.file !== undefined && source.file !== placeholder) return problem;
  return { ...problem, source: { ...source, file } };
}

/** The uids of entities in Cedar's JSON. What cannot be read is left out here: `entityStore` refuses it. */
function uidsOf(text: string): EntityUid[] {
  const parsed = parseCedarJson(text, 'entities');
  const items: readonly unknown[] = parsed.ok && Array.isArray(parsed.value) ? parsed.value : [];
  return items.flatMap((item) => {
    const uid = readReference(isJsonObject(item) ? item['uid'] : undefined);
    return uid instanceof Malformed ? [] : [uid];
  });
}
