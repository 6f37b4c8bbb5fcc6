import { authorize, authorizeWithoutIndex, type CedarRequest, type CedarResponse } from '../authorize.ts';
import { compilePolicies } from '../compile.ts';
import { type EntityJson, entityStore, type EntityStore, updateEntities } from '../entity-store.ts';
import { oracleEntityProblems, oracleOf, oraclePolicyProblems, type OracleWorld } from './oracle.ts';
import type { FuzzEntity } from './population.ts';
import type { FuzzRequest } from './requests.ts';
import { exactJson, type Told } from './told.ts';

/** One side's answer, in an order that does not depend on the side. */
export interface Answer {
  /** `refused` when the question itself is wrong. */
  readonly decision: 'allow' | 'deny' | 'refused';
  readonly reason: readonly string[];
  /** Ids of the policies that erred. */
  readonly errors: readonly string[];
}

/** One side, told about a world. */
export interface Side {
  /** What is wrong with the policies; empty when they are accepted. */
  readonly policyProblems: readonly string[];
  readonly entityProblems: readonly string[];
  /** Ids of the policies and links that are wrong, where that is known. */
  readonly wrongIds: readonly string[];
  readonly ask: (request: FuzzRequest) => Answer;
}

/** In which respect two sides differ; `index` when the engine differs from itself without its index. */
export type Aspect = 'policies' | 'entities' | 'refusal' | 'decision' | 'reason' | 'errors' | 'index';

/** The side under test. */
export interface Front extends Side {
  readonly askWithoutIndex: Side['ask'];
  /** Whether it has a schema to check questions with. Cedar checks them too when only the entities have one. */
  readonly checksRequests: boolean;
}

/** The engine of this area, as everybody uses it. */
export function frontSide(told: Told): Front {
  const { schema, schemaFor, links, isText, isGrown } = told;
  const compiled = compilePolicies({
    policies: { ...told.policies, ...told.templates },
    templateLinks: links,
    ...(schema === undefined || schemaFor === 'entities' ? {} : { schema }),
  });
  const store = entityStore(given(told, told.entities), entitySchema(told));
  const asking = (how: typeof authorize) => (request: FuzzRequest) => {
    if (!compiled.ok || !store.ok) throw new Error('nothing can be asked');
    const context = isText ? JSON.stringify(exactJson(request.context)) : request.context;
    const question: CedarRequest = { ...request, context };
    const asked = isGrown ? grownStore(told, (half) => how(compiled.value, half, question)) : store.value;
    return responseAnswer(how(compiled.value, asked, question));
  };
  return {
    policyProblems: compiled.ok ? [] : compiled.error.map(({ message }) => message),
    entityProblems: store.ok ? [] : store.error.map(({ message }) => message),
    wrongIds: [],
    checksRequests: schemaFor !== 'entities',
    ask: asking(authorize),
    askWithoutIndex: asking(authorizeWithoutIndex),
  };
}

function entitySchema({ schema, schemaFor }: Told): object | undefined {
  return schemaFor === 'policies' ? undefined : schema;
}

function given({ isText }: Told, entities: readonly FuzzEntity[]): string | readonly EntityJson[] {
  return isText ? JSON.stringify(exactJson(entities)) : (entities as readonly EntityJson[]);
}

/**
 * The same entities, but they came and went one after the other: first every second one without its parents, then all as they are; one
 * of them is removed and comes back. `ask` is asked in between, so that whatever is remembered from before must be forgotten.
 */
function grownStore(told: Told, ask: (store: EntityStore) => unknown): EntityStore {
  const { entities } = told;
  const start = entities.filter((_, at) => at % 2 === 0).map((entity) => ({ ...entity, parents: [] }));
  const begun = entityStore(given(told, start), entitySchema(told));
  if (!begun.ok) throw new Error(`a part of the entities is refused: ${begun.error[0]?.message ?? ''}`);
  const store = begun.value;
  const half = Math.ceil(entities.length / 2);
  const [last] = entities.slice(-1);
  const uid = (last?.uid ?? {}) as { readonly __entity?: EntityJson['uid'] } & EntityJson['uid'];
  const changes: Parameters<typeof updateEntities>[1][] = [
    { upsert: given(told, entities.slice(half)) },
    { upsert: given(told, entities.slice(0, half)) },
    { remove: last === undefined ? [] : [uid.__entity ?? uid] },
    { upsert: given(told, entities.slice(-1)) },
  ];
  for (const change of changes) {
    ask(store);
    const changed = updateEntities(store, change);
    if (!changed.ok) throw new Error(`a change is refused: ${changed.error[0]?.message ?? ''}`);
  }
  return store;
}

function responseAnswer({ decision, reason, errors }: CedarResponse): Answer {
  const ids = errors.map(({ policyId }) => policyId);
  // A refusal is a deny with an error that belongs to no policy; nothing else may come with it.
  if (decision === 'deny' && reason.length === 0 && ids.length === 1 && ids[0] === '') return REFUSED;
  return { decision, reason: reason.toSorted(), errors: ids.toSorted() };
}

const REFUSED: Answer = { decision: 'refused', reason: [], errors: [] };

/** Cedar itself. */
export function oracleSide(told: Told): Side {
  const { schema, schemaFor, policies, templates, links } = told;
  const world: OracleWorld = {
    parts: { staticPolicies: policies, templates, templateLinks: links },
    policySchema: schemaFor === 'entities' ? undefined : schema,
    entitySchema: entitySchema(told),
    entities: exactJson(told.entities) as object[],
  };
  const { messages, ids } = oraclePolicyProblems(world);
  const ask = messages.length === 0 ? oracleOf(world) : undefined;
  return {
    policyProblems: messages,
    entityProblems: oracleEntityProblems(world),
    wrongIds: ids,
    ask: (request) => {
      if (ask === undefined) throw new Error('nothing can be asked');
      const said = ask({ ...request, context: exactJson(request.context) as object });
      if (said === undefined) return REFUSED;
      return { decision: said.decision, reason: said.reason.toSorted(), errors: said.errors.toSorted() };
    },
  };
}

/** The first respect in which two sides differ about a world itself. */
export function differenceOfSides(front: Side, oracle: Side): Aspect | undefined {
  if ((front.policyProblems.length === 0) !== (oracle.policyProblems.length === 0)) return 'policies';
  if ((front.entityProblems.length === 0) !== (oracle.entityProblems.length === 0)) return 'entities';
  return undefined;
}

/** The first respect in which two answers differ. */
export function differenceOfAnswers(front: Answer, oracle: Answer): Aspect | undefined {
  if ((front.decision === 'refused') !== (oracle.decision === 'refused')) return 'refusal';
  if (front.decision !== oracle.decision) return 'decision';
  if (!isSameList(front.reason, oracle.reason)) return 'reason';
  return isSameList(front.errors, oracle.errors) ? undefined : 'errors';
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

/** The first respect in which one question is answered differently, by the engine with and without its index, or by Cedar. */
export function differenceAbout(front: Front, expected: Answer, request: FuzzRequest): Aspect | undefined {
  if (expected.decision === 'refused' && !front.checksRequests) return undefined;
  const found = front.ask(request);
  const different = differenceOfAnswers(found, expected);
  if (different !== undefined) return different;
  return differenceOfAnswers(front.askWithoutIndex(request), found) === undefined ? undefined : 'index';
}

/** The first respect in which the two sides differ about a world, or about one question in it. `make` makes the side under test. */
export function difference(told: Told, request: FuzzRequest | undefined, make = frontSide): Aspect | undefined {
  const [front, oracle] = [make(told), oracleSide(told)];
  const early = differenceOfSides(front, oracle);
  if (early !== undefined || front.policyProblems.length + front.entityProblems.length > 0) return early;
  return request && differenceAbout(front, oracle.ask(request), request);
}
