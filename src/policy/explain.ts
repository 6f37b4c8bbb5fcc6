import { formatDuration } from '#base';
import { ACR_VALUES, type Reason, type ReasonCode, type Remedy, riskLevel, type Session } from '#model';
import { REMEDY_ORDER } from './annotations.ts';
import { GUARDRAILS, type StepUp } from './guardrails.ts';
import type { ActivePolicies } from './load.ts';
import type { Facts, Situation } from './mapping.ts';

const GUARDRAIL_BY_ID = new Map(GUARDRAILS.map((guardrail) => [guardrail.id, guardrail]));

/** What a denial says: reasons, what to do, and what a step-up has to reach. */
export interface Denial {
  readonly reasons: readonly Reason[];
  readonly remedies: readonly Remedy[];
  readonly stepUp?: StepUp;
}

/** Explains a denial by forbid policies. A way forward is offered only when every one of them has one. */
export function explainForbids(policies: ActivePolicies, ids: readonly string[], facts: ExplainedFacts): Denial {
  const reasons = ids.map((id) => reasonOf(policies, id, facts));
  if (!reasons.every((reason) => reason.remedy !== undefined)) return { reasons, remedies: [] };
  const demands = ids.flatMap((id) => policies.inside.meanings.get(id)?.stepUp ?? []);
  const stepUp = strictest(demands);
  return { reasons, remedies: remediesOf(reasons), ...(stepUp === undefined ? {} : { stepUp }) };
}

/** What an explanation may refer to. */
export interface ExplainedFacts {
  readonly situation: Situation;
  readonly risk: Facts['risk'];
}

function remediesOf(reasons: readonly Reason[]): Remedy[] {
  const wanted = new Set(reasons.map((reason) => reason.remedy));
  return REMEDY_ORDER.filter((remedy) => wanted.has(remedy));
}

function strictest(demands: readonly StepUp[]): StepUp | undefined {
  const rank = Math.max(...demands.map(({ acr }) => ACR_VALUES.indexOf(acr)));
  const acr = ACR_VALUES[rank];
  return acr === undefined
    ? undefined
    : { acr, maxAgeSeconds: Math.min(...demands.map((demand) => demand.maxAgeSeconds)) };
}

function reasonOf(policies: ActivePolicies, id: string, facts: ExplainedFacts): Reason {
  const meaning = policies.inside.meanings.get(id);
  const code = meaning?.reason ?? 'forbidden';
  const guardrail = GUARDRAIL_BY_ID.get(id);
  const detail = guardrail === undefined ? meaning?.title : guardrailDetail(code, guardrail, facts);
  const remedy = remedyFor(code, meaning?.remedy, facts);
  return {
    code,
    policyId: id,
    ...(detail === undefined ? {} : { detail }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/** A browser sends no health reports, so waiting for one helps nobody: the way there is an agent. */
function remedyFor(code: ReasonCode, remedy: Remedy | undefined, { situation }: ExplainedFacts): Remedy | undefined {
  return code === 'device-stale' && situation.device?.form === 'browser' ? 'enrol-device' : remedy;
}

function guardrailDetail(
  code: ReasonCode,
  { limit, title }: { readonly limit: string; readonly title: string },
  { situation, risk }: ExplainedFacts,
): string {
  const { session, device, now } = situation;
  switch (code) {
    case 'mfa-too-weak':
      return `needs ${limit}; signed in with ${signInWords(session)}`;
    case 'sign-in-too-old':
      return `signed in ${formatDuration(Math.max(0, now - session.authenticatedAt))} ago; ${limit} is allowed`;
    case 'device-unknown':
      return device === undefined ? 'no device was recognised' : `\`${device.name}\` is not this person's device`;
    case 'device-unmanaged':
      return `\`${device?.name ?? ''}\` is not managed`;
    case 'device-stale':
      return staleDetail(situation, limit);
    case 'device-unhealthy':
      return (device?.posture?.results ?? [])
        .filter((result) => result.outcome === 'fail')
        .map(({ check, detail, fix }) => `${check}: ${detail}${fix === undefined ? '' : ` (fix: ${fix})`}`)
        .join('; ');
    case 'risk-too-high':
      return riskDetail(risk, limit);
    default:
      return title;
  }
}

/** How somebody signed in, in words for that person. */
function signInWords({ acr, amr }: Pick<Session, 'acr' | 'amr'>): string {
  if (acr === 'urn:cordon:aal3') return 'a device-bound passkey';
  if (acr === 'urn:cordon:aal2-phr') return 'a passkey';
  if (acr === 'urn:cordon:aal1') return 'one factor';
  if (amr.some((method) => ['sms', 'tel', 'email'].includes(method))) return 'a code by e-mail or SMS';
  if (amr.includes('otp')) return 'a password and a code';
  // Enrolling a passkey shows that there is one, not yet that it can be used here.
  return amr.some((method) => ['swk', 'hwk'].includes(method)) ? 'a password only so far' : 'two factors';
}

function staleDetail({ device, now }: Situation, limit: string): string {
  const posture = device?.posture;
  if (posture === undefined) return `\`${device?.name ?? ''}\` has never reported its health; it must be ${limit}`;
  const age = now - posture.collectedAt;
  if (age < 0) return `the last health report comes from the future; the device must be ${limit}`;
  return `the last health report is ${formatDuration(age)} old, its verdict ${posture.verdict}; the device must be ${limit}`;
}

function riskDetail(risk: Facts['risk'], limit: string): string {
  const say = (name: string, score: number): string => `${name} ${score} of 100 (${riskLevel(score)})`;
  return `risk of ${say('user', risk.user)}, of ${say('device', risk.device)}; must be ${limit}`;
}
