import { attributeOf, contextAttribute, getTag, hasAttributes, hasTag } from './attributes.ts';
import { EXTENSIONS } from './extensions.ts';
import { compileLike, type PatternPiece } from './like.ts';
import { evaluateIn, isIn } from './membership.ts';
import { BINARY_OPERATORS, notBool, UNARY_OPERATORS } from './operators.ts';
import { EntityLiteral, type Expression, type Question } from './question.ts';
import { Entity, Failure, type Outcome, type Value, ValueSet } from './value.ts';

/**
 * A compiled expression and what is known of it: `constant` when it is the same for every question, `isLiteral` when it depends only on
 * the source in which its entity literals are found.
 */
interface Compiled {
  readonly run: Expression;
  readonly constant?: Outcome;
  readonly isLiteral: boolean;
  /** The literal, when the expression is nothing else. */
  readonly entity?: EntityLiteral;
}

type Est = Readonly<Record<string, unknown>>;
type Compiler = (body: unknown) => Compiled;

/** What has no form that this compiler knows. It is a failure of the one who compiles, never of a question. */
class UnknownForm extends Error {}

/** Compiles an expression of Cedar's JSON form, in which integers beyond 2^53 are bigint. Throws `UnknownForm`. */
export function compileExpression(est: unknown): Expression {
  return compile(est).run;
}

function compile(est: unknown): Compiled {
  const [form, body, more] = isRecord(est) ? Object.entries(est).flat() : [];
  if (typeof form !== 'string' || more !== undefined) throw new UnknownForm('an expression has exactly one form');
  const compiler = Object.hasOwn(FORMS, form) ? FORMS[form] : undefined;
  if (compiler !== undefined) return compiler(body);
  if (Object.hasOwn(BINARY_OPERATORS, form)) return binary(body, BINARY_OPERATORS[form]);
  if (Object.hasOwn(UNARY_OPERATORS, form)) return unary(body, UNARY_OPERATORS[form]);
  return call(form, body);
}

/** The forms that are more than an operator on values. */
const FORMS: Readonly<Record<string, Compiler>> = {
  Value: (body) => literal(body),
  Var: variable,
  Set: (body) => structure(list(body).map(compile), (items) => new ValueSet(items)),
  Record: (body) => {
    const entries = Object.entries(record(body));
    const names = entries.map(([name]) => name);
    return structure(
      entries.map(([, item]) => compile(item)),
      (items) => new Map(items.map((item, at) => [names[at] ?? '', item])),
    );
  },
  '&&': (body) => logical(body, false),
  '||': (body) => logical(body, true),
  'if-then-else': conditional,
  '.': (body) => {
    const { left, attr } = record(body);
    const name = text(attr);
    if (isRecord(left) && left['Var'] === 'context') return open(contextAttribute(name));
    return open(attributeOf(compile(left).run, name));
  },
  has: (body) => {
    const { left, attr } = record(body);
    return open(hasAttributes(compile(left).run, Array.isArray(attr) ? attr.map(text) : [text(attr)]));
  },
  hasTag: (body) => tagged(body, hasTag),
  getTag: (body) => tagged(body, getTag),
  in: membership,
  is: typeTest,
  like: (body) => {
    const { left, pattern } = record(body);
    const matches = compileLike(list(pattern) as readonly PatternPiece[]);
    return strict([compile(left)], (value) => (typeof value === 'string' ? matches(value) : NOT_STRING));
  },
};

const NOT_STRING = new Failure('type error: expected string');
const NOT_ENTITY = new Failure('type error: expected entity');

function variable(body: unknown): Compiled {
  switch (body) {
    case 'principal':
      return open((question) => question.principal);
    case 'action':
      return open((question) => question.action);
    case 'resource':
      return open((question) => question.resource);
    case 'context':
      return open((question) => question.context);
    default:
      throw new UnknownForm('a variable that does not exist');
  }
}

/** A literal, also a nested one. Sets and records in `Value` are not what the parser makes, but are legal JSON policies. */
function literal(body: unknown): Compiled {
  if (typeof body === 'boolean' || typeof body === 'string' || typeof body === 'number' || typeof body === 'bigint')
    return constant(body);
  if (Array.isArray(body)) return structure(body.map(literal), (items) => new ValueSet(items));
  const { type, id } = record(record(body)['__entity']);
  const entity = new EntityLiteral(text(type), text(id));
  return { run: ({ source }) => entity.in(source), isLiteral: true, entity };
}

/** Sets and records: every part is evaluated in order, the first error is the result. Literal ones are built once per source. */
function structure(parts: readonly Compiled[], build: (items: readonly Value[]) => Value): Compiled {
  const runs = parts.map(({ run }) => run);
  const run: Expression = (question) => {
    const items: Value[] = [];
    for (const part of runs) {
      const item = part(question);
      if (item instanceof Failure) return item;
      items.push(item);
    }
    return build(items);
  };
  if (parts.every((part) => part.constant !== undefined)) return constant(run(NO_QUESTION));
  if (!parts.every(({ isLiteral }) => isLiteral)) return open(run);
  let epoch = -1;
  let built: Outcome = false;
  const once: Expression = (question) => {
    if (epoch !== question.source.epoch) built = run(question);
    epoch = question.source.epoch;
    return built;
  };
  return { run: once, isLiteral: true };
}

/** `&&` (decided by false) and `||` (decided by true): the right side is evaluated only when the left does not decide. */
function logical(body: unknown, decides: boolean): Compiled {
  const [left, right] = operands(body);
  if (left.constant === decides) return left;
  const [first, second] = [left.run, right.run];
  const run: Expression = (question) => {
    const a = first(question);
    if (a === decides) return decides;
    if (a !== !decides) return boolOrFailure(a);
    const b = second(question);
    return typeof b === 'boolean' ? b : boolOrFailure(b);
  };
  return foldable(run, [left, right]);
}

function boolOrFailure(value: Outcome): Outcome {
  return value instanceof Failure ? value : notBool(value);
}

/** Only the branch that is taken is evaluated. */
function conditional(body: unknown): Compiled {
  const parts = record(body);
  const [test, yes, no] = [compile(parts['if']), compile(parts['then']), compile(parts['else'])];
  const run: Expression = (question) => {
    const held = test.run(question);
    if (held === true) return yes.run(question);
    return held === false ? no.run(question) : boolOrFailure(held);
  };
  return foldable(run, [test, yes, no]);
}

function membership(body: unknown): Compiled {
  const [left, right] = operands(body);
  const [first, second, target] = [left.run, right.run, right.entity];
  if (target !== undefined) {
    return open((question) => {
      const entity = first(question);
      if (entity instanceof Entity) return isIn(question.source, entity, target.in(question.source));
      return entity instanceof Failure ? entity : NOT_ENTITY;
    });
  }
  return open((question) => {
    const a = first(question);
    if (a instanceof Failure) return a;
    const b = second(question);
    return b instanceof Failure ? b : evaluateIn(question.source, a, b);
  });
}

/** `left is T`, and `left is T in E`, which is `left is T && left in E`. */
function typeTest(body: unknown): Compiled {
  const { left, entity_type: entityType, in: target } = record(body);
  const [subject, type] = [compile(left).run, text(entityType)];
  const above = target === undefined ? undefined : compile(target).run;
  return open((question) => {
    const entity = subject(question);
    if (!(entity instanceof Entity)) return entity instanceof Failure ? entity : NOT_ENTITY;
    if (above === undefined || entity.type !== type) return entity.type === type;
    const other = above(question);
    return other instanceof Failure ? other : evaluateIn(question.source, entity, other);
  });
}

function tagged(body: unknown, ask: (question: Question, left: Value, key: Value) => Outcome): Compiled {
  const [left, right] = operands(body).map(({ run }) => run) as [Expression, Expression];
  return open((question) => {
    const entity = left(question);
    if (entity instanceof Failure) return entity;
    const key = right(question);
    return key instanceof Failure ? key : ask(question, entity, key);
  });
}

function call(form: string, body: unknown): Compiled {
  const extension = EXTENSIONS.get(form);
  if (extension === undefined) throw new UnknownForm(`\`${form}\` is no operator and no extension function`);
  const parts = list(body).map(compile);
  if (parts.length !== extension.arity) return constant(new Failure(`\`${form}\` has another number of arguments`));
  return strict(parts, extension.call);
}

function binary(body: unknown, apply: ((left: Value, right: Value) => Outcome) | undefined): Compiled {
  if (apply === undefined) throw new UnknownForm('an operator that does not exist');
  return strict(operands(body), apply);
}

function unary(body: unknown, apply: ((operand: Value) => Outcome) | undefined): Compiled {
  if (apply === undefined) throw new UnknownForm('an operator that does not exist');
  return strict([compile(record(body)['arg'])], apply);
}

/** Evaluates one or two operands, then applies. An error of an operand is the result. */
function strict(parts: readonly Compiled[], apply: (first: Value, second: Value) => Outcome): Compiled {
  const [left, right] = parts;
  if (left === undefined) throw new UnknownForm('an operator without operands');
  const first = left.run;
  if (right === undefined) {
    const run: Expression = (question) => {
      const value = first(question);
      return value instanceof Failure ? value : apply(value, value);
    };
    return foldable(run, parts);
  }
  const second = right.run;
  const run: Expression = (question) => {
    const a = first(question);
    if (a instanceof Failure) return a;
    const b = second(question);
    return b instanceof Failure ? b : apply(a, b);
  };
  return foldable(run, parts);
}

/** Evaluates now what no question can change; a constant that errs becomes a node that always errs. */
function foldable(run: Expression, parts: readonly Compiled[]): Compiled {
  return parts.every((part) => part.constant !== undefined) ? constant(run(NO_QUESTION)) : open(run);
}

function constant(value: Outcome): Compiled {
  return { run: () => value, constant: value, isLiteral: true };
}

function open(run: Expression): Compiled {
  return { run, isLiteral: false };
}

/** Constants are evaluated without a question, and ask it nothing. */
const NO_QUESTION = Object.freeze({}) as Question;

function operands(body: unknown): [Compiled, Compiled] {
  const { left, right } = record(body);
  return [compile(left), compile(right)];
}

function isRecord(value: unknown): value is Est {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown): Est {
  if (!isRecord(value)) throw new UnknownForm('an object is missing');
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new UnknownForm('a list is missing');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new UnknownForm('a text is missing');
  return value;
}
