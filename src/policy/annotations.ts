import { err, ok, parseDuration, type Result } from '#base';
import { ACR_VALUES, type Acr, REASONS, type ReasonCode, type Remedy } from '#model';
import type { PolicyEst } from './engine.ts';
import type { StepUp } from './guardrails.ts';

/** All remedies, in the order in which a person should try them. */
export const REMEDY_ORDER: readonly Remedy[] = [
  'sign-in',
  'step-up',
  'fix-posture',
  'enrol-device',
  'request-access',
  'wait',
  'contact-administrator',
];

/** What the annotations of a policy say to the person it denies. */
export interface PolicyMeaning {
  readonly title?: string;
  readonly reason?: ReasonCode;
  readonly remedy?: Remedy;
  readonly stepUp?: StepUp;
}

/** Something wrong with an annotation; `key` is its name. */
export interface AnnotationProblem {
  readonly key: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * Reads `@title`, `@reason`, `@remedy`, and for a step-up `@acr` and `@max_age`. Codes: `reason-unknown`, `remedy-unknown`,
 * `remedy-invalid`. A step-up without a goal would send the person round in circles, so it is refused.
 */
export function readAnnotations(est: PolicyEst): Result<PolicyMeaning, AnnotationProblem[]> {
  const annotations = est.annotations ?? {};
  const problems: AnnotationProblem[] = [];
  const title = annotations['title'] ?? undefined;
  const reason = readReason(annotations, problems);
  const remedy = readRemedy(annotations, problems);
  const stepUp = remedy === 'step-up' ? readStepUp(annotations, problems) : undefined;
  if (remedy !== undefined && est.effect === 'permit')
    problems.push({
      key: 'remedy',
      code: 'remedy-invalid',
      message: 'a permit has nothing to remedy',
      hint: 'put `@remedy` on the forbid that denies',
    });
  if (problems.length > 0) return err(problems);
  return ok({
    ...(title === undefined ? {} : { title }),
    ...(reason === undefined ? {} : { reason }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(stepUp === undefined ? {} : { stepUp }),
  });
}

type Annotations = Readonly<Record<string, string | null>>;

function readReason(annotations: Annotations, problems: AnnotationProblem[]): ReasonCode | undefined {
  const value = annotations['reason'];
  if (value === undefined) return undefined;
  if (value !== null && Object.hasOwn(REASONS, value)) return value as ReasonCode;
  problems.push({
    key: 'reason',
    code: 'reason-unknown',
    message: `\`${value ?? ''}\` is not a reason`,
    hint: 'use a code of the catalogue, or say it in `@title("…")`',
  });
  return undefined;
}

function readRemedy(annotations: Annotations, problems: AnnotationProblem[]): Remedy | undefined {
  const value = annotations['remedy'];
  if (value === undefined) return undefined;
  const remedy = REMEDY_ORDER.find((known) => known === value);
  if (remedy !== undefined) return remedy;
  problems.push({
    key: 'remedy',
    code: 'remedy-unknown',
    message: `\`${value ?? ''}\` is not a remedy`,
    hint: `use one of ${REMEDY_ORDER.map((known) => `\`${known}\``).join(', ')}`,
  });
  return undefined;
}

function readStepUp(annotations: Annotations, problems: AnnotationProblem[]): StepUp | undefined {
  const acr: Acr | undefined = ACR_VALUES.find((known) => known === annotations['acr']);
  const age = parseDuration(annotations['max_age'] ?? '');
  if (acr !== undefined && age.ok && age.value >= 1000) return { acr, maxAgeSeconds: Math.floor(age.value / 1000) };
  problems.push({
    key: 'remedy',
    code: 'remedy-invalid',
    message: 'a step-up has to say what to reach',
    hint: 'add `@acr("urn:cordon:aal2-phr")` and `@max_age("15m")`',
  });
  return undefined;
}
