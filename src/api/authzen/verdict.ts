import { REASONS, type ReasonCode, type User } from '#model';
import type { Json } from '#base';

/** Why something is denied. */
export interface VerdictReason {
  readonly code: ReasonCode;
  /** Ids of the policies behind it. */
  readonly policies: readonly string[];
  /** About what the client itself sent, never about anybody. */
  readonly detail?: string | undefined;
}

/** The answer of a model to one question. */
export interface Verdict {
  readonly isPermit: boolean;
  /** Empty for a permit. */
  readonly reasons: readonly VerdictReason[];
  /** What the person would have to prove again for another answer. */
  readonly stepUp?: { readonly acr: string; readonly maxAgeSeconds: number } | undefined;
  /** Present when every decision is recorded, and not only some. */
  readonly record?: VerdictRecord | undefined;
}

/** What the journal holds about a decision of Cordon's own model. */
export interface VerdictRecord {
  readonly user: User | undefined;
  readonly cordon: { readonly [key: string]: Json };
  /** True: a permit that cannot be recorded is a denial. */
  readonly isMust: boolean;
}

/** The permit. */
export const PERMIT: Verdict = { isPermit: true, reasons: [] };

/** A denial for one reason. */
export function deny(code: ReasonCode, detail?: string, policies: readonly string[] = []): Verdict {
  return { isPermit: false, reasons: [{ code, policies, ...(detail === undefined ? {} : { detail }) }] };
}

/** The denial that needs no more words. */
export const NO_PERMIT: Verdict = deny('no-permit');

const PERMIT_TEXT = '{"decision":true}';
const NO_PERMIT_TEXT = denialText(NO_PERMIT);

/** The verdict as an access evaluation response. */
export function verdictText(verdict: Verdict): string {
  if (verdict.isPermit) return PERMIT_TEXT;
  return verdict === NO_PERMIT ? NO_PERMIT_TEXT : denialText(verdict);
}

/** The response to an evaluation that could not be read, inside of a list. */
export function errorText(message: string): string {
  return JSON.stringify({ decision: false, context: { error: { status: 400, message } } });
}

function denialText(verdict: Verdict): string {
  return JSON.stringify({ decision: false, context: denialContext(verdict) });
}

/** For the administrator what decided, for the person what it means; keyed by the codes of the catalogue. */
export function denialContext({ reasons, stepUp }: Verdict): object {
  const forAdmin: Record<string, string> = {};
  const forUser: Record<string, string> = {};
  for (const { code, policies, detail } of reasons) {
    const { title } = REASONS[code];
    const more = detail ?? policies.join(', ');
    const before = forAdmin[code];
    if (before === undefined) forAdmin[code] = more === '' ? title : `${title}: ${more}`;
    else if (more !== '') forAdmin[code] = `${before}, ${more}`;
    forUser[code] = title;
  }
  return {
    reason_admin: forAdmin,
    reason_user: forUser,
    ...(stepUp === undefined ? {} : { acr_values: stepUp.acr, max_age: stepUp.maxAgeSeconds }),
  };
}
