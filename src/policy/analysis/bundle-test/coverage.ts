import type { SourceSpan } from '#base';
import { spanAt } from '../../lexer.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import type { ParsedPolicy } from '../../compile.ts';
import { isInScope, type RunnablePolicy } from '../../evaluate/policy.ts';
import type { Question } from '../../evaluate/question.ts';
import type { Failure } from '../../evaluate/value.ts';
import { clausesOf, clauseText, holds } from '../clause/clause.ts';
import { toQuestion } from '../clause/to-question.ts';

/** A policy, and those of its clauses, that no test shows to matter. */
export interface UncoveredPolicy {
  readonly id: string;
  readonly source: SourceSpan;
  /** False when no test was decided by it. */
  readonly isDecisive: boolean;
  /** Clauses on which no test depends: none where this clause alone kept the policy from applying. */
  readonly clauses: readonly string[];
}

/** How much of a bundle its tests show to matter. Built-in policies do not count. */
export interface CoverageReport {
  readonly policies: { readonly decisive: number; readonly all: number };
  readonly clauses: { readonly decisive: number; readonly all: number };
  readonly uncovered: readonly UncoveredPolicy[];
}

/** Notes which policies and clauses the answers of tests depend on. */
export class Coverage {
  readonly #own: readonly { readonly policy: ParsedPolicy; readonly runnable: RunnablePolicy | undefined }[];
  readonly #decided = new Set<string>();
  /** `<policy> <number of the clause>` */
  readonly #decisive = new Set<string>();

  constructor({ inside }: ActivePolicies) {
    const runnables = new Map<string, RunnablePolicy>();
    for (const { set } of [inside.access, inside.manage, inside.network])
      for (const policy of set.policies) runnables.set(policy.id, policy);
    this.#own = inside.parsed
      .filter(({ id, place }) => place.file !== id)
      .map((policy) => ({ policy, runnable: runnables.get(policy.id) }));
  }

  /** A clause is decisive where it alone fails: the answer of its policy turns on it. */
  note(asked: CedarQuestion | undefined, determining: readonly string[]): void {
    for (const id of determining) this.#decided.add(id);
    const question = asked === undefined ? undefined : toQuestion(asked);
    if (question?.ok !== true) return;
    for (const { policy, runnable } of this.#own) {
      if (runnable === undefined || !isInScope(runnable, question.value)) continue;
      const failed = deciding(policy, question.value);
      if (failed.length === 1) this.#decisive.add(`${policy.id} ${failed[0]}`);
    }
  }

  report(): CoverageReport {
    const uncovered: UncoveredPolicy[] = [];
    let all = 0;
    for (const { policy } of this.#own) {
      const { id, est, place, statement } = policy;
      const clauses = clausesOf(est);
      all += clauses.length;
      const idle = clauses.filter((_, at) => !this.#decisive.has(`${id} ${at}`)).map(clauseText);
      const isDecisive = this.#decided.has(id);
      if (isDecisive && idle.length === 0) continue;
      uncovered.push({ id, source: spanAt(place, statement.offset, statement.text.length), isDecisive, clauses: idle });
    }
    const decided = this.#own.filter(({ policy }) => this.#decided.has(policy.id)).length;
    return {
      policies: { decisive: decided, all: this.#own.length },
      clauses: { decisive: this.#decisive.size, all },
      uncovered,
    };
  }
}

/** The clauses that are false; where none is, those that cannot be evaluated. What a `has` guards errs where it is false. */
function deciding({ est }: ParsedPolicy, question: Question): number[] {
  const outcomes = clausesOf(est).map((clause) => holds(clause, question));
  const at = (isMeant: (outcome: boolean | Failure) => boolean): number[] =>
    outcomes.flatMap((outcome, index) => (isMeant(outcome) ? [index] : []));
  const failed = at((outcome) => outcome === false);
  return failed.length > 0 ? failed : at((outcome) => outcome !== true);
}
