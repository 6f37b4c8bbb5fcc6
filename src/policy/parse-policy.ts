import { err, ok, type Problem, type Result } from '#base';
import type { CedarComplaint, PolicyEst } from './engine.ts';
import { type FirstTest, firstTest } from './evaluate/first-test.ts';
import { compileConditions } from './evaluate/policy.ts';
import type { Expression } from './evaluate/question.ts';
import { LIMITS, offsetOfByte, type Place, problemAt, spanAt, type Statement, tooDeepAt } from './lexer.ts';
import { exactConditions, ShapeParser } from './shape.ts';

/** A policy text that has an id but is not parsed yet. */
export interface PolicySource {
  readonly id: string;
  readonly place: Place;
  readonly statement: Statement;
}

/** One policy or template, parsed. */
export interface ParsedPolicy {
  readonly id: string;
  readonly est: PolicyEst;
  readonly place: Place;
  readonly statement: Statement;
  /** The clauses, compiled. */
  readonly condition: Expression | undefined;
  readonly test: FirstTest | undefined;
}

interface Clauses {
  readonly condition: Expression | undefined;
  readonly test: FirstTest | undefined;
}

/** Parses policies and compiles their clauses. Policies of one shape share what does not differ. */
export class PolicyParser {
  readonly #shapes = new ShapeParser();
  readonly #clauses = new Map<PolicyEst['conditions'], Clauses>();

  /** Codes: `policy-too-large`, `policy-too-deep`, `policy-syntax`. */
  parse(source: PolicySource): Result<ParsedPolicy, Problem[]> {
    const { statement, place } = source;
    const bad = boundProblem(source);
    if (bad !== undefined) return err([bad]);
    const parsed = this.#shapes.parse(statement);
    if (!parsed.ok) {
      const where = { place, text: statement.text, offset: statement.offset };
      return err(parsed.error.map((complaint) => toProblem('policy-syntax', complaint, where)));
    }
    const est = parsed.value;
    const conditions = exactConditions(est);
    if (treeDepth(conditions) > 2 * LIMITS.treeDepth)
      return err([tooDeep({ place, statement, token: statement.tokens[0] })]);
    return ok({ ...source, est, ...this.#compiled(conditions) });
  }

  #compiled(conditions: PolicyEst['conditions']): Clauses {
    const known = this.#clauses.get(conditions);
    if (known !== undefined) return known;
    const clauses = { condition: compileConditions(conditions), test: firstTest(conditions) };
    this.#clauses.set(conditions, clauses);
    return clauses;
  }
}

function boundProblem({ statement, place }: PolicySource): Problem | undefined {
  const { tokens, text } = statement;
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.policyBytes) {
    return problemAt(
      { place, statement, token: tokens[0] },
      {
        code: 'policy-too-large',
        message: `this policy is ${bytes} bytes long, at most ${LIMITS.policyBytes} are read`,
        hint: 'split it',
      },
    );
  }
  const deep = tooDeepAt(tokens);
  return deep === undefined ? undefined : tooDeep({ place, statement, token: deep });
}

function tooDeep(where: Parameters<typeof problemAt>[0]): Problem {
  return problemAt(where, {
    code: 'policy-too-deep',
    message: `this policy nests deeper than ${LIMITS.brackets} brackets or ${LIMITS.treeDepth} operators`,
    hint: 'split it, or test membership in a set: `["a", "b"].contains(…)`',
  });
}

/** Levels of objects and arrays, found without recursion. */
function treeDepth(root: unknown): number {
  let deepest = 0;
  const queue: [unknown, number][] = [[root, 1]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [value, depth] = next;
    if (typeof value !== 'object' || value === null) continue;
    deepest = Math.max(deepest, depth);
    for (const item of Object.values(value)) queue.push([item, depth + 1]);
  }
  return deepest;
}

/** `text` is what Cedar saw; it starts at `offset` of the place's text. */
export function toProblem(
  code: string,
  complaint: CedarComplaint,
  where: { readonly place: Place; readonly text: string; readonly offset: number } | undefined,
): Problem {
  // Cedar repeats our long policy ids in front of its message; the span says it better.
  const message = complaint.message.replace(/^for policy `[^`]*`, /, '');
  const hint = complaint.hint?.replace(/^for policy `[^`]*`, /, '');
  const problem = { code, message, ...(hint === undefined ? {} : { hint }) };
  if (where === undefined) return problem;
  const start = offsetOfByte(where.text, complaint.startByte ?? 0);
  const end = complaint.endByte === undefined ? where.text.length : offsetOfByte(where.text, complaint.endByte);
  return { ...problem, source: spanAt(where.place, where.offset + start, end - start) };
}
