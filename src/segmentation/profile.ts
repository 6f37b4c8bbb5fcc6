import { type Json, type PortSet, portSet } from '#base';
import {
  type EntityLiteral,
  entityLiterals,
  field,
  isVariable,
  likeMatches,
  likePieces,
  literalOf,
  setElements,
  type Side,
  sideOf,
  singleKey,
  stringLiteral,
} from './est.ts';
import { flowsBy } from './flow-set.ts';
import { ALWAYS, and, choose, ERROR, holdsOn, not, or, type Truth, truthOf } from './truth.ts';

/** A workload as policies see it: what they can ask is its id, name, labels (Cedar tags) and segments (Cedar ancestors). */
export interface Subject {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly segments: ReadonlySet<string>;
}

/** The two ends a condition is evaluated for. */
export type Pair = { readonly [S in Side]: Subject };

/** What a policy asks about one end. Two workloads that answer all of it alike are one class. */
export interface Questions {
  readonly labels: Set<string>;
  readonly segments: Set<string>;
  readonly ids: Set<string>;
  name: boolean;
}

/** A condition, evaluated for one pair and all flows at once. */
export type Condition = (pair: Pair) => Truth;

/** Collects what a policy asks and what of it no firewall could enforce. */
export interface ProfileCheck {
  readonly asks: { readonly [S in Side]: Questions };
  /** Clauses outside the network profile, in words. */
  readonly refused: string[];
}

/** An empty check. */
export function newProfileCheck(): ProfileCheck {
  const questions = (): Questions => ({ labels: new Set(), segments: new Set(), ids: new Set(), name: false });
  return { asks: { principal: questions(), resource: questions() }, refused: [] };
}

/** The name of a label on an object from outside must not reach `Object.prototype`. */
export function labelOf(subject: Subject, key: string): string | undefined {
  return Object.hasOwn(subject.labels, key) ? subject.labels[key] : undefined;
}

/** An operand: a literal, a fact about one end (undefined when asking for it is a Cedar error), or a variable of the flow. */
type Operand =
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'fact'; readonly read: (pair: Pair) => string | undefined }
  | { readonly kind: 'protocol' }
  | { readonly kind: 'port' };

/**
 * Compiles a Cedar expression (EST JSON) of the network profile. Whatever is not in the profile is added to `check.refused`
 * and evaluates to an error, so that it can never permit.
 */
export function compileCondition(est: Json, check: ProfileCheck): Condition {
  const [operator, body] = singleKey(est);
  switch (operator) {
    case 'Value':
      if (typeof body === 'boolean') return () => truthOf(body);
      return refuse(check, 'a value where a condition is expected');
    case '!': {
      const inner = compileCondition(field(body, 'arg'), check);
      return (pair) => not(inner(pair));
    }
    case '&&':
    case '||': {
      const left = compileCondition(field(body, 'left'), check);
      const right = compileCondition(field(body, 'right'), check);
      const join = operator === '&&' ? and : or;
      return (pair) => join(left(pair), () => right(pair));
    }
    case 'if-then-else': {
      const [condition, then, otherwise] = ['if', 'then', 'else'].map((key) =>
        compileCondition(field(body, key), check),
      );
      if (condition === undefined || then === undefined || otherwise === undefined) return refuse(check, '`if`');
      return (pair) =>
        choose(
          condition(pair),
          () => then(pair),
          () => otherwise(pair),
        );
    }
    case 'hasTag': {
      const side = sideOf(field(body, 'left'));
      const key = stringLiteral(field(body, 'right'));
      if (side === undefined || key === undefined) return refuse(check, '`hasTag` with a computed label');
      check.asks[side].labels.add(key);
      return (pair) => truthOf(labelOf(pair[side], key) !== undefined);
    }
    case 'has':
      return compileHas(body, check);
    case 'is':
    case 'in':
      return compileMembership(operator, body, check);
    case 'contains':
      return compileContains(body, check);
    case 'like':
      return compileLike(body, check);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compileComparison(operator, body, check);
    default:
      return refuse(check, `\`${operator}\``);
  }
}

function refuse(check: ProfileCheck, clause: string): Condition {
  check.refused.push(clause);
  return () => ERROR;
}

function compileHas(body: Json, check: ProfileCheck): Condition {
  const attribute = field(body, 'attr');
  const left = field(body, 'left');
  if (typeof attribute !== 'string') return refuse(check, '`has` with a path');
  if (sideOf(left) !== undefined) return () => truthOf(attribute === 'name');
  if (isVariable(left, 'context')) return () => truthOf(attribute === 'protocol' || attribute === 'port');
  return refuse(check, '`has` on something else than principal, resource or context');
}

/** `principal in Segment::"x"`, `principal in [..]`, `principal is Workload`, `principal is Workload in …`. */
function compileMembership(operator: 'is' | 'in', body: Json, check: ProfileCheck): Condition {
  const side = sideOf(field(body, 'left'));
  const target = field(body, operator === 'is' ? 'in' : 'right');
  if (side === undefined) return refuse(check, `\`${operator}\` on something else than principal or resource`);
  const isType = operator === 'in' || field(body, 'entity_type') === 'Workload';
  if (operator === 'is' && target === null) return () => truthOf(isType);
  const entities = entityLiterals(target);
  if (entities === undefined) return refuse(check, '`in` with something else than literal entities');
  const isIn = membershipTest(side, entities, check);
  return (pair) => truthOf(isType && isIn(pair[side]));
}

/** Makes the test for "is one of these entities, or inside one", noting what it asks. */
export function membershipTest(
  side: Side,
  entities: readonly EntityLiteral[],
  check: ProfileCheck,
): (subject: Subject) => boolean {
  for (const { type, id } of entities) {
    if (type === 'Segment') check.asks[side].segments.add(id);
    if (type === 'Workload') check.asks[side].ids.add(id);
  }
  return (subject) =>
    entities.some(({ type, id }) =>
      type === 'Workload' ? subject.id === id : type === 'Segment' && subject.segments.has(id),
    );
}

function compileContains(body: Json, check: ProfileCheck): Condition {
  const elements = setElements(field(body, 'left'));
  const operand = compileOperand(field(body, 'right'), check);
  const literals = elements?.map((element) => literalOf(element));
  if (operand === undefined || literals === undefined || literals.includes(undefined)) {
    return refuse(check, '`contains` other than a literal set containing a label, the protocol or the port');
  }
  return (pair) =>
    literals.reduce<Truth>(
      (truth, value) => or(truth, () => (value === undefined ? ERROR : compare('==', operand, value, pair))),
      // An operand that errs does so even when the set is empty.
      operand.kind === 'fact' && operand.read(pair) === undefined ? ERROR : truthOf(false),
    );
}

function compileLike(body: Json, check: ProfileCheck): Condition {
  const operand = compileOperand(field(body, 'left'), check);
  const pattern = field(body, 'pattern');
  if (operand === undefined || operand.kind === 'port' || !Array.isArray(pattern)) return refuse(check, '`like`');
  const pieces = likePieces(pattern);
  return (pair) => {
    if (operand.kind === 'protocol') {
      return holdsOn(flowsBy((protocol) => (likeMatches(pieces, protocol) ? portSet.full : portSet.empty)));
    }
    const text = operand.kind === 'literal' ? operand.value : operand.read(pair);
    return typeof text === 'string' ? truthOf(likeMatches(pieces, text)) : ERROR;
  };
}

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function compileComparison(operator: Comparison, body: Json, check: ProfileCheck): Condition {
  const isEquality = operator === '==' || operator === '!=';
  const entityTest = isEquality ? compileIdentity(body, check) : undefined;
  if (entityTest !== undefined) return operator === '==' ? entityTest : (pair) => not(entityTest(pair));
  const left = compileOperand(field(body, 'left'), check);
  const right = compileOperand(field(body, 'right'), check);
  if (left === undefined || right === undefined)
    return refuse(check, `\`${operator}\` on something a firewall cannot see`);
  if (right.kind === 'literal') return (pair) => compare(operator, left, right.value, pair);
  if (left.kind === 'literal') return (pair) => compare(MIRRORED[operator], right, left.value, pair);
  if (left.kind === 'port' || right.kind === 'port')
    return refuse(check, '`context.port` compared with something computed');
  return (pair) => {
    // A missing label errs whichever side it is on; order does not matter because neither side short-circuits.
    const fact = left.kind === 'fact' ? left.read(pair) : undefined;
    if (left.kind === 'fact' && fact === undefined) return ERROR;
    if (fact !== undefined) return compare(operator, right, fact, pair);
    const other = right.kind === 'fact' ? right.read(pair) : undefined;
    if (right.kind === 'fact') return other === undefined ? ERROR : compare(operator, left, other, pair);
    return operator === '==' ? ALWAYS : operator === '!=' ? truthOf(false) : ERROR;
  };
}

/** `principal == Workload::"x"`, either way round. `principal == resource` is refused: classes do not tell members apart. */
function compileIdentity(body: Json, check: ProfileCheck): Condition | undefined {
  const left = field(body, 'left');
  const right = field(body, 'right');
  const side = sideOf(left) ?? sideOf(right);
  if (side === undefined) return undefined;
  const entities = entityLiterals(sideOf(left) === undefined ? left : right);
  if (entities?.length !== 1 || setElements(right) !== undefined)
    return refuse(check, `\`${side}\` compared with something else than one literal entity`);
  const test = membershipTest(
    side,
    entities.filter(({ type }) => type === 'Workload'),
    check,
  );
  return (pair) => truthOf(test(pair[side]));
}

function compare(operator: Comparison, operand: Operand, value: string | number, pair: Pair): Truth {
  switch (operand.kind) {
    case 'port':
      return typeof value === 'number' ? holdsOn(flowsBy(() => portsWhere(operator, value))) : unequal(operator);
    case 'protocol':
      if (operator !== '==' && operator !== '!=') return ERROR;
      return holdsOn(
        flowsBy((protocol) => ((protocol === value) === (operator === '==') ? portSet.full : portSet.empty)),
      );
    case 'literal':
    case 'fact': {
      const actual = operand.kind === 'fact' ? operand.read(pair) : operand.value;
      if (actual === undefined) return ERROR;
      if (operator === '==') return truthOf(actual === value);
      if (operator === '!=') return truthOf(actual !== value);
      return ERROR; // strings have no order, and literals are not worth comparing
    }
  }
}

/** Values of different types are unequal in Cedar; ordering them is an error. */
function unequal(operator: Comparison): Truth {
  return operator === '==' ? truthOf(false) : operator === '!=' ? ALWAYS : ERROR;
}

function portsWhere(operator: Comparison, value: number): PortSet {
  const between = (from: number, to: number): PortSet => (from <= to ? portSet.of([{ from, to }]) : portSet.empty);
  const isPort = value >= 0 && value <= 65_535;
  const below = (limit: number): PortSet => between(0, Math.min(limit, 65_535));
  const above = (limit: number): PortSet => between(Math.max(limit, 0), 65_535);
  switch (operator) {
    case '==':
      return isPort ? between(value, value) : portSet.empty;
    case '!=':
      return isPort ? portSet.complement(between(value, value)) : portSet.full;
    case '<':
      return below(value - 1);
    case '<=':
      return below(value);
    case '>':
      return above(value + 1);
    case '>=':
      return above(value);
  }
}

function compileOperand(est: Json, check: ProfileCheck): Operand | undefined {
  const literal = literalOf(est);
  if (literal !== undefined) return { kind: 'literal', value: literal };
  const [operator, body] = singleKey(est);
  const left = field(body, 'left');
  if (operator === '.' && isVariable(left, 'context')) {
    const attribute = field(body, 'attr');
    return attribute === 'protocol' || attribute === 'port' ? { kind: attribute } : undefined;
  }
  const side = sideOf(left);
  if (side === undefined) return undefined;
  if (operator === '.' && field(body, 'attr') === 'name') {
    check.asks[side].name = true;
    return { kind: 'fact', read: (pair) => pair[side].name };
  }
  const key = stringLiteral(field(body, 'right'));
  if (operator !== 'getTag' || key === undefined) return undefined;
  check.asks[side].labels.add(key);
  return { kind: 'fact', read: (pair) => labelOf(pair[side], key) };
}
