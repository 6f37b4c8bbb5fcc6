import type { Evaluation, Party } from './request.ts';
import { deny, type Verdict } from './verdict.ts';

/** What answers questions: Cordon's own graph and policies, or the model of an application. */
export interface DecisionModel {
  /** Answers one question. Never throws; whatever it does not know it denies by name. */
  evaluate(question: Evaluation): Verdict;
  /** Ids that a search tries, in order and without repetition; undefined: the type is not known. */
  idsOf(sought: 'subject' | 'resource', type: string): readonly string[] | undefined;
  /** Names of actions that a search tries, in order. */
  readonly actions: readonly string[];
  /** The forms in which a found id is tried; the first that is permitted is the result. */
  formsOf(sought: 'subject' | 'resource', found: Party): readonly Party[];
}

/** Answers in the place of a model that nobody has declared. */
export const NO_MODEL: DecisionModel = {
  evaluate: () => deny('model-unknown'),
  idsOf: () => undefined,
  actions: [],
  formsOf: () => [],
};
