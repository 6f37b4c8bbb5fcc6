import { addLong, isLong, type Long, multiplyLong, subtractLong } from './long.ts';
import { Datetime, Duration, Failure, isEqual, type Outcome, typeName, type Value, ValueSet } from './value.ts';

/** An operator that evaluates its operands, left first, and then looks at both. */
export type BinaryOperator = (left: Value, right: Value) => Outcome;

/** The same with one operand. */
export type UnaryOperator = (operand: Value) => Outcome;

const NOT_ORDERED = new Failure('type error: only two longs, two datetimes or two durations are in an order');
const NOT_LONG = new Failure('type error: expected long');
const NOT_SET = new Failure('type error: expected set');
const OVERFLOW = new Failure('integer overflow: the result is outside 64 bits');

/** All operators on two values; `&&`, `||`, `in`, `has` and the tag methods need more than values and are not here. */
export const BINARY_OPERATORS: Readonly<Record<string, BinaryOperator>> = {
  '==': isEqual,
  '!=': (left, right) => !isEqual(left, right),
  '<': order((a, b) => a < b),
  '<=': order((a, b) => a <= b),
  // The parser writes `a > b` as it stands; Cedar evaluates it as `!(a <= b)`, which has the same errors.
  '>': order((a, b) => a > b),
  '>=': order((a, b) => a >= b),
  '+': arithmetic(addLong),
  '-': arithmetic(subtractLong),
  '*': arithmetic(multiplyLong),
  contains: (set, item) => (set instanceof ValueSet ? set.has(item) : NOT_SET),
  containsAll: (set, other) => (set instanceof ValueSet && other instanceof ValueSet ? set.hasAll(other) : NOT_SET),
  containsAny: (set, other) => (set instanceof ValueSet && other instanceof ValueSet ? set.hasAny(other) : NOT_SET),
};

/** All operators on one value. */
export const UNARY_OPERATORS: Readonly<Record<string, UnaryOperator>> = {
  '!': (operand) => (typeof operand === 'boolean' ? !operand : notBool(operand)),
  neg: (operand) => (isLong(operand) ? (subtractLong(0, operand) ?? OVERFLOW) : NOT_LONG),
  isEmpty: (operand) => (operand instanceof ValueSet ? operand.items.length === 0 : NOT_SET),
};

const NOT_BOOL = new Map<string, Failure>();

/** The error of a value that had to be true or false. */
export function notBool(value: Value): Failure {
  const name = typeName(value);
  const known = NOT_BOOL.get(name) ?? new Failure(`type error: expected bool, got ${name}`);
  NOT_BOOL.set(name, known);
  return known;
}

function order(holds: (a: Long, b: Long) => boolean): BinaryOperator {
  return (left, right) => {
    if (isLong(left) && isLong(right)) return holds(left, right);
    if (left instanceof Datetime && right instanceof Datetime) return holds(left.ms, right.ms);
    if (left instanceof Duration && right instanceof Duration) return holds(left.ms, right.ms);
    return NOT_ORDERED;
  };
}

function arithmetic(compute: (a: Long, b: Long) => Long | undefined): BinaryOperator {
  return (left, right) => {
    if (!isLong(left) || !isLong(right)) return NOT_LONG;
    return compute(left, right) ?? OVERFLOW;
  };
}
