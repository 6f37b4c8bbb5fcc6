import type { Problem } from '#base';
import {
  type CedarComplaint,
  checkPolicies,
  parsePolicy,
  type PolicyParts,
  type SchemaSource,
  validatePolicies,
} from './engine.ts';
import { type ParsedPolicy, toProblem } from './parse-policy.ts';

/** What Cedar says of policies: what is wrong with them, and what is legal but suspicious. */
export interface Acceptance {
  readonly problems: Problem[];
  readonly warnings: Problem[];
}

/** So many policies are given to Cedar at a time; its memory never shrinks again. */
const CHUNK = 1000;

/**
 * Asks Cedar whether it accepts policies: with a schema strictly, without one as text. Each policy is judged by itself, so that a large
 * set can be judged in pieces.
 */
export function acceptance(
  policies: readonly ParsedPolicy[],
  links: PolicyParts['templateLinks'],
  schema: SchemaSource | undefined,
): Acceptance {
  const found: Acceptance = { problems: [], warnings: [] };
  const fixed = policies.filter(({ statement }) => !statement.isTemplate);
  for (let from = 0; from < fixed.length; from += CHUNK) judge(fixed.slice(from, from + CHUNK), [], schema, found);
  const templates = policies.filter(({ statement }) => statement.isTemplate);
  if (templates.length > 0) judge(templates, links, schema, found);
  return found;
}

function judge(
  policies: readonly ParsedPolicy[],
  links: PolicyParts['templateLinks'],
  schema: SchemaSource | undefined,
  found: Acceptance,
): void {
  const parts = partsOf(policies, links);
  const { unreadable, errors, warnings } =
    schema === undefined ? checkPolicies(parts) : validatePolicies(parts, schema);
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  if (unreadable.length > 0) found.problems.push(...syntaxProblems(policies, unreadable));
  found.problems.push(...errors.map((complaint) => problemOf('policy-invalid', complaint, byId)));
  found.warnings.push(...warnings.map((complaint) => problemOf('policy-warning', complaint, byId)));
}

/** Finds the policies that are meant; Cedar says it of all of them together. */
function syntaxProblems(policies: readonly ParsedPolicy[], complaints: readonly CedarComplaint[]): Problem[] {
  const found = policies.flatMap(({ statement, place }) => {
    const parsed = parsePolicy(statement.text, statement.isTemplate);
    const where = { place, text: statement.text, offset: statement.offset };
    return parsed.ok ? [] : parsed.error.map((complaint) => toProblem('policy-syntax', complaint, where));
  });
  return found.length > 0 ? found : complaints.map((complaint) => toProblem('policy-syntax', complaint, undefined));
}

function partsOf(policies: readonly ParsedPolicy[], templateLinks: PolicyParts['templateLinks']): PolicyParts {
  const texts = (isTemplate: boolean): Record<string, string> =>
    Object.fromEntries(
      policies
        .filter(({ statement }) => statement.isTemplate === isTemplate)
        .map(({ id, statement }) => [id, statement.text]),
    );
  return { staticPolicies: texts(false), templates: texts(true), templateLinks };
}

function problemOf(code: string, complaint: CedarComplaint, policies: ReadonlyMap<string, ParsedPolicy>): Problem {
  const policy = policies.get(complaint.policyId ?? '');
  if (policy === undefined) return toProblem(code, complaint, undefined);
  const { place, statement } = policy;
  return toProblem(code, complaint, { place, text: statement.text, offset: statement.offset });
}
