import { type Term, term } from './term.ts';

/** Whether what is left still shows what is looked for. */
export type Keeps<T> = (candidate: T) => boolean;

/** Limits of shrinking. */
export interface ShrinkOptions {
  /** Candidates after which the best so far is returned. */
  readonly tries?: number;
  /** Keys that are part of the form of the data and stay where they are. */
  readonly fixed?: readonly string[];
}

/**
 * Makes plain data smaller as long as it keeps showing the same thing: removes items of arrays (halves first) and keys of objects,
 * turns true to false, and puts an operand, or a constant, in the place of an expression.
 */
export function shrink<T>(value: T, keeps: Keeps<T>, { tries = 3000, fixed = [] }: ShrinkOptions = {}): T {
  let left = tries;
  const shape = new Set(fixed);
  const counted: Keeps<unknown> = (candidate) => {
    left -= 1;
    // Data may not mean anything once a part is missing; that is not what is looked for.
    try {
      return left > 0 && keeps(candidate as T);
    } catch {
      return false;
    }
  };
  let best: unknown = value;
  for (let before: unknown; before !== best && left > 0; ) {
    before = best;
    best = smaller(best, { keeps: counted, shape });
  }
  return best as T;
}

interface Goal {
  readonly keeps: Keeps<unknown>;
  readonly shape: ReadonlySet<string>;
}

function smaller(value: unknown, { keeps, shape }: Goal): unknown {
  if (value === true) return !keeps(false);
  if (Array.isArray(value)) return smallerArray(value, { keeps, shape });
  if (typeof value !== 'object' || value === null) return value;
  return isTerm(value) ? smallerTerm(value, { keeps, shape }) : smallerObject(value, { keeps, shape });
}

function smallerArray(items: readonly unknown[], { keeps, shape }: Goal): readonly unknown[] {
  let best = items;
  for (let size = Math.ceil(best.length / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.length; ) {
      const candidate = best.toSpliced(at, size);
      if (keeps(candidate)) best = candidate;
      else at += size;
    }
  for (let at = 0; at < best.length; at += 1) {
    const others = best;
    const item = smaller(others[at], { shape, keeps: (candidate) => keeps(others.with(at, candidate)) });
    if (item !== others[at]) best = others.with(at, item);
  }
  return best;
}

function smallerObject(value: object, { keeps, shape }: Goal): object {
  let best = new Map(Object.entries(value));
  const isKept = (candidate: ReadonlyMap<string, unknown>): boolean => keeps(Object.fromEntries(candidate));
  for (const key of [...best.keys()]) {
    const others = new Map(best);
    others.delete(key);
    if (!shape.has(key) && isKept(others)) {
      best = others;
      continue;
    }
    const whole = best;
    const item: unknown = whole.get(key);
    const reduced = smaller(item, { shape, keeps: (one) => isKept(new Map(whole).set(key, one)) });
    if (reduced !== item) best = new Map(whole).set(key, reduced);
  }
  const isChanged =
    best.size < Object.keys(value).length || Object.entries(value).some(([key, item]) => best.get(key) !== item);
  return isChanged ? Object.fromEntries(best) : value;
}

function isTerm(value: object): value is Term {
  return 'op' in value && 'args' in value && 'words' in value;
}

const CONSTANTS: readonly Term[] = [term('bool', ['true']), term('bool', ['false']), term('long', ['0'])];

function smallerTerm(value: Term, { keeps, shape }: Goal): Term {
  const isLiteral = value.args.length === 0;
  const candidates = [...value.args, ...(isLiteral ? [] : CONSTANTS)];
  const simpler = candidates.find((candidate) => keeps(candidate));
  if (simpler !== undefined) return smallerTerm(simpler, { keeps, shape });
  if (value.op === 'record') return smallerRecord(value, { keeps, shape });
  const args = smallerArray(value.args, { shape, keeps: (candidate) => keeps({ ...value, args: candidate }) });
  return args === value.args ? value : { ...value, args: args as readonly Term[] };
}

/** Words and operands of a record belong together. */
function smallerRecord(value: Term, { keeps, shape }: Goal): Term {
  let best = value;
  for (let at = 0; at < best.args.length; ) {
    const candidate = { ...best, words: best.words.toSpliced(at, 1), args: best.args.toSpliced(at, 1) };
    if (keeps(candidate)) best = candidate;
    else at += 1;
  }
  for (let at = 0; at < best.args.length; at += 1) {
    const whole = best;
    const holds = (one: unknown): boolean => keeps({ ...whole, args: whole.args.with(at, one as Term) });
    const arg = smaller(whole.args[at], { shape, keeps: holds }) as Term;
    if (arg !== whole.args[at]) best = { ...whole, args: whole.args.with(at, arg) };
  }
  return best;
}
