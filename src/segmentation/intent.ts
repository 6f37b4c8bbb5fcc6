import { type Json, type Problem } from '#base';
import { entityLiteral, type EntityLiteral, field, type Side } from './est.ts';
import {
  type Condition,
  compileCondition,
  membershipTest,
  newProfileCheck,
  type ProfileCheck,
  type Subject,
} from './profile.ts';
import { ALWAYS, and, ERROR, not, type Truth } from './truth.ts';

/**
 * One policy on `Action::"connect"`: its scope and conditions in Cedar's JSON form (EST), already parsed and validated
 * against the schema. The action is not part of it.
 */
export interface ConnectPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly principal: Json;
  readonly resource: Json;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: Json }[];
  readonly text: string;
}

/** A policy ready to be evaluated for pairs of workloads. */
export interface Intent {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly asks: ProfileCheck['asks'];
  /** Whether an end is inside the policy's scope. */
  readonly scope: { readonly [S in Side]: (subject: Subject) => boolean };
  /** For ends inside the scope: on which flows all conditions hold, and on which one errs. */
  readonly condition: Condition;
  readonly problems: readonly Problem[];
}

/**
 * Compiles a policy. A clause outside the network profile is a `network-profile` problem and turns the policy into one that
 * errs on every flow in its scope: such a permit permits nothing, and such a forbid denies everything in its scope.
 */
export function compileIntent(policy: ConnectPolicy): Intent {
  const check = newProfileCheck();
  const scope = {
    principal: compileScope('principal', policy.principal, check),
    resource: compileScope('resource', policy.resource, check),
  };
  const clauses = policy.conditions.map(({ kind, body }): Condition => {
    const condition = compileCondition(body, check);
    return kind === 'when' ? condition : (pair) => not(condition(pair));
  });
  const conjunction: Condition = (pair) =>
    clauses.reduce<Truth>((truth, clause) => and(truth, () => clause(pair)), ALWAYS);
  return {
    id: policy.id,
    effect: policy.effect,
    asks: check.asks,
    scope,
    condition: check.refused.length > 0 ? () => ERROR : conjunction,
    problems: check.refused.map((clause) => ({
      code: 'network-profile',
      message: `policy \`${policy.id}\` uses ${clause}, which a firewall cannot enforce`,
      hint: 'connect policies may ask for `context.protocol`, `context.port`, and the labels, segments, id and name of either end',
    })),
  };
}

/** Cedar's scope: `All`, `==`, `in`, `is`, `is … in`. An unknown form covers everything, and the policy errs there. */
function compileScope(side: Side, scope: Json, check: ProfileCheck): (subject: Subject) => boolean {
  const operator = field(scope, 'op');
  const entity = entityLiteral(field(scope, 'entity'));
  if (operator === 'All') return () => true;
  if (operator === '==' && entity !== undefined) return membershipTest(side, onlyWorkloads(entity), check);
  if (operator === 'in' && entity !== undefined) return membershipTest(side, [entity], check);
  if (operator === 'is') {
    const isWorkload = field(scope, 'entity_type') === 'Workload';
    const container = field(scope, 'in');
    const inside = entityLiteral(field(container, 'entity'));
    if (!isWorkload) return () => false;
    if (container === null) return () => true;
    if (inside !== undefined) return membershipTest(side, [inside], check);
  }
  check.refused.push(`a scope of \`${side}\` that is not a literal`);
  return () => true;
}

/** `==` is identity, so a segment never equals a workload. */
function onlyWorkloads(entity: EntityLiteral): EntityLiteral[] {
  return entity.type === 'Workload' ? [entity] : [];
}
