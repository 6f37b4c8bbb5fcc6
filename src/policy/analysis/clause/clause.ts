import { isJsonObject } from '#base';
import type { PolicyEst } from '../../engine.ts';
import { compileExpression } from '../../evaluate/expression.ts';
import { notBool } from '../../evaluate/operators.ts';
import type { Expression, Question } from '../../evaluate/question.ts';
import { Failure } from '../../evaluate/value.ts';
import { exactConditions } from '../../shape.ts';
import { expressionText, part } from './expression-text.ts';

/** One thing a policy asks for: a policy holds when its scope and all its clauses do. */
export interface Clause {
  readonly kind: 'when' | 'unless';
  /** The expression in Cedar's JSON form. */
  readonly est: unknown;
  /** The expression as Cedar text. */
  readonly text: string;
  readonly run: Expression;
}

const KNOWN = new WeakMap<PolicyEst, readonly Clause[]>();

/**
 * Takes the conditions of a policy apart: `when { a && b }` asks for a and for b, `unless { a || b }` for neither.
 * INVARIANT: in their order, up to the first that does not hold, the clauses come to exactly what the whole condition comes to.
 */
export function clausesOf(est: PolicyEst): readonly Clause[] {
  const known = KNOWN.get(est);
  if (known !== undefined) return known;
  const clauses = exactConditions(est).flatMap(({ kind, body }) =>
    partsOf(body, kind === 'unless').map((expression): Clause => {
      return { kind, est: expression, text: expressionText(expression), run: compileExpression(expression) };
    }),
  );
  KNOWN.set(est, clauses);
  return clauses;
}

/** The parts that all have to be true, or, for `unless`, that all have to be false. */
function partsOf(est: unknown, isUnless: boolean): unknown[] {
  const [form, body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  if (form === (isUnless ? '||' : '&&'))
    return [...partsOf(part(body, 'left'), isUnless), ...partsOf(part(body, 'right'), isUnless)];
  if (form === '!') return partsOf(part(body, 'arg'), !isUnless).map((inside) => ({ '!': { arg: inside } }));
  return [est];
}

/** Whether a clause holds; `Failure` when it cannot be evaluated, and then the policy does not hold either. */
export function holds({ kind, run }: Clause, question: Question): boolean | Failure {
  const value = run(question);
  if (typeof value === 'boolean') return value === (kind === 'when');
  return value instanceof Failure ? value : notBool(value);
}

/** The clause as a person reads it in a policy. */
export function clauseText({ kind, text }: Pick<Clause, 'kind' | 'text'>): string {
  return `${kind} { ${text} }`;
}
