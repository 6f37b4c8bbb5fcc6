import type { App, Decision, Session, TrustGraph, User } from '#model';
import { type AccessRequest, decideAccess, evidenceOf } from '../../decide.ts';
import type { ActivePolicies } from '../../load.ts';
import { accessFacts, type CedarQuestion, questionJson } from '../../mapping.ts';
import { ASSUMED_ADDRESS, assumedDevice, assumedSession, ASSUMPTIONS } from '../assumed.ts';
import { type Explanation, explainQuestion } from './explain-question.ts';
import { type Change, smallestChange } from './smallest-change.ts';

/** "Why may this person (not) open this app?" */
export interface ExplainInput {
  readonly policies: ActivePolicies;
  readonly graph: TrustGraph;
  readonly now: number;
  readonly user: User;
  readonly app: App;
  readonly method: string;
  readonly path: string;
  /** Default: the address of the session. */
  readonly address?: string;
}

/** An explained answer. */
export interface AccessExplanation extends Explanation {
  /** What the product decides for this person's newest session; absent when nobody is signed in. */
  readonly decision?: Decision;
  readonly session?: Session;
  /** What was taken for granted because nobody is signed in; empty when a session was asked about. */
  readonly assumptions: readonly string[];
  /** Present for a denial by policy, when one was found. */
  readonly change?: Change;
}

/** Questions that the search for the smallest change may ask: they stand in the way of requests for a tenth of a second or two. */
const MOST_ASKED = 1500;

/**
 * Explains by the newest session of a person, or, when there is none, by the best one that could be. It never contradicts `decideAccess`:
 * the outcome is `permit` exactly when the decision is one.
 */
export function explainAccess(input: ExplainInput): AccessExplanation {
  const { policies, graph, now, user, app } = input;
  const session = newestSession(graph, user.id, now);
  if (session === undefined) {
    const question = assumedQuestion(input);
    return { ...explainQuestion(policies, question), assumptions: ASSUMPTIONS, ...changeOf(policies, question) };
  }
  const { method, path, address = session.address } = input;
  const request: AccessRequest = { session, app, method, path, host: app.host, address, secure: true };
  const decision = decideAccess({ policies, graph, now, request });
  const question = evidenceOf(decision)?.question?.();
  const rest = { decision, session, assumptions: [] };
  // What no policy had a part in, no policy explains.
  if (question === undefined) return { outcome: 'internal', policies: [], furtherPermits: 0, ...rest };
  return { ...explainQuestion(policies, question), ...rest, ...changeOf(policies, question) };
}

function changeOf(policies: ActivePolicies, question: CedarQuestion): { change?: Change } {
  const change = smallestChange(policies, question, MOST_ASKED);
  return change === undefined || change.steps.length === 0 ? {} : { change };
}

function newestSession(graph: TrustGraph, userId: string, now: number): Session | undefined {
  let newest: Session | undefined;
  for (const session of graph.all('session')) {
    if (session.userId !== userId || session.expiresAt <= now) continue;
    if (newest === undefined || session.authenticatedAt > newest.authenticatedAt) newest = session;
  }
  return newest;
}

function assumedQuestion({
  graph,
  now,
  user,
  app,
  method,
  path,
  address = ASSUMED_ADDRESS,
}: ExplainInput): CedarQuestion {
  const situation = { graph, now, user, session: assumedSession(user, now), device: assumedDevice(user, now) };
  const facts = accessFacts(situation, app, { method, path, host: app.host, address, secure: true });
  return questionJson({ ...facts, risk: { user: 0, device: 0 } });
}

/** Questions that a page may ask: a refusal must not cost more than a few decisions. */
const MOST_ASKED_BY_A_PAGE = 20;

/**
 * What the person who was just denied could do to be let in, in words for the page of the denial. Only what concerns the person: never
 * what is stored about the app, and no policy that names somebody else. Empty when nothing was found, or nothing that may be told.
 */
export function waysIn(policies: ActivePolicies, decision: Decision): readonly string[] {
  const question = decision.effect === 'forbid' ? evidenceOf(decision)?.question?.() : undefined;
  if (question === undefined) return [];
  const steps = smallestChange(policies, question, MOST_ASKED_BY_A_PAGE)?.steps ?? [];
  const isTold = steps.every(({ about }) => about !== 'app');
  return isTold ? steps.map(({ words }) => words) : [];
}
