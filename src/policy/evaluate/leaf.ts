import { type FirstTest, type TableKey, tableKey } from './first-test.ts';
import type { RunnablePolicy } from './policy.ts';
import type { Question } from './question.ts';
import { Failure } from './value.ts';

/** Takes the policies that can apply to a question or err. */
export interface PolicyVisitor {
  visit(policy: RunnablePolicy): void;
}

/** Policies that begin with a comparison of the same expression, by the literal that it is compared with. */
interface Switch {
  readonly test: FirstTest;
  readonly byLiteral: ReadonlyMap<TableKey, readonly RunnablePolicy[]>;
  readonly all: readonly RunnablePolicy[];
}

const NONE: readonly RunnablePolicy[] = [];
/** Looking a value up costs about as much as so many comparisons. */
const WORTHWHILE = 4;

/**
 * Policies with the same scope. Those that begin with a comparison of the same expression are told apart by evaluating it once: its value
 * leads to the few that can apply. When it errs, all of them do, each for itself.
 */
export class Leaf {
  readonly #always: readonly RunnablePolicy[];
  readonly #switches: readonly Switch[];

  constructor(policies: readonly RunnablePolicy[]) {
    const bySubject = Map.groupBy(policies, ({ test }) => test?.subject ?? '');
    const always: RunnablePolicy[] = [];
    const switches: Switch[] = [];
    for (const group of bySubject.values()) {
      const test = group[0]?.test;
      if (test === undefined || group.length < WORTHWHILE) always.push(...group);
      else switches.push({ test, all: group, byLiteral: Map.groupBy(group, (policy) => policy.test?.literal ?? '') });
    }
    this.#always = always;
    this.#switches = switches;
  }

  /** Shows the visitor every policy that can apply to the question or err. */
  each(question: Question, visitor: PolicyVisitor): void {
    for (const policy of this.#always) visitor.visit(policy);
    for (const { test, byLiteral, all } of this.#switches) {
      const value = test.evaluate(question);
      const some = value instanceof Failure ? all : (byLiteral.get(tableKey(value)) ?? NONE);
      for (const policy of some) visitor.visit(policy);
    }
  }
}
