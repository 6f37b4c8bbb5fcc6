import { isJsonObject } from '#base';
import type { PolicyEst } from '../engine.ts';
import { compileExpression } from './expression.ts';
import type { Expression } from './question.ts';
import { canonical, type Value, uidKey } from './value.ts';

/**
 * The comparison with a literal that a policy begins with, as in `when { resource.tier == 0 && … }`. Where it is false, the policy does
 * not apply and cannot err, because nothing behind it is evaluated.
 */
export interface FirstTest {
  /** The same text for the same expression. */
  readonly subject: string;
  readonly evaluate: Expression;
  /** See `tableKey`. */
  readonly literal: TableKey;
}

/** What equal values, and only they, have in common. Anything but a number or a truth value is a text that says its type. */
export type TableKey = string | number | boolean;

/** The key of a value. */
export function tableKey(value: Value): TableKey {
  if (typeof value === 'string') return `"${value}`;
  if (typeof value === 'bigint') return `L${value}`;
  return typeof value === 'object' ? canonical(value) : value;
}

/** Finds the first test of a policy, if it has one. */
export function firstTest([clause]: PolicyEst['conditions']): FirstTest | undefined {
  if (clause?.kind !== 'when') return undefined;
  let test = clause.body;
  for (let both = part(test, '&&'); both !== undefined; both = part(test, '&&')) test = part(both, 'left');
  const equality = part(test, '==');
  const [left, right] = [part(equality, 'left'), part(equality, 'right')];
  const [subject, literal] = literalKey(left) === undefined ? [left, literalKey(right)] : [right, literalKey(left)];
  if (subject === undefined || literal === undefined || literalKey(subject) !== undefined) return undefined;
  return { subject: nameOf(subject), evaluate: compileExpression(subject), literal };
}

function literalKey(expression: unknown): TableKey | undefined {
  const value = part(expression, 'Value');
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  if (isPlain || typeof value === 'bigint' || typeof value === 'string') return tableKey(value);
  const [type, id] = [part(part(value, '__entity'), 'type'), part(part(value, '__entity'), 'id')];
  return typeof type === 'string' && typeof id === 'string' ? entityKey(type, id) : undefined;
}

/** What `canonical` makes of an entity. */
function entityKey(type: string, id: string): string {
  return `E${JSON.stringify(uidKey(type, id))}`;
}

function nameOf(expression: unknown): string {
  return JSON.stringify(expression, (_key, item: unknown) =>
    typeof item === 'bigint' ? { integer: `${item}` } : item,
  );
}

function part(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
