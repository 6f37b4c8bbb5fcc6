import type { Literals } from './literal.ts';
import type { Random } from './random.ts';
import type { FuzzType } from './schema.ts';
import { type FuzzPolicy, type Scope, term, type Term } from './term.ts';

const TYPES = {
  bool: { kind: 'Boolean' },
  long: { kind: 'Long' },
  string: { kind: 'String' },
  decimal: { kind: 'decimal' },
  ip: { kind: 'ipaddr' },
  datetime: { kind: 'datetime' },
  duration: { kind: 'duration' },
  longs: { kind: 'Set', of: { kind: 'Long' } },
  strings: { kind: 'Set', of: { kind: 'String' } },
  moments: { kind: 'Set', of: { kind: 'datetime' } },
  networks: { kind: 'Set', of: { kind: 'ipaddr' } },
} as const satisfies Readonly<Record<string, FuzzType>>;

type Name = keyof typeof TYPES;

/** Operators with the types of their operands and of what they come to. */
const OPERATORS: readonly (readonly [op: string, result: Name, ...operands: Name[]])[] = [
  ...(['+', '-', '*'] as const).map((op) => [op, 'long', 'long', 'long'] as const),
  ['neg', 'long', 'long'],
  ...(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'] as const).map(
    (op) => [op, 'long', 'duration'] as const,
  ),
  ['offset', 'datetime', 'datetime', 'duration'],
  ['toDate', 'datetime', 'datetime'],
  ['toTime', 'duration', 'datetime'],
  ['durationSince', 'duration', 'datetime', 'datetime'],
  ...(['<', '<=', '>', '>='] as const).flatMap((op) =>
    (['long', 'datetime', 'duration'] as const).map((type) => [op, 'bool', type, type] as const),
  ),
  ...(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'] as const).map(
    (op) => [op, 'bool', 'decimal', 'decimal'] as const,
  ),
  ...(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'] as const).map((op) => [op, 'bool', 'ip'] as const),
  ['isInRange', 'bool', 'ip', 'ip'],
  ['isInRange', 'bool', 'ip', 'ip'],
  ...(['containsAll', 'containsAny', '=='] as const).flatMap((op) =>
    (['longs', 'strings', 'moments', 'networks'] as const).map((type) => [op, 'bool', type, type] as const),
  ),
  ['contains', 'bool', 'longs', 'long'],
  ['contains', 'bool', 'moments', 'datetime'],
  ['contains', 'bool', 'networks', 'ip'],
  ...(['decimal', 'ip', 'datetime', 'duration'] as const).map((type) => ['==', 'bool', type, type] as const),
];

const ALL: Scope = { form: 'all', type: '', entities: [] };

/**
 * Permits for everybody that compare what one operator makes of literals. Each question is answered with the list of those that hold, so
 * that one answer tells the values of all of them.
 */
export function probes(random: Random, literals: Literals, count: number): FuzzPolicy[] {
  return random.list(count, (at) => ({
    id: `probe${at}`,
    effect: 'permit',
    annotations: [],
    principal: ALL,
    action: ALL,
    resource: ALL,
    conditions: [{ kind: 'when', body: probe(random, literals) }],
  }));
}

function probe(random: Random, literals: Literals): Term {
  if (random.chance(0.2)) return likeProbe(random, literals);
  const [op, result, ...operands] = random.pick(OPERATORS);
  const value = term(
    op,
    [],
    operands.map((name) => operand(random, literals, name)),
  );
  if (result === 'bool') return value;
  // Where rounding goes wrong, it does so around zero.
  const isNear = result === 'long' && random.chance(0.5);
  const other = isNear ? term('long', [random.pick(['0', '-1', '1'])]) : operand(random, literals, result);
  return term(random.pick(['==', '<', '>=']), [], [value, other]);
}

/** Of two letters only, so that parts of a pattern overlap in the text. */
function likeProbe(random: Random, literals: Literals): Term {
  const letters = (most: number): string =>
    random.list(random.between(0, most), () => random.pick(['a', 'b'])).join('');
  const isPlain = random.chance(0.7);
  const text = isPlain ? letters(5) : literals.string() + literals.string();
  const parts = isPlain
    ? random.list(random.between(1, 6), (at) => (at % 2 === 0 ? letters(2) : ''))
    : literals.pattern(text);
  return term('like', parts, [term('string', [text])]);
}

/** A literal, or what an operator makes of literals. */
function operand(random: Random, literals: Literals, name: Name): Term {
  const makers = OPERATORS.filter(([, result]) => result === name);
  if (makers.length === 0 || !random.chance(0.25)) return literals.of(TYPES[name]);
  const [op, , ...operands] = random.pick(makers);
  return term(
    op,
    [],
    operands.map((one) => literals.of(TYPES[one])),
  );
}
