import { labelled } from './labels.ts';
import type { Rule } from './rule.ts';

const ENVIRONMENTS = {
  prod: 0.6,
  production: 0.6,
  prd: 0.6,
  live: 0.6,
  staging: 0.3,
  stage: 0.3,
  preprod: 0.3,
  uat: 0.3,
  qa: 0,
  test: 0,
  testing: 0,
  dev: 0,
  development: 0,
  sandbox: 0,
};

const CRITICALITIES = {
  critical: 1,
  missioncritical: 1,
  crownjewel: 1,
  t0: 1,
  tier0: 1,
  high: 0.8,
  t1: 0.8,
  tier1: 0.8,
  medium: 0.4,
  t2: 0.4,
  tier2: 0.4,
  low: 0,
  t3: 0,
  tier3: 0,
};

const REGIMES = { pci: 0.6, pcidss: 0.6, hipaa: 0.6, sox: 0.6, gdpr: 0.5, fedramp: 0.6, soc2: 0.4, iso27001: 0.4 };

function labelRule(
  id: string,
  names: readonly string[],
  strengths: Readonly<Record<string, number>>,
  means: string,
): Rule {
  return {
    id,
    version: 1,
    factor: 'M',
    judge: (asset) =>
      labelled(asset, names, strengths).map(({ label, s, evidence }) => ({
        s,
        reason: `label ${label}: ${means}`,
        evidence,
      })),
  };
}

/** Factor M: how much the organisation's mission depends on it, as its owners say by labels. */
export const MISSION_RULES: readonly Rule[] = [
  labelRule('label-environment', ['env', 'environment', 'stage'], ENVIRONMENTS, 'the environment it serves'),
  labelRule(
    'label-criticality',
    ['criticality', 'tier', 'businesscriticality', 'importance', 'servicetier'],
    CRITICALITIES,
    "the owner's own rating",
  ),
  labelRule('label-compliance', ['compliance', 'regulation', 'compliancescope'], REGIMES, 'a regime that binds it'),
];
