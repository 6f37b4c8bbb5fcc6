import type { Acr, ReasonCode, Remedy, Tier } from '#model';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** What a tier demands at least. All times in seconds. */
export interface TierDemand {
  readonly tier: Tier;
  readonly name: string;
  readonly mfa:
    | 'any two factors'
    | 'two factors, neither by e-mail nor SMS'
    | 'a passkey or security key'
    | 'a security key or device-bound passkey, with PIN or biometrics';
  /** The authentication class that satisfies `mfa`: what a step-up has to reach. */
  readonly acr: Acr;
  readonly signInAgeAtMost: number;
  readonly device: 'known' | 'healthy' | 'managed and healthy';
  /** The last posture report must be younger. */
  readonly postureYoungerThan?: number;
  /** Risk scores of user and device must stay below. */
  readonly riskBelow?: number;
  /** A replica of the trust graph may be this old. */
  readonly replicaStaleAtMost: number;
}

/** The table of minimums: one row per tier. Every number that a guardrail uses stands here and nowhere else. */
// biome-ignore format: a table is read by column
export const TIER_DEMANDS: readonly TierDemand[] = [
  { tier: 3, name: 'ordinary', mfa: 'any two factors', acr: 'urn:cordon:aal2',
    signInAgeAtMost: 12 * HOUR, device: 'known', replicaStaleAtMost: 10 * MINUTE },
  { tier: 2, name: 'important', mfa: 'two factors, neither by e-mail nor SMS', acr: 'urn:cordon:aal2',
    signInAgeAtMost: 8 * HOUR, device: 'healthy', postureYoungerThan: 24 * HOUR, riskBelow: 70, replicaStaleAtMost: 5 * MINUTE },
  { tier: 1, name: 'critical', mfa: 'a passkey or security key', acr: 'urn:cordon:aal2-phr',
    signInAgeAtMost: HOUR, device: 'managed and healthy', postureYoungerThan: HOUR, riskBelow: 70, replicaStaleAtMost: MINUTE },
  { tier: 0, name: 'crown jewel', mfa: 'a security key or device-bound passkey, with PIN or biometrics', acr: 'urn:cordon:aal3',
    signInAgeAtMost: 15 * MINUTE, device: 'managed and healthy', postureYoungerThan: 5 * MINUTE, riskBelow: 30, replicaStaleAtMost: 10 },
];

/** What an app's own `device: healthy` demands, and what changing Cordon itself demands. Times in seconds. */
export const OTHER_DEMANDS: {
  readonly appPostureYoungerThan: number;
  readonly manageSignInAgeAtMost: number;
  readonly manageAcr: Acr;
  readonly manageReplicaStaleAtMost: number;
} = {
  appPostureYoungerThan: 24 * HOUR,
  manageSignInAgeAtMost: 8 * HOUR,
  manageAcr: 'urn:cordon:aal2',
  manageReplicaStaleAtMost: MINUTE,
};

/** What a step-up has to reach. */
export interface StepUp {
  readonly acr: Acr;
  readonly maxAgeSeconds: number;
}

/** A built-in forbid policy. It can be tuned through the table, never removed. */
export interface Guardrail {
  /** For example `guardrail.t1.mfa`. */
  readonly id: string;
  readonly title: string;
  readonly reason: ReasonCode;
  readonly remedy: Remedy;
  /** The limit in words, to be shown beside what was found. */
  readonly limit: string;
  /** What satisfies it, when the remedy is a step-up. */
  readonly stepUp?: StepUp;
  /** The Cedar policy. */
  readonly text: string;
}

type Subject = { readonly prefix: string; readonly what: string; readonly scope: string; readonly when: string };
type Rule = Pick<Guardrail, 'title' | 'reason' | 'remedy' | 'limit'> & {
  readonly name: string;
  readonly condition: string;
  readonly stepUp?: StepUp;
};

function guardrail(subject: Subject, rule: Rule): Guardrail {
  const id = `${subject.prefix}.${rule.name}`;
  const title = `${subject.what} ${rule.title}`;
  const when = [subject.when, rule.condition].filter((part) => part !== '').join(' && ');
  const goal =
    rule.stepUp === undefined ? '' : `@acr("${rule.stepUp.acr}")\n@max_age("${rule.stepUp.maxAgeSeconds}s")\n`;
  const text = `@id("${id}")
@title("${title}")
@reason("${rule.reason}")
@remedy("${rule.remedy}")
${goal}forbid (${subject.scope})
when { ${when} };
`;
  const { reason, remedy, limit, stepUp } = rule;
  return { id, title, reason, remedy, limit, ...(stepUp === undefined ? {} : { stepUp }), text };
}

const MFA_FAILS: Readonly<Record<TierDemand['mfa'], string>> = {
  'any two factors': 'context.session.aal < 2',
  'two factors, neither by e-mail nor SMS':
    '(context.session.aal < 2 || context.session.amr.containsAny(["sms", "tel", "email"]))',
  'a passkey or security key': '(context.session.aal < 2 || !context.session.phishingResistant)',
  'a security key or device-bound passkey, with PIN or biometrics':
    '!(context.session.phishingResistant && context.session.deviceBoundKey && context.session.userVerified)',
};

function tierGuardrails(demand: TierDemand): Guardrail[] {
  const { tier, acr, signInAgeAtMost, riskBelow } = demand;
  const stepUp: StepUp = { acr, maxAgeSeconds: signInAgeAtMost };
  const subject: Subject = {
    prefix: `guardrail.t${tier}`,
    what: `T${tier} (${demand.name})`,
    scope: 'principal, action == Action::"access", resource',
    when: `resource.tier == ${tier}`,
  };
  const rules: Rule[] = [
    {
      name: 'mfa',
      title: `needs ${demand.mfa}`,
      reason: 'mfa-too-weak',
      remedy: 'step-up',
      limit: demand.mfa,
      condition: MFA_FAILS[demand.mfa],
      stepUp,
    },
    signInAgeRule(signInAgeAtMost, stepUp),
    ...deviceRules(demand.device, demand.postureYoungerThan),
  ];
  if (riskBelow !== undefined) {
    rules.push({
      name: 'risk',
      title: `needs user and device risk below ${riskBelow}`,
      reason: 'risk-too-high',
      remedy: 'wait',
      limit: `below ${riskBelow}`,
      condition: `(context.risk.user >= ${riskBelow} || context.risk.device >= ${riskBelow})`,
    });
  }
  return rules.map((rule) => guardrail(subject, rule));
}

function signInAgeRule(seconds: number, stepUp: StepUp): Rule {
  return {
    name: 'sign-in-age',
    title: `needs a sign-in at most ${words(seconds)} old`,
    reason: 'sign-in-too-old',
    remedy: 'step-up',
    limit: `at most ${words(seconds)}`,
    condition: `context.session.ageSeconds > ${seconds}`,
    stepUp,
  };
}

/**
 * Splits one demand into the reasons a person can act on. INVARIANT: at least one of them denies exactly when the device is not
 * (known, managed if demanded, healthy if demanded, checked recently enough); each later one assumes the earlier are met.
 */
function deviceRules(device: TierDemand['device'] | 'managed', postureYoungerThan: number | undefined): Rule[] {
  const isManaged = device.startsWith('managed');
  const rules: Rule[] = [
    {
      name: 'device-known',
      title: 'needs a known device',
      reason: 'device-unknown',
      remedy: 'enrol-device',
      limit: 'known',
      condition: '!context.device.known',
    },
  ];
  if (isManaged) {
    rules.push({
      name: 'device-managed',
      title: 'needs a managed device',
      reason: 'device-unmanaged',
      remedy: 'enrol-device',
      limit: 'managed',
      condition: 'context.device.known && !context.device.managed',
    });
  }
  if (postureYoungerThan === undefined) return rules;
  const reached = `context.device.known${isManaged ? ' && context.device.managed' : ''}`;
  const limit = `healthy, checked less than ${words(postureYoungerThan)} ago`;
  const isUndecided = '!context.device.healthy && context.device.failing.isEmpty()';
  rules.push(
    {
      name: 'device-fresh',
      title: `needs a device checked less than ${words(postureYoungerThan)} ago`,
      reason: 'device-stale',
      remedy: 'fix-posture',
      limit,
      condition: `${reached} && (context.device.postureAgeSeconds >= ${postureYoungerThan} || (${isUndecided}))`,
    },
    {
      name: 'device-healthy',
      title: 'needs a healthy device',
      reason: 'device-unhealthy',
      remedy: 'fix-posture',
      limit,
      condition:
        `${reached} && context.device.postureAgeSeconds < ${postureYoungerThan}` +
        ' && !context.device.healthy && !context.device.failing.isEmpty()',
    },
  );
  return rules;
}

/** The app's own demand, whatever its tier: `known`, `managed` or `healthy`, each including those before it. */
function appGuardrails(): Guardrail[] {
  const { appPostureYoungerThan } = OTHER_DEMANDS;
  const demands: [string, Rule[]][] = [
    ['known', deviceRules('known', undefined)],
    ['managed', deviceRules('managed', undefined)],
    ['healthy', deviceRules('managed and healthy', appPostureYoungerThan)],
  ];
  return demands.flatMap(([demand, rules]) =>
    rules.map((rule) =>
      guardrail(
        {
          prefix: `guardrail.app-${demand}`,
          what: `An app that asks for a ${demand} device`,
          scope: 'principal, action == Action::"access", resource',
          when: `resource.device == "${demand}"`,
        },
        rule,
      ),
    ),
  );
}

function manageGuardrails(): Guardrail[] {
  const { manageAcr, manageSignInAgeAtMost } = OTHER_DEMANDS;
  const stepUp: StepUp = { acr: manageAcr, maxAgeSeconds: manageSignInAgeAtMost };
  const subject: Subject = {
    prefix: 'guardrail.manage',
    what: 'Cordon itself',
    scope: 'principal, action in [Action::"view", Action::"manage"], resource',
    when: '',
  };
  const mfa: Rule = {
    name: 'mfa',
    title: 'needs any two factors',
    reason: 'mfa-too-weak',
    remedy: 'step-up',
    limit: 'any two factors',
    condition: MFA_FAILS['any two factors'],
    stepUp,
  };
  return [guardrail(subject, mfa), guardrail(subject, signInAgeRule(manageSignInAgeAtMost, stepUp))];
}

/** Seconds in words: `12 h`, `15 min`, `10 s`. */
export function words(seconds: number): string {
  if (seconds % HOUR === 0) return `${seconds / HOUR} h`;
  return seconds % MINUTE === 0 ? `${seconds / MINUTE} min` : `${seconds} s`;
}

/** All guardrails, in the order of the table. `docs/reference/guardrails.md` lists the same. */
export const GUARDRAILS: readonly Guardrail[] = [
  ...TIER_DEMANDS.flatMap(tierGuardrails),
  ...appGuardrails(),
  ...manageGuardrails(),
];

/** Who may see and change Cordon. Part of the product: a bundle can forbid more, never take these away by mistake. */
export const BUILT_IN_PERMITS: readonly { readonly id: string; readonly title: string; readonly text: string }[] = [
  {
    id: 'builtin.admins',
    title: 'Group admins may view and change Cordon',
    text: `@id("builtin.admins")
@title("Group admins may view and change Cordon")
permit (principal in Group::"admins", action in [Action::"view", Action::"manage"], resource);
`,
  },
  {
    id: 'builtin.analysts',
    title: 'Group analysts may view Cordon',
    text: `@id("builtin.analysts")
@title("Group analysts may view Cordon")
permit (principal in Group::"analysts", action == Action::"view", resource);
`,
  },
];

/** The row of a tier; an unknown tier is a crown jewel. */
export function demandOf(tier: number): TierDemand {
  const crown = TIER_DEMANDS[TIER_DEMANDS.length - 1];
  const found = TIER_DEMANDS.find((demand) => demand.tier === tier) ?? crown;
  if (found === undefined) throw new Error('the table of tiers is empty');
  return found;
}
