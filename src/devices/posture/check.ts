import type { PostureOutcome, PostureResult } from '#model';
import type { Facts, Observed } from '#wire';

/** What a check concludes. A `fail` must say how to fix it. */
export interface Judgement {
  readonly outcome: PostureOutcome;
  readonly detail: string;
  readonly fix?: string;
}

/** One posture check: a pure judgement of facts. The catalogue in `catalogue.ts` lists them all. */
export interface PostureCheck {
  readonly id: string;
  readonly title: string;
  /** A required check that stays `unknown` leaves the device `unknown`; an optional one does not. */
  readonly required: boolean;
  /** What passes, as one sentence for the reference. */
  readonly passes: string;
  readonly judge: (facts: Facts, now: number) => Judgement;
}

/** Judges the value of a fact that was seen; a fact that was not is `unknown` with the agent's reason, never a pass. */
export function ifSeen<T>(fact: Observed<T>, judge: (value: T) => Judgement): Judgement {
  if ('unknown' in fact) {
    return {
      outcome: 'unknown',
      detail: fact.unknown === '' ? 'the agent could not see it' : fact.unknown,
      fix: 'run the agent as root on a supported Linux distribution and see its log',
    };
  }
  return judge(fact.value);
}

/** The result of a check as it is stored and shown. */
export function resultOf(check: PostureCheck, judgement: Judgement): PostureResult {
  const { outcome, detail, fix } = judgement;
  return { check: check.id, title: check.title, outcome, detail, ...(fix === undefined ? {} : { fix }) };
}
