import { err, isJsonObject, ok, type Result } from '#base';
import { type CedarComplaint, parsePolicy, type PolicyEst } from './engine.ts';
import type { Statement, Token } from './lexer.ts';

/** A literal that was taken out of a policy's text, and what stands in its place. */
interface Filling {
  readonly token: Token;
  readonly value: string | number | bigint;
}

/** The clauses of policies whose numbers their JSON form does not hold. */
const exactForms = new WeakMap<PolicyEst, PolicyEst['conditions']>();

/** The clauses of a parsed policy with every integer exact, bigint beyond 2^53. In its JSON form those are rounded. */
export function exactConditions(est: PolicyEst): PolicyEst['conditions'] {
  return exactForms.get(est) ?? est.conditions;
}

/**
 * Parses policies, each shape once. Large sets say the same about many things: their texts differ in strings and numbers only, which the
 * grammar does not look into. Those are taken out of the text, the rest is parsed by Cedar, and they are put back into its JSON form.
 * Numbers are exact that way (see `exactConditions`); in the JSON that Cedar would make of them they are doubles.
 *
 * This tells only the form of policies that Cedar accepts; whether it does must be asked with the whole text.
 */
export class ShapeParser {
  readonly #shapes = new Map<string, PolicyEst | undefined>();

  /** The JSON form of a policy, or what Cedar says against its text. */
  parse(statement: Statement): Result<PolicyEst, CedarComplaint[]> {
    const fillings = fillingsOf(statement.tokens);
    const shape = this.#shapeOf(statement, fillings);
    if (shape !== undefined) {
      const exact = filled(shape, fillings) as PolicyEst;
      if (!fillings.some(({ value }) => typeof value === 'bigint')) return ok(exact);
      const est = rounded(exact) as PolicyEst;
      exactForms.set(est, exact.conditions);
      return ok(est);
    }
    const whole = parsePolicy(statement.text, statement.isTemplate);
    // No text is known that Cedar reads, but not its shape. Its numbers might not be exact.
    return whole.ok ? err([{ message: 'the literals of this policy cannot be told apart' }]) : whole;
  }

  #shapeOf({ text, isTemplate }: Statement, fillings: readonly Filling[]): PolicyEst | undefined {
    const parts: string[] = [];
    let end = 0;
    for (const [at, { token, value }] of fillings.entries()) {
      parts.push(
        text.slice(end, token.offset),
        typeof value === 'string' ? `"${stringMark(at)}"` : `${numberMark(at)}`,
      );
      end = token.offset + token.text.length;
    }
    parts.push(text.slice(end));
    const shape = parts.join('');
    if (!this.#shapes.has(shape)) {
      const parsed = parsePolicy(shape, isTemplate);
      this.#shapes.set(shape, parsed.ok ? parsed.value : undefined);
    }
    return this.#shapes.get(shape);
  }
}

/** Starts what stands for a string. */
const MARK = '\u0001';
/** Numbers count from here. */
const FIRST_NUMBER = 1_000_000_000;

function stringMark(at: number): string {
  return `${MARK}${at}`;
}

function numberMark(at: number): number {
  return FIRST_NUMBER + at;
}

/**
 * The literals whose content the grammar does not look into: all numbers, and strings, except patterns of `like` and names in records,
 * which must not repeat. Where a string may hold the mark itself, also by an escape, no string is taken out.
 */
function fillingsOf(tokens: readonly Token[]): Filling[] {
  const isMarked = tokens.some(({ text }) => text.startsWith('"') && (text.includes(MARK) || text.includes('\\')));
  return tokens.flatMap((token, at): Filling[] => {
    const { text } = token;
    if (/^[0-9]+$/.test(text)) {
      const value = Number(text);
      return [{ token, value: Number.isSafeInteger(value) ? value : BigInt(text) }];
    }
    if (isMarked || text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return [];
    const isSpecial = tokens[at - 1]?.text === 'like' || tokens[at + 1]?.text === ':';
    return isSpecial ? [] : [{ token, value: text.slice(1, -1) }];
  });
}

/** Puts the literals back. What holds none of them is shared with the shape. */
function filled(est: unknown, fillings: readonly Filling[]): unknown {
  if (typeof est === 'string') {
    const value = est.startsWith(MARK) ? fillings[Number(est.slice(1))]?.value : undefined;
    return typeof value === 'string' ? value : est;
  }
  if (typeof est === 'number') {
    const value = fillings[Math.abs(est) - FIRST_NUMBER]?.value;
    if (value === undefined || typeof value === 'string') throw new Error('a number of unknown origin');
    if (est > 0) return value;
    return typeof value === 'bigint' ? -value : 0 - value; // the minus sign became part of the number; not -0
  }
  if (Array.isArray(est)) {
    const items = est.map((item) => filled(item, fillings));
    return items.every((item, at) => item === est[at]) ? est : items;
  }
  if (!isJsonObject(est)) return est;
  const entries = Object.entries(est);
  const changed = entries.map(([key, item]) => [key, filled(item, fillings)] as const);
  return changed.every(([, item], at) => item === entries[at]?.[1]) ? est : Object.fromEntries(changed);
}

function rounded(est: unknown): unknown {
  if (typeof est === 'bigint') return Number(est);
  if (Array.isArray(est)) return est.map(rounded);
  if (!isJsonObject(est)) return est;
  return Object.fromEntries(Object.entries(est).map(([key, item]) => [key, rounded(item)]));
}
