import { isJsonObject } from '#base';
import { compileExpression } from '../../evaluate/expression.ts';
import type { Question } from '../../evaluate/question.ts';
import { Entity, Failure } from '../../evaluate/value.ts';
import { expressionText, part, uidText } from './expression-text.ts';
import { valueText } from './value-text.ts';

/** What an expression looked at, and what was there. */
export interface Fact {
  readonly expression: string;
  readonly value: string;
}

/** Groups that are named of one entity; a person reads no more. */
const MOST_GROUPS = 12;

/** The attributes, tags and entities that an expression asks about, each once, with the values that this question has. */
export function factsOf(est: unknown, question: Question): Fact[] {
  const facts = new Map<string, string>();
  for (const asked of askedIn(est)) facts.set(expressionText(asked), factText(asked, question));
  return Array.from(facts, ([expression, value]) => ({ expression, value }));
}

/** The largest parts of an expression that read something out of the question. */
function askedIn(est: unknown): unknown[] {
  const [form = '', body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  if (form === 'Value') return [];
  if (['.', 'getTag', 'has', 'hasTag', 'Var'].includes(form)) return isRead(est) ? [est] : [];
  if (Array.isArray(body)) return body.flatMap(askedIn);
  return isJsonObject(body) ? Object.values(body).flatMap(askedIn) : [];
}

/** True for a chain of accesses that begins at a variable and not at a computed value. */
function isRead(est: unknown): boolean {
  const [form = '', body] = isJsonObject(est) ? (Object.entries(est)[0] ?? []) : [];
  return form === 'Var' || isRead(part(body, 'left'));
}

function factText(asked: unknown, question: Question): string {
  const value = compileExpression(asked)(question);
  if (value instanceof Failure) return `nothing: ${value.message}`;
  const text = valueText(value);
  return value instanceof Entity ? `${text}${groupsText(value, question)}` : text;
}

/** What an entity is in, because that is what `in` asks. */
export function groupsText(entity: Entity, { source }: Question): string {
  if (entity.hierarchy !== source.hierarchy) source.refresh(entity);
  const { ancestors } = entity;
  if (ancestors.length === 0) return '';
  const shown = ancestors.slice(0, MOST_GROUPS).map(uidText).sort();
  const left = ancestors.length - shown.length;
  return ` in ${shown.join(', ')}${left > 0 ? `, … ${left} more` : ''}`;
}
