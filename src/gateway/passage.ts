import type { Decision, TrustGraph } from '#model';
import { type AccessInput, type AccessRequest, type ActivePolicies, decideAccess, inputOf } from '#policy';

/** What a decision is made from, apart from the request. */
export interface Basis {
  readonly policies: ActivePolicies | undefined;
  readonly graph: TrustGraph;
  readonly now: number;
  readonly replicaAgeMs?: number;
}

/**
 * What this gateway asked. INVARIANT: only `decide` makes one, and only the decision that came of it leads back to it (`inputOf`), so a
 * decision has a grant only when it was made for exactly that request in this process. A permit for one app, path or person opens nothing
 * else: what is forwarded is read from the grant, never from the caller.
 */
class Grant implements AccessInput {
  readonly policies: ActivePolicies | undefined;
  readonly graph: TrustGraph;
  readonly now: number;
  declare readonly replicaAgeMs?: number;
  readonly request: AccessRequest;
  /** Nothing that is not made here has it. */
  readonly #isOurs = true;

  constructor({ policies, graph, now, replicaAgeMs }: Basis, request: AccessRequest) {
    this.policies = policies;
    this.graph = graph;
    this.now = now;
    if (replicaAgeMs !== undefined) this.replicaAgeMs = replicaAgeMs;
    this.request = Object.freeze({ ...request });
    Object.freeze(this);
  }

  static of(decision: Decision): Grant | undefined {
    const input = inputOf(decision);
    return input !== undefined && #isOurs in input && input.#isOurs ? input : undefined;
  }
}

/** Decides, and binds the decision to the request it is about. */
export function decide(basis: Basis, request: AccessRequest): Decision {
  return decideAccess(new Grant(basis, request));
}

/**
 * The request that a proven permit was given for. Throws for everything else: a denial, a copy, something parsed or invented.
 * Whoever reaches an upstream asks here first, and sends what this returns.
 */
export function grantedRequest(decision: Decision | undefined): AccessRequest {
  const grant = decision === undefined ? undefined : Grant.of(decision);
  if (decision === undefined || grant === undefined || decision.effect !== 'permit') {
    throw new Error('no proven permit: the upstream stays closed');
  }
  return grant.request;
}

/** True while nothing has changed since the decision that it was made from, and less than a second has passed. */
export function isFresh(decision: Decision, now: Basis): boolean {
  const basis = Grant.of(decision);
  if (basis === undefined) return false;
  const age = now.now - basis.now;
  return now.graph.seq === decision.graphSeq && now.policies === basis.policies && age >= 0 && age < 1000;
}
