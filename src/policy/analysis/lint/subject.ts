import { canonicalJson, type Json } from '#base';
import type { ParsedPolicy } from '../../compile.ts';
import type { EntityUid, EstScope } from '../../engine.ts';
import { type Clause, clausesOf } from '../clause/clause.ts';
import { uidText } from '../clause/expression-text.ts';

/** A policy as lint compares it: what its scope asks for, and its clauses without regard to their order. */
export interface Subject {
  readonly policy: ParsedPolicy;
  readonly effect: 'permit' | 'forbid';
  readonly actions: readonly string[];
  /** `` when everybody is meant. */
  readonly principal: string;
  readonly resource: string;
  readonly clauses: readonly Clause[];
  /** The clauses as texts, sorted, each once. */
  readonly asks: readonly string[];
}

/** The only types that an action applies to, so that `is` with one of them says nothing. */
const NATURAL: readonly string[] = ['User', 'App', 'Cordon', 'Workload'];

/** Prepares a policy for comparison. */
export function subjectOf(policy: ParsedPolicy): Subject {
  const { est } = policy;
  const clauses = clausesOf(est);
  const asks = [...new Set(clauses.map(({ kind, text }) => `${kind} ${text}`))].sort();
  return {
    policy,
    effect: est.effect,
    actions: (est.action.entities ?? (est.action.entity === undefined ? [] : [est.action.entity])).map(({ id }) => id),
    principal: scopeKey(est.principal),
    resource: scopeKey(est.resource),
    clauses,
    asks,
  };
}

function scopeKey(scope: EstScope): string {
  if (scope.op === 'All') return '';
  if (scope.op !== 'is') return scope.entity === undefined ? other(scope) : `${scope.op} ${uidText(scope.entity)}`;
  if (!NATURAL.includes(scope.entity_type ?? '')) return other(scope);
  if (scope.in === undefined) return '';
  return scope.in.entity === undefined ? other(scope) : `in ${uidText(scope.in.entity)}`;
}

function other(scope: EstScope): string {
  return canonicalJson(scope as unknown as Json);
}

/** The scopes that hold whenever this one does: itself, for an entity also what is in it, and everything. */
export function widerScopes(scope: string): readonly string[] {
  if (scope === '') return [''];
  return scope.startsWith('== ') ? [scope, `in ${scope.slice(3)}`, ''] : [scope, ''];
}

/** Every entity that a policy names, in its scope or in a clause. */
export function entitiesIn({ est }: ParsedPolicy): EntityUid[] {
  const found: EntityUid[] = [];
  const queue: unknown[] = [est.principal, est.resource, ...est.conditions.map(({ body }) => body)];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const { type, id } = next as { readonly type?: unknown; readonly id?: unknown };
    if (typeof type === 'string' && typeof id === 'string' && Object.keys(next).length === 2) found.push({ type, id });
    else queue.push(...(Object.values(next) as unknown[]));
  }
  return found;
}
