import type { EstScope, PolicyEst } from '../engine.ts';
import { compileExpression } from './expression.ts';
import type { FirstTest } from './first-test.ts';
import { isIn } from './membership.ts';
import { notBool } from './operators.ts';
import { EntityLiteral, type Expression, type Question } from './question.ts';
import type { Uid } from './read-value.ts';
import { type Entity, Failure, isSameEntity } from './value.ts';

/** What a scope says of one of the three: nothing, or that it is of a type, is an entity, or is in one. */
export interface Constraint {
  /** `is T`, also with `in`. */
  readonly type: string | undefined;
  /** `==`: the entity itself; `in`: it or anything below one of these. */
  readonly relation: '==' | 'in' | undefined;
  readonly entities: readonly EntityLiteral[];
}

/** A policy ready to be asked. A template that is linked several times shares one condition. */
export interface RunnablePolicy {
  readonly id: string;
  /** Position in its set; answers list policies in this order. */
  readonly order: number;
  readonly effect: 'permit' | 'forbid';
  readonly principal: Constraint;
  readonly action: Constraint;
  readonly resource: Constraint;
  /** Undefined when the scope is everything. */
  readonly condition: Expression | undefined;
  readonly test: FirstTest | undefined;
  /** The index finds this policy exactly once, and only when it is in scope: it has no `is … in`, and names at most one action. */
  readonly isFoundExactly: boolean;
}

/** The entities that fill the slots of a template. */
export type Slots = Readonly<Record<string, Uid>>;

/** What is the same in all links of a template. */
export interface PolicyBody {
  readonly est: PolicyEst;
  readonly condition: Expression | undefined;
  readonly test: FirstTest | undefined;
}

/** Compiles the `when` and `unless` clauses of a policy or template; undefined when there are none. */
export function compileConditions(conditions: PolicyEst['conditions']): Expression | undefined {
  const clauses = conditions.map(({ kind, body }) => clause(compileExpression(body), kind === 'unless'));
  const [first, second] = clauses;
  if (first === undefined || second === undefined) return first;
  return (question) => {
    for (const one of clauses) {
      const held = one(question);
      if (held !== true) return held;
    }
    return true;
  };
}

/** A clause is true, false or an error; anything else than a Bool is a type error. */
function clause(body: Expression, isUnless: boolean): Expression {
  return (question) => {
    const value = body(question);
    if (typeof value === 'boolean') return value !== isUnless;
    return value instanceof Failure ? value : notBool(value);
  };
}

/** Makes a policy out of a body and, for a template, what fills its slots. */
export function linkPolicy(id: string, order: number, body: PolicyBody, slots: Slots = {}): RunnablePolicy {
  const { est, condition, test } = body;
  const [principal, action, resource] = [est.principal, est.action, est.resource].map((scope) =>
    constraintOf(scope, slots),
  ) as [Constraint, Constraint, Constraint];
  const isFoundExactly = [principal, resource].every(
    ({ type, relation }) => type === undefined || relation === undefined,
  );
  return {
    id,
    order,
    effect: est.effect,
    principal,
    action,
    resource,
    condition,
    test,
    isFoundExactly: isFoundExactly && action.entities.length < 2,
  };
}

function constraintOf(scope: EstScope, slots: Slots): Constraint {
  const named = scope.op === 'is' ? scope.in : scope;
  const filled = named?.slot === undefined ? named?.entity : slots[named.slot];
  if (named?.slot !== undefined && filled === undefined) throw new TypeError(`the slot \`${named.slot}\` is empty`);
  const uids = filled === undefined ? (scope.entities ?? []) : [filled];
  const isRelated = scope.op === '==' || scope.op === 'in' || (scope.op === 'is' && scope.in !== undefined);
  return {
    type: scope.op === 'is' ? scope.entity_type : undefined,
    relation: isRelated ? (scope.op === '==' ? '==' : 'in') : undefined,
    entities: uids.map(({ type, id }) => new EntityLiteral(type, id)),
  };
}

/** Whether an entity is what a scope asks for. Scopes cannot err. */
function meets(question: Question, entity: Entity, { type, relation, entities }: Constraint): boolean {
  if (type !== undefined && entity.type !== type) return false;
  if (relation === undefined) return true;
  for (const literal of entities) {
    const target = literal.in(question.source);
    if (relation === '==' ? isSameEntity(entity, target) : isIn(question.source, entity, target)) return true;
  }
  return false;
}

/** Whether a policy's scope covers a question. */
export function isInScope(policy: RunnablePolicy, question: Question): boolean {
  return (
    meets(question, question.principal, policy.principal) &&
    meets(question, question.action, policy.action) &&
    meets(question, question.resource, policy.resource)
  );
}
