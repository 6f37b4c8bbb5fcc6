import type { Decision, TrustGraph } from '#model';
import { type AccessRequest, type ActivePolicies, decideAccess, decisionRecord, isProven } from '#policy';
import type { Json } from '#base';

/** What a decision is made from, apart from the request. */
export interface Basis {
  readonly policies: ActivePolicies | undefined;
  readonly graph: TrustGraph;
  readonly now: number;
  readonly replicaAgeMs?: number;
}

interface Grant {
  readonly request: AccessRequest;
  readonly basis: Basis;
}

/**
 * INVARIANT: only `decide` writes here, so a decision has a grant only when it was made for exactly that request in this process.
 * A permit for one app, path or person opens nothing else: what is forwarded is read from the grant, never from the caller.
 */
const grants = new WeakMap<Decision, Grant>();

/** Decides, and binds the decision to the request it is about. */
export function decide(basis: Basis, request: AccessRequest): Decision {
  const frozen = Object.freeze({ ...request });
  const decision = decideAccess({ ...basis, request: frozen });
  grants.set(decision, { request: frozen, basis });
  return decision;
}

/** The journalled form of a decision made by `decide`. */
export function recordOf(decision: Decision): { readonly [key: string]: Json } {
  const grant = grants.get(decision);
  if (grant === undefined) throw new Error('this decision was not made here');
  return decisionRecord({ ...grant.basis, request: grant.request }, decision);
}

/**
 * The request that a proven permit was given for. Throws for everything else: a denial, a copy, something parsed or invented.
 * Whoever reaches an upstream asks here first, and sends what this returns.
 */
export function grantedRequest(decision: Decision | undefined): AccessRequest {
  const grant = decision === undefined ? undefined : grants.get(decision);
  if (decision === undefined || grant === undefined || !isProven(decision) || decision.effect !== 'permit') {
    throw new Error('no proven permit: the upstream stays closed');
  }
  return grant.request;
}

/** True while nothing has changed since the decision that it was made from, and less than a second has passed. */
export function isFresh(decision: Decision, now: Basis): boolean {
  const basis = grants.get(decision)?.basis;
  if (basis === undefined) return false;
  const age = now.now - basis.now;
  return now.graph.seq === decision.graphSeq && now.policies === basis.policies && age >= 0 && age < 1000;
}
