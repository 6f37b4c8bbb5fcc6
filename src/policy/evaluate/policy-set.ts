import { isInScope, type RunnablePolicy } from './policy.ts';
import type { PolicyVisitor } from './leaf.ts';
import { PolicyIndex } from './policy-index.ts';
import type { Question } from './question.ts';
import { Failure } from './value.ts';

/** A policy in scope that could not be evaluated. */
export interface PolicyError {
  readonly policy: RunnablePolicy;
  readonly failure: Failure;
}

/** What the policies say: all that Cedar's answer is made of, and the permits that a forbid makes void. Each list is in order. */
export interface Findings {
  readonly permits: readonly RunnablePolicy[];
  readonly forbids: readonly RunnablePolicy[];
  readonly errors: readonly PolicyError[];
}

/** Shared, and never written to. */
const NONE: never[] = [];

/** Policies that can be asked. */
export class PolicySet {
  readonly policies: readonly RunnablePolicy[];
  readonly #index: PolicyIndex;
  /** The last question for which a policy was evaluated, by order: one that names several actions must not count twice. */
  readonly #askedAt: Float64Array;
  #asked = 0;

  constructor(policies: readonly RunnablePolicy[]) {
    this.policies = policies;
    this.#index = new PolicyIndex(policies);
    this.#askedAt = new Float64Array(policies.reduce((most, { order }) => Math.max(most, order + 1), 0));
  }

  /** Evaluates the policies that can be about the question. */
  ask(question: Question): Findings {
    this.#asked += 1;
    const found = new Collector(question, this);
    this.#index.each(question, found);
    return found.inOrder();
  }

  /** The same without the index, for tests: looks at every policy. */
  askWithoutIndex(question: Question): Findings {
    const found = new Collector(question, this);
    for (const policy of this.policies) if (isInScope(policy, question)) found.evaluate(policy);
    return found.inOrder();
  }

  /** The index leaves open whether the types in `is … in` are right, and finds a policy once for each action it names. */
  isNew({ principal, action, resource, order }: RunnablePolicy, question: Question): boolean {
    if (principal.type !== undefined && principal.type !== question.principal.type) return false;
    if (resource.type !== undefined && resource.type !== question.resource.type) return false;
    if (action.entities.length < 2) return true;
    if (this.#askedAt[order] === this.#asked) return false;
    this.#askedAt[order] = this.#asked;
    return true;
  }
}

/** Gathers what policies say to one question; makes lists only for what there is. */
class Collector implements Findings, PolicyVisitor {
  permits: RunnablePolicy[] = NONE;
  forbids: RunnablePolicy[] = NONE;
  errors: PolicyError[] = NONE;
  readonly #question: Question;
  readonly #set: PolicySet;

  constructor(question: Question, set: PolicySet) {
    this.#question = question;
    this.#set = set;
  }

  visit(policy: RunnablePolicy): void {
    if (policy.isFoundExactly || this.#set.isNew(policy, this.#question)) this.evaluate(policy);
  }

  evaluate(policy: RunnablePolicy): void {
    const held = policy.condition === undefined ? true : policy.condition(this.#question);
    if (held === false) return;
    if (held instanceof Failure) this.errors = added(this.errors, { policy, failure: held });
    else if (policy.effect === 'permit') this.permits = added(this.permits, policy);
    else this.forbids = added(this.forbids, policy);
  }

  inOrder(): this {
    if (this.permits.length > 1) this.permits.sort(byOrder);
    if (this.forbids.length > 1) this.forbids.sort(byOrder);
    if (this.errors.length > 1) this.errors.sort((a, b) => byOrder(a.policy, b.policy));
    return this;
  }
}

function added<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}

function byOrder(a: RunnablePolicy, b: RunnablePolicy): number {
  return a.order - b.order;
}
