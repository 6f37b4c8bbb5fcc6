import { isJsonObject } from '#base';
import { BOUNDS } from '../bounds.ts';
import type { Clause } from '../clause/clause.ts';
import { clauseText } from '../clause/clause.ts';
import { expressionText, part } from '../clause/expression-text.ts';
import { compileExpression } from '../../evaluate/expression.ts';
import type { Question } from '../../evaluate/question.ts';

/** What clauses leave of one expression's values. */
interface Left {
  least: number;
  most: number;
  /** The texts of the literals it may still be; undefined: any. */
  literals: readonly string[] | undefined;
}

/** Why the clauses of a policy can never all hold, in words; undefined when nothing is known against it. */
export function contradictionIn(clauses: readonly Clause[]): string | undefined {
  const constant = clauses.find((clause) => isNever(clause));
  if (constant !== undefined) return `\`${clauseText(constant)}\` never holds`;
  const left = new Map<string, Left>();
  for (const clause of clauses) {
    const opposite = clauses.find(({ kind, text }) => kind !== clause.kind && text === clause.text);
    if (opposite !== undefined) return `\`${clauseText(clause)}\` and \`${clauseText(opposite)}\` never both hold`;
    const subject = narrow(clause, left);
    if (subject !== undefined) return `no value of \`${subject}\` meets all its clauses`;
  }
  return undefined;
}

/** A clause without variables that is false, or errs, for every question. */
function isNever({ kind, est }: Clause): boolean {
  if (hasVariable(est)) return false;
  return compileExpression(est)(NO_QUESTION) !== (kind === 'when');
}

// Without a variable nothing of it is read, apart from the table in which literals are looked up.
const NO_QUESTION = { source: { epoch: -2, intern: () => ({}), hierarchy: 0 } } as unknown as Question;

function hasVariable(est: unknown): boolean {
  if (!isJsonObject(est)) return Array.isArray(est) && est.some(hasVariable);
  // An entity literal is compared with variables only; what it is in, only a question knows.
  return 'Var' in est || '__entity' in est || Object.values(est).some(hasVariable);
}

/** Takes out of `left` what a clause excludes; the expression for which nothing is left then. */
function narrow(clause: Clause, left: Map<string, Left>): string | undefined {
  const limit = limitOf(clause);
  if (limit === undefined) return undefined;
  const [least, most] = BOUNDS[limit.subject] ?? [-Infinity, Infinity];
  const before = left.get(limit.subject) ?? { least, most, literals: undefined };
  const after: Left = {
    least: Math.max(before.least, limit.least),
    most: Math.min(before.most, limit.most),
    literals: intersect(before.literals, limit.literals),
  };
  left.set(limit.subject, after);
  return after.least > after.most || after.literals?.length === 0 ? limit.subject : undefined;
}

function intersect(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((literal) => b.includes(literal));
}

interface Limit extends Left {
  readonly subject: string;
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==' };
const NEGATED: Readonly<Record<string, string>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '!=': '==' };

/** What a comparison with a literal, or `[…].contains(…)`, leaves of its other side. */
function limitOf({ kind, est }: Clause): Limit | undefined {
  const [form = '', body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  const [first, second] = [part(body, 'left'), part(body, 'right')];
  if (form === 'contains') {
    const items = part(first, 'Set');
    if (kind !== 'when' || !Array.isArray(items) || items.some(hasVariable)) return undefined;
    return { subject: expressionText(second), least: -Infinity, most: Infinity, literals: items.map(expressionText) };
  }
  const isMirrored = part(first, 'Value') !== undefined;
  const written = isMirrored ? MIRRORED[form] : form;
  const operator = kind === 'unless' ? NEGATED[written ?? ''] : written;
  const [subject, literal] = isMirrored ? [second, part(first, 'Value')] : [first, part(second, 'Value')];
  if (operator === undefined || literal === undefined || !hasVariable(subject)) return undefined;
  return compared(expressionText(subject), operator, literal);
}

function compared(subject: string, operator: string, literal: unknown): Limit | undefined {
  const anything = { subject, least: -Infinity, most: Infinity, literals: undefined };
  if (operator === '==') {
    const bounds = typeof literal === 'number' ? { least: literal, most: literal } : {};
    return { ...anything, ...bounds, literals: [expressionText({ Value: literal })] };
  }
  if (typeof literal !== 'number') return undefined;
  const bounds: Readonly<Record<string, Partial<Left>>> = {
    '<': { most: literal - 1 },
    '<=': { most: literal },
    '>': { least: literal + 1 },
    '>=': { least: literal },
  };
  const bound = bounds[operator];
  return bound === undefined ? undefined : { ...anything, ...bound };
}
