import { err, ok, type Problem, type Result } from '#base';
import {
  type CedarComplaint,
  type EntityUid,
  parsePolicy,
  type PolicyEst,
  type PolicyParts,
  type SchemaSource,
  validatePolicies,
} from './engine.ts';
import { type FirstTest, firstTest } from './evaluate/first-test.ts';
import { compileConditions, linkPolicy, type RunnablePolicy } from './evaluate/policy.ts';
import { PolicySet } from './evaluate/policy-set.ts';
import type { Expression } from './evaluate/question.ts';
import { isUid, uidProblem } from './evaluate/read-value.ts';
import type { Schema } from './evaluate/schema.ts';
import { markLargeIntegers, unmark } from './exact-integers.ts';
import {
  LIMITS,
  offsetOfByte,
  type Place,
  problemAt,
  spanAt,
  splitPolicies,
  type Statement,
  tooDeepAt,
} from './lexer.ts';
import { compileSchema } from './schema-source.ts';

/** Makes a policy out of a template by filling its slots. */
export interface TemplateLink {
  readonly templateId: string;
  /** Id of the policy that results. */
  readonly newId: string;
  /** `?principal` and `?resource` -> entity. */
  readonly values: Readonly<Record<string, EntityUid>>;
}

/** What `compilePolicies` takes. */
export interface PolicyInput {
  /** One Cedar text, whose policies are named `policy0`, `policy1`, … in order; or one text per policy id. */
  readonly policies: string | Readonly<Record<string, string>>;
  /** Cedar schema, text or JSON. When given, every policy must validate strictly. */
  readonly schema?: SchemaSource;
  readonly templateLinks?: readonly TemplateLink[];
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

/** Policies ready to be asked. Made only by `compilePolicies`. */
export interface CompiledPolicies {
  readonly policies: readonly ParsedPolicy[];
  /** What is legal but suspicious, such as a policy that can never apply. */
  readonly warnings: readonly Problem[];
  /** The same, compiled. */
  readonly set: PolicySet;
  readonly schema: { readonly source: SchemaSource; readonly compiled: Schema } | undefined;
  /** The same as texts, for Cedar. */
  readonly parts: PolicyParts;
}

/** A policy text that has an id but is not parsed yet. */
export interface PolicySource {
  readonly id: string;
  readonly place: Place;
  readonly statement: Statement;
}

/**
 * Parses, validates and compiles. All problems are returned at once, each with code, message and source span.
 * Codes: `policy-too-large`, `policy-too-deep`, `policy-syntax`, `policy-invalid`, `schema-invalid`, `template-link-invalid`.
 */
export function compilePolicies(input: PolicyInput): Result<CompiledPolicies, Problem[]> {
  try {
    const named = sourcesOf(input.policies);
    if (!named.ok) return named;
    return compileSources(named.value, input.schema, input.templateLinks ?? []);
  } catch (cause) {
    return err([unreadable(cause)]);
  }
}

function unreadable(cause: unknown): Problem {
  const reason = cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure';
  return { code: 'policy-syntax', message: `the policies cannot be read: ${reason}` };
}

/** Refuses texts that together are larger than the parser is given. */
export function tooLarge(texts: Iterable<string>): Problem | undefined {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  if (bytes <= LIMITS.totalBytes) return undefined;
  return {
    code: 'policy-too-large',
    message: `the policies are ${bytes} bytes long, at most ${LIMITS.totalBytes} are read`,
    hint: 'say with groups and tags what many policies say one by one',
  };
}

function sourcesOf(policies: PolicyInput['policies']): Result<PolicySource[], Problem[]> {
  const large = tooLarge(typeof policies === 'string' ? [policies] : Object.values(policies));
  if (large !== undefined) return err([large]);
  if (typeof policies === 'string') {
    const place = { file: 'policies', text: policies };
    return ok(splitPolicies(policies).map((statement, index) => ({ id: `policy${index}`, place, statement })));
  }
  const sources: PolicySource[] = [];
  const problems: Problem[] = [];
  for (const [id, text] of Object.entries(policies)) {
    const place = { file: id, text };
    const [statement, second] = splitPolicies(text);
    if (statement === undefined || second !== undefined) {
      const message = statement === undefined ? `\`${id}\` holds no policy` : `\`${id}\` holds more than one policy`;
      const source = spanAt(place, second?.offset ?? 0, second?.text.length ?? text.length);
      problems.push({ code: 'policy-syntax', message, source, hint: 'give each id the text of one policy' });
    } else sources.push({ id, place, statement });
  }
  return problems.length === 0 ? ok(sources) : err(problems);
}

/** Compiles policies that already have ids and places. */
export function compileSources(
  sources: readonly PolicySource[],
  schema: SchemaSource | undefined,
  links: readonly TemplateLink[],
): Result<CompiledPolicies, Problem[]> {
  const checked = schema === undefined ? ok(undefined) : compileSchema(schema);
  const problems: Problem[] = checked.ok ? [] : [...checked.error];
  const policies: ParsedPolicy[] = [];
  for (const source of sources) {
    const parsed = parseSource(source);
    if (parsed.ok) policies.push(parsed.value);
    else problems.push(...parsed.error);
  }
  problems.push(...linkProblems(policies, links));
  const parts = partsOf(policies, links);
  const warnings: Problem[] = [];
  if (schema !== undefined && checked.ok) {
    const verdict = validatePolicies(parts, schema);
    const byId = new Map(policies.map((policy) => [policy.id, policy]));
    problems.push(...verdict.errors.map((complaint) => policyProblem('policy-invalid', complaint, byId)));
    warnings.push(...verdict.warnings.map((complaint) => policyProblem('policy-warning', complaint, byId)));
  }
  if (problems.length > 0 || !checked.ok) return err(problems);
  return ok({
    policies,
    warnings,
    set: new PolicySet(runnable(policies, links)),
    schema:
      schema === undefined || checked.value === undefined ? undefined : { source: schema, compiled: checked.value },
    parts,
  });
}

/** The policies that are asked: every static policy and every link. A template alone is none. */
function runnable(policies: readonly ParsedPolicy[], links: readonly TemplateLink[]): RunnablePolicy[] {
  const bodies = new Map(policies.map((policy) => [policy.id, policy]));
  const wanted = [
    ...policies.filter(({ statement }) => !statement.isTemplate).map(({ id }) => ({ id, bodyId: id, slots: {} })),
    ...links.map(({ newId, templateId, values }) => ({ id: newId, bodyId: templateId, slots: values })),
  ];
  return wanted.flatMap(({ id, bodyId, slots }, order) => {
    const body = bodies.get(bodyId);
    return body === undefined ? [] : [linkPolicy(id, order, body, slots)];
  });
}

/** The same policies, fewer: so that a question is asked only of policies that can be about it. */
export function sliceOf(compiled: CompiledPolicies, keeps: (policy: ParsedPolicy) => boolean): CompiledPolicies {
  const policies = compiled.policies.filter(keeps);
  const set = new PolicySet(runnable(policies, []));
  return { policies, warnings: [], set, schema: undefined, parts: partsOf(policies, []) };
}

function parseSource(source: PolicySource): Result<ParsedPolicy, Problem[]> {
  const { statement, place } = source;
  const deep = tooDeepAt(statement);
  if (deep !== undefined) return err([tooDeep({ place, statement, token: deep })]);
  const parsed = parsePolicy(statement.text, statement.isTemplate);
  if (!parsed.ok)
    return err(
      parsed.error.map((complaint) =>
        toProblem('policy-syntax', complaint, { place, text: statement.text, offset: statement.offset }),
      ),
    );
  if (treeDepth(parsed.value.conditions) > 2 * LIMITS.treeDepth)
    return err([tooDeep({ place, statement, token: statement.tokens[0] })]);
  const conditions = exactConditions(statement, parsed.value);
  return ok({ ...source, est: parsed.value, condition: compileConditions(conditions), test: firstTest(conditions) });
}

/** The clauses of a policy with its integers as they are written. */
function exactConditions(statement: Statement, { conditions }: PolicyEst): PolicyEst['conditions'] {
  const marked = markLargeIntegers(statement);
  if (marked === undefined) return conditions;
  const parsed = parsePolicy(marked.text, statement.isTemplate);
  if (!parsed.ok) throw new Error('the policy has another form with other integers');
  return unmark(parsed.value.conditions, marked.meaning) as PolicyEst['conditions'];
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

function linkProblems(policies: readonly ParsedPolicy[], links: readonly TemplateLink[]): Problem[] {
  const problems: Problem[] = [];
  const taken = new Set(policies.map((policy) => policy.id));
  const templates = new Map(policies.filter(({ statement }) => statement.isTemplate).map((one) => [one.id, one]));
  for (const link of links) {
    const report = (message: string): void => {
      problems.push({ code: 'template-link-invalid', message, source: { file: link.newId } });
    };
    const template = templates.get(link.templateId);
    if (template === undefined) report(`\`${link.templateId}\` is not the id of a template`);
    else for (const message of slotProblems(template, link.values)) report(message);
    if (taken.has(link.newId)) report(`the id \`${link.newId}\` is taken`);
    taken.add(link.newId);
  }
  return problems;
}

/** Every slot of a template has to be filled with an entity, and nothing else. */
function slotProblems({ est }: ParsedPolicy, values: Readonly<Record<string, unknown>>): string[] {
  const slots = [est.principal, est.resource].flatMap((scope) => scope.slot ?? scope.in?.slot ?? []);
  const missing = slots.filter((slot) => !Object.hasOwn(values, slot)).map((slot) => `\`${slot}\` is not filled`);
  const wrong = Object.entries(values).flatMap(([slot, value]) => {
    if (!slots.includes(slot)) return [`the template has no slot \`${slot}\``];
    const problem = isUid(value) ? uidProblem(value) : 'is not an entity';
    return problem === undefined ? [] : [`what fills \`${slot}\` ${problem}`];
  });
  return [...missing, ...wrong];
}

function partsOf(policies: readonly ParsedPolicy[], links: readonly TemplateLink[]): PolicyParts {
  const texts = (isTemplate: boolean): Record<string, string> =>
    Object.fromEntries(
      policies
        .filter((policy) => policy.statement.isTemplate === isTemplate)
        .map(({ id, statement }) => [id, statement.text]),
    );
  return { staticPolicies: texts(false), templates: texts(true), templateLinks: links };
}

function policyProblem(code: string, complaint: CedarComplaint, policies: ReadonlyMap<string, ParsedPolicy>): Problem {
  const policy = policies.get(complaint.policyId ?? '');
  if (policy === undefined) return toProblem(code, complaint, undefined);
  const { place, statement } = policy;
  return toProblem(code, complaint, { place, text: statement.text, offset: statement.offset });
}

/** `text` is what Cedar saw; it starts at `offset` of the place's text. */
function toProblem(
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
