import { isJsonObject } from '#base';
import type { Statement, Token } from './lexer.ts';

/** A policy's text in which each integer that a double cannot hold is replaced by a smaller one, and what each of those stands for. */
export interface Marked {
  readonly text: string;
  readonly meaning: ReadonlyMap<number, bigint>;
}

/**
 * Cedar's JSON form reaches us with integers rounded to doubles. The parser treats all integers alike, so a policy with other integers
 * has the same form: large ones are replaced by safe ones that do not occur in the text, and put back by `unmark`. A token of digits
 * outside strings, comments and words is always an integer. Undefined when there is nothing to replace.
 */
export function markLargeIntegers({ text, tokens }: Statement): Marked | undefined {
  const integers = tokens.filter((token) => /^[0-9]+$/.test(token.text));
  const large = integers.filter((token) => !Number.isSafeInteger(Number(token.text)));
  if (large.length === 0) return undefined;
  const taken = new Set(integers.map((token) => Number(token.text)));
  const meaning = new Map<number, bigint>();
  let marker = Number.MAX_SAFE_INTEGER;
  let marked = '';
  let end = 0;
  const replace = (token: Token): void => {
    while (taken.has(marker)) marker -= 1;
    taken.add(marker);
    meaning.set(marker, BigInt(token.text));
    marked += `${text.slice(end, token.offset)}${marker}`;
    end = token.offset + token.text.length;
  };
  for (const token of large) replace(token);
  return { text: marked + text.slice(end), meaning };
}

/** Puts the large integers back, as bigint. A minus sign may have become part of the literal. */
export function unmark(est: unknown, meaning: ReadonlyMap<number, bigint>): unknown {
  if (typeof est === 'number') {
    const stands = meaning.get(Math.abs(est));
    return stands === undefined ? est : est < 0 ? -stands : stands;
  }
  if (Array.isArray(est)) return est.map((item) => unmark(item, meaning));
  if (!isJsonObject(est)) return est;
  return Object.fromEntries(Object.entries(est).map(([key, item]) => [key, unmark(item, meaning)]));
}
