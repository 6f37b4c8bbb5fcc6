import type { ReasonCode } from './reason.ts';

/** What a person can do about a denial, so that the answer is a way forward and not a wall. */
export type Remedy =
  | 'step-up'
  | 'sign-in'
  | 'enrol-device'
  | 'fix-posture'
  | 'request-access'
  | 'wait'
  | 'contact-administrator';

/** Why a decision came out as it did. */
export interface Reason {
  readonly code: ReasonCode;
  /** What exactly was found, for this request; no other people's data. */
  readonly detail?: string;
  /** Id of the policy or guardrail behind it. */
  readonly policyId?: string;
  readonly remedy?: Remedy;
}

/** The product's answer to "may P do A to R now?". Only `decide` makes proven ones. */
export interface Decision {
  readonly effect: 'permit' | 'forbid';
  readonly reasons: readonly Reason[];
  /** Ids of the determining policies. */
  readonly policies: readonly string[];
  /** In the order to try them; empty when there is nothing the person can do. */
  readonly remedies: readonly Remedy[];
  /** What a step-up has to reach; present when `remedies` holds `step-up`. */
  readonly stepUp?: { readonly acr: string; readonly maxAgeSeconds: number };
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  readonly graphSeq: number;
  readonly policyVersion: number;
}
