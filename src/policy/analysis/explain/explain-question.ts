import type { SourceSpan } from '#base';
import type { CompiledPolicies, ParsedPolicy } from '../../compile.ts';
import { ask, type Verdict } from '../../decide.ts';
import type { EstScope } from '../../engine.ts';
import { isInScope, type RunnablePolicy } from '../../evaluate/policy.ts';
import type { Question } from '../../evaluate/question.ts';
import { Failure } from '../../evaluate/value.ts';
import { spanAt } from '../../lexer.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { type Clause, clausesOf, clauseText, holds } from '../clause/clause.ts';
import { uidText } from '../clause/expression-text.ts';
import { type Fact, factsOf, groupsText } from '../clause/facts.ts';
import { toQuestion } from '../clause/to-question.ts';

/** One thing a policy asks for, and whether this question has it. */
export interface ExplainedClause {
  readonly text: string;
  readonly outcome: 'held' | 'failed' | 'error';
  /** What it looked at. */
  readonly facts: readonly Fact[];
  readonly error?: string;
}

/** A policy with the clauses that decided whether it applies: all of them, or those up to the first that did not hold. */
export interface ExplainedPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly title: string;
  readonly builtin: boolean;
  readonly source: SourceSpan;
  /** `decided` it, `erred`, or is a permit that was `nearest` to granting it. */
  readonly role: 'decided' | 'erred' | 'nearest';
  readonly clauses: readonly ExplainedClause[];
}

/** Why the policies answer a question as they do. */
export interface Explanation {
  readonly outcome: Verdict['outcome'];
  readonly policies: readonly ExplainedPolicy[];
  /** Permits for this resource that were further away and are not listed. */
  readonly furtherPermits: number;
}

/** Permits that a default denial lists. */
const MOST_NEAREST = 5;

/** A policy as it is parsed and as it is asked. */
export interface Studied {
  readonly parsed: ParsedPolicy;
  readonly runnable: RunnablePolicy;
}

/**
 * Explains an answer clause by clause: the policies that decided it, and when nothing grants it, the permits that came nearest.
 * INVARIANT: `outcome` is what `ask` says; nothing here decides again.
 */
export function explainQuestion(policies: ActivePolicies, asked: CedarQuestion): Explanation {
  const { outcome, determining, forbids, erredForbids, isGranted } = ask(policies, asked);
  const question = toQuestion(asked);
  if (!question.ok) return { outcome, policies: [], furtherPermits: 0 };
  const byId = new Map(studiedFor(policies, asked).map((studied) => [studied.parsed.id, studied]));
  const explain = (ids: readonly string[], role: ExplainedPolicy['role']): ExplainedPolicy[] =>
    ids.flatMap((id) => {
      const studied = byId.get(id);
      return studied === undefined ? [] : [explained(policies, studied, { question: question.value, role })];
    });
  if (outcome === 'permit') return { outcome, policies: explain(determining, 'decided'), furtherPermits: 0 };
  const decided = [...explain(erredForbids, 'erred'), ...explain(forbids, 'decided')];
  if (isGranted) return { outcome, policies: decided, furtherPermits: 0 };
  const permits = nearestPermits([...byId.values()], question.value);
  const nearest = permits.slice(0, MOST_NEAREST).map(({ parsed }) => parsed.id);
  return {
    outcome,
    policies: [...decided, ...explain(nearest, 'nearest')],
    furtherPermits: permits.length - nearest.length,
  };
}

const STUDIED = new WeakMap<CompiledPolicies, readonly Studied[]>();

/** All policies on the action of a question. */
export function studiedFor({ inside }: ActivePolicies, { action }: CedarQuestion): readonly Studied[] {
  const all = action.id === 'access' ? inside.access : inside.manage;
  const known = STUDIED.get(all);
  if (known !== undefined) return known;
  const parsedById = new Map(all.policies.map((policy) => [policy.id, policy]));
  const studied = all.set.policies.flatMap((runnable) => {
    const parsed = parsedById.get(runnable.id);
    return parsed === undefined ? [] : [{ parsed, runnable }];
  });
  STUDIED.set(all, studied);
  return studied;
}

const ANYBODY = { type: undefined, relation: undefined, entities: [] };

/** Permits whose action and resource fit, those first of which the least is missing; of more than `most`, the first are compared. */
export function nearestPermits(studied: readonly Studied[], question: Question, most = Infinity): Studied[] {
  const fitting: Studied[] = [];
  for (const one of studied) {
    if (fitting.length >= most) break;
    const { runnable } = one;
    if (runnable.effect === 'permit' && isInScope({ ...runnable, principal: ANYBODY }, question)) fitting.push(one);
  }
  return fitting
    .map((one) => ({ one, missing: missingOf(one, question) }))
    .sort((a, b) => a.missing - b.missing || a.one.runnable.order - b.one.runnable.order)
    .map(({ one }) => one);
}

function missingOf({ parsed, runnable }: Studied, question: Question): number {
  const failed = clausesOf(parsed.est).filter((clause) => holds(clause, question) !== true).length;
  return failed + (isInScope(runnable, question) ? 0 : 1);
}

function explained(
  { inside }: ActivePolicies,
  studied: Studied,
  { question, role }: { readonly question: Question; readonly role: ExplainedPolicy['role'] },
): ExplainedPolicy {
  const { id, est, place, statement } = studied.parsed;
  return {
    id,
    effect: est.effect,
    title: inside.meanings.get(id)?.title ?? '',
    builtin: place.file === id,
    source: spanAt(place, statement.offset, statement.text.length),
    role,
    clauses: explainedClauses(studied, question),
  };
}

function explainedClauses({ parsed, runnable }: Studied, question: Question): ExplainedClause[] {
  const clauses: ExplainedClause[] = [];
  const scope = scopeClause(parsed.est.principal, isInScope(runnable, question), question);
  if (scope !== undefined) clauses.push(scope);
  if (scope?.outcome === 'failed') return clauses;
  for (const clause of clausesOf(parsed.est)) {
    const one = explainedClause(clause, question);
    clauses.push(one);
    if (one.outcome !== 'held') break;
  }
  return clauses;
}

function explainedClause(clause: Clause, question: Question): ExplainedClause {
  const outcome = holds(clause, question);
  const text = clauseText(clause);
  const facts = factsOf(clause.est, question);
  if (outcome instanceof Failure) return { text, outcome: 'error', facts, error: outcome.message };
  return { text, outcome: outcome ? 'held' : 'failed', facts };
}

/** What the scope asks of the principal, as a clause; undefined when it asks nothing. The rest of the scope fits already. */
function scopeClause(scope: EstScope, isMet: boolean, question: Question): ExplainedClause | undefined {
  const text = scopeText(scope);
  if (text === undefined) return undefined;
  const value = `${uidText(question.principal)}${groupsText(question.principal, question)}`;
  return { text, outcome: isMet ? 'held' : 'failed', facts: [{ expression: 'principal', value }] };
}

function scopeText(scope: EstScope): string | undefined {
  const { op, entity, entity_type: type } = scope;
  if (op === '==' || op === 'in') return entity === undefined ? undefined : `principal ${op} ${uidText(entity)}`;
  if (op === 'All') return undefined;
  const inside = scope.in?.entity;
  return `principal is ${type ?? ''}${inside === undefined ? '' : ` in ${uidText(inside)}`}`;
}
