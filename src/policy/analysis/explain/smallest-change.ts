import { ask } from '../../decide.ts';
import { isInScope } from '../../evaluate/policy.ts';
import type { Question } from '../../evaluate/question.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { clausesOf, holds } from '../clause/clause.ts';
import { toQuestion } from '../clause/to-question.ts';
import { type Act, PERSONAL_ACTS } from './acts.ts';
import { nearestPermits, type Studied, studiedFor } from './explain-question.ts';
import { proposalsFor, proposalsForScope } from './proposals.ts';

/** What would have to be otherwise for the policies to permit. */
export interface Change {
  readonly steps: readonly Pick<Act, 'words' | 'about'>[];
  /** The question with all of them, which the policies permit. */
  readonly question: CedarQuestion;
}

/** More things at once than anybody does to open an app. */
const MOST_STEPS = 4;
/** Permits whose missing parts are considered. */
const MOST_PERMITS = 8;
/** Looking at a permit costs far less than asking a question. */
const PERMITS_PER_QUESTION = 10;
/** Policies that all questions together may evaluate: a tenth of a second, even when every policy is about everybody and everything. */
const MOST_EVALUATED = 100_000;
/** Guesses that are tried, beside what the person can do. */
const MOST_PROPOSALS = 12;

/**
 * The smallest change after which the policies permit: the fewest steps, and of equally many those that cost least. Every change is asked
 * before it is told, so one that is told is permitted. No steps for what is permitted already. `most` bounds the questions; undefined when
 * none was found within it.
 */
export function smallestChange(policies: ActivePolicies, asked: CedarQuestion, most: number): Change | undefined {
  const question = toQuestion(asked);
  if (!question.ok) return undefined;
  const studied = studiedFor(policies, asked);
  const acts = candidates(studied, { asked, question: question.value, most });
  const inScope = studied.filter(({ runnable }) => isInScope(runnable, question.value)).length;
  let left = Math.min(most, Math.ceil(MOST_EVALUATED / Math.max(1, inScope)));
  if (ask(policies, asked).outcome === 'permit') return { steps: [], question: asked };
  for (let size = 1; size <= MOST_STEPS; size += 1) {
    for (const steps of choices(acts, size)) {
      if (left === 0) return undefined;
      left -= 1;
      const changed = steps.reduce((question, act) => act.apply(question), asked);
      if (ask(policies, changed).outcome === 'permit')
        return { steps: steps.map(({ words, about }) => ({ words, about })), question: changed };
    }
  }
  return undefined;
}

/** All sets of `size` acts, at most one of each slot, those first that cost least. */
function choices(acts: readonly Act[], size: number): Act[][] {
  const found: Act[][] = [];
  const choose = (chosen: readonly Act[], from: number): void => {
    if (chosen.length === size) {
      found.push([...chosen]);
      return;
    }
    for (let at = from; at < acts.length; at += 1) {
      const act = acts[at];
      if (act !== undefined && !chosen.some(({ slot }) => slot === act.slot)) choose([...chosen, act], at + 1);
    }
  };
  choose([], 0);
  const cost = (steps: readonly Act[]): number => steps.reduce((sum, act) => sum + act.cost, 0);
  return found.sort((a, b) => cost(a) - cost(b));
}

/** What could be otherwise: what the nearest permits miss, what the forbids object to, and what people can always do. */
function candidates(
  studied: readonly Studied[],
  { asked, question, most }: { readonly asked: CedarQuestion; readonly question: Question; readonly most: number },
): Act[] {
  const proposed = proposals(studied, question, most * PERMITS_PER_QUESTION);
  const seen = new Set<string>();
  const fresh = proposed.filter(({ words }) => !seen.has(words) && seen.add(words)).slice(0, MOST_PROPOSALS);
  return [...PERSONAL_ACTS, ...fresh].filter((act) => act.apply(asked) !== asked);
}

function proposals(studied: readonly Studied[], question: Question, mostPermits: number): Act[] {
  const forPermits = nearestPermits(studied, question, mostPermits)
    .slice(0, MOST_PERMITS)
    .flatMap(({ parsed, runnable }) => [
      ...(isInScope(runnable, question) ? [] : proposalsForScope(parsed.est.principal)),
      ...clausesOf(parsed.est)
        .filter((clause) => holds(clause, question) !== true)
        .flatMap((clause) => proposalsFor(clause, true)),
    ]);
  const againstForbids = studied
    .filter(({ runnable }) => runnable.effect === 'forbid' && isInScope(runnable, question))
    .flatMap(({ parsed }) => {
      const clauses = clausesOf(parsed.est);
      // One clause that fails is enough. A forbid that does not hold now may come to hold by another step.
      return clauses.every((clause) => holds(clause, question) === true)
        ? clauses.flatMap((clause) => proposalsFor(clause, false))
        : [];
    });
  return [...forPermits, ...againstForbids];
}
