import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import {
  authorize,
  type CedarRequest,
  type CompiledPolicies,
  compilePolicies,
  type EntityJson,
  type EntityStore,
  entityStore,
} from '#policy';

/** Microseconds of single decisions, each timed by itself; the clock adds about 0.05. */
export interface Times {
  readonly allow: number[];
  readonly deny: number[];
}

/** Compiles policies that must be good. */
export function compiled(policies: Parameters<typeof compilePolicies>[0]['policies']): CompiledPolicies {
  const result = compilePolicies({ policies });
  if (!result.ok) throw new Error(`the policies do not compile: ${JSON.stringify(result.error[0])}`);
  return result.value;
}

/** Stores entities that must be good. */
export function stored(entities: readonly EntityJson[]): EntityStore {
  const result = entityStore(entities);
  if (!result.ok) throw new Error(`the entities are refused: ${JSON.stringify(result.error[0])}`);
  return result.value;
}

/** Decides each question once and adds the times to `times`. */
export function timeDecisions(
  policies: CompiledPolicies,
  entities: EntityStore,
  requests: readonly CedarRequest[],
  times: Times,
): void {
  for (const request of requests) {
    const start = performance.now();
    const { decision } = authorize(policies, entities, request);
    const end = performance.now();
    times[decision].push((end - start) * 1000);
  }
}

/**
 * Bytes of heap that one decision takes, the answer included: the median of several rounds. A round in which the collector ran shows
 * less than it took, and is left out.
 */
export function bytesPerDecision(
  policies: CompiledPolicies,
  entities: EntityStore,
  requests: readonly CedarRequest[],
): number {
  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const before = process.memoryUsage().heapUsed;
    for (const request of requests) authorize(policies, entities, request);
    const bytes = (process.memoryUsage().heapUsed - before) / requests.length;
    if (bytes > 0) rounds.push(bytes);
  }
  const sorted = rounds.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

const SLOT = 'bench';

/** Decides each question by cedar-wasm, its policies parsed before. Throws when an answer is another than ours. */
export function timeCedar(
  texts: Readonly<Record<string, string>>,
  entities: readonly EntityJson[],
  requests: readonly CedarRequest[],
  policies: CompiledPolicies,
): number[] {
  const parsed = cedar.preparsePolicySet(SLOT, { staticPolicies: texts });
  if (parsed.type === 'failure') throw new Error(`cedar refuses the policies: ${JSON.stringify(parsed.errors[0])}`);
  const store = stored(entities);
  return requests.map((request) => {
    const call = {
      principal: request.principal,
      action: request.action,
      resource: request.resource,
      context: (request.context ?? {}) as never,
      entities: entities as never,
      preparsedPolicySetId: SLOT,
    };
    const start = performance.now();
    const answer = cedar.statefulIsAuthorized(call);
    const end = performance.now();
    const expected = answer.type === 'success' ? answer.response.decision : 'refused';
    const { decision } = authorize(policies, store, request);
    if (decision !== expected)
      throw new Error(`cedar says ${expected}, we say ${decision}: ${JSON.stringify(request)}`);
    return (end - start) * 1000;
  });
}
