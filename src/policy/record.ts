import type { Json } from '#base';
import type { Decision } from '#model';
import { type AccessInput, evidenceOf, type ManageInput } from './decide.ts';
import { questionText } from './question-text.ts';

/** Format of the journalled form; another number is not read. */
export const RECORD_VERSION = 1;

/**
 * The journalled form of a decision: what was asked, about which slice of the graph, and what came out. It holds all that
 * `replay` needs. For a decision that `decide…` did not make, there is nothing to record but that.
 */
export function decisionRecord(input: AccessInput | ManageInput, decision: Decision): { readonly [key: string]: Json } {
  const evidence = evidenceOf(decision);
  return {
    version: RECORD_VERSION,
    proven: evidence !== undefined,
    byPolicy: evidence?.facts !== undefined,
    who: whoOf(input),
    what: whatOf(input),
    // The question is plain JSON by construction: it went to Cedar as such.
    request: (evidence?.question() ?? null) as unknown as Json,
    decision: outcomeOf(decision) as unknown as Json,
  };
}

/**
 * The JSON of `decisionRecord` for a proven decision, put together from parts that are kept as long as what they are about. Throws for a
 * decision that was not made here.
 */
export function decisionText(decision: Decision): string {
  const evidence = evidenceOf(decision);
  if (evidence === undefined) throw new Error('this decision was not made here');
  const { input, facts } = evidence;
  const request = facts === undefined ? 'null' : questionText(facts);
  return `{"version":${RECORD_VERSION},"proven":true,"byPolicy":${facts !== undefined},"who":${JSON.stringify(whoOf(input))},"what":${JSON.stringify(whatOf(input))},"request":${request},"decision":${outcomeText(decision)}}`;
}

function whoOf(input: AccessInput | ManageInput): string {
  const session = 'request' in input ? input.request.session : input.session;
  return session === undefined ? '' : (input.graph.get('user', session.userId)?.email ?? '');
}

function whatOf(input: AccessInput | ManageInput): string {
  return 'request' in input ? input.request.app.name : 'Cordon';
}

function outcomeOf(decision: Decision): object {
  const { effect, reasons, policies, remedies, errors, graphSeq, policyVersion, stepUp } = decision;
  const outcome = { effect, reasons, policies, remedies, errors, graphSeq, policyVersion };
  return stepUp === undefined ? outcome : { ...outcome, stepUp };
}

/** What permits say, without when, by their reasons: all permits by one policy share these (see `decide.ts`). */
const permitTexts = new WeakMap<Decision['reasons'], string>();

function outcomeText(decision: Decision): string {
  const { effect, reasons, policies, remedies, errors, graphSeq, policyVersion } = decision;
  if (effect !== 'permit' || errors.length > 0) return JSON.stringify(outcomeOf(decision));
  let text = permitTexts.get(reasons);
  if (text === undefined) {
    text = JSON.stringify({ effect, reasons, policies, remedies, errors }).slice(0, -1);
    permitTexts.set(reasons, text);
  }
  return `${text},"graphSeq":${graphSeq},"policyVersion":${policyVersion}}`;
}
