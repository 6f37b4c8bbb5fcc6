import { err, ok, type Problem, type Result } from '#base';
import { acceptance } from './accept-policies.ts';
import type { EntityUid, SchemaSource } from './engine.ts';
import { linkPolicy, type RunnablePolicy } from './evaluate/policy.ts';
import { PolicySet } from './evaluate/policy-set.ts';
import { isUid, uidProblem } from './evaluate/read-value.ts';
import type { Schema } from './evaluate/schema.ts';
import { LIMITS, spanAt, splitPolicies } from './lexer.ts';
import { type ParsedPolicy, PolicyParser, type PolicySource } from './parse-policy.ts';
import { compileSchema } from './schema-source.ts';

export type { ParsedPolicy, PolicySource } from './parse-policy.ts';

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

/** Policies ready to be asked. Made only by `compilePolicies`. */
export interface CompiledPolicies {
  readonly policies: readonly ParsedPolicy[];
  /** What is legal but suspicious, such as a policy that can never apply. */
  readonly warnings: readonly Problem[];
  /** The same, compiled. */
  readonly set: PolicySet;
  readonly schema: Schema | undefined;
}

/**
 * Parses, validates and compiles. All problems are returned at once, each with code, message and source span.
 * Codes: `policy-too-large`, `policy-too-deep`, `policy-syntax`, `policy-invalid`, `schema-invalid`, `template-link-invalid`.
 */
export function compilePolicies(input: PolicyInput): Result<CompiledPolicies, Problem[]> {
  try {
    const named = sourcesOf(input.policies);
    if (!named.ok) return named;
    const many = tooMany(named.value.length);
    if (many !== undefined) return err([many]);
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
export function tooLarge(texts: Iterable<string>, most: number = LIMITS.totalBytes): Problem | undefined {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  if (bytes <= most) return undefined;
  const message = `the policies are ${bytes} bytes long, at most ${most} are read`;
  return { code: 'policy-too-large', message, hint: HINT };
}

const HINT = 'say with groups and tags what many policies say one by one';

/** Refuses more policies than are read. */
function tooMany(count: number): Problem | undefined {
  if (count <= LIMITS.policies) return undefined;
  const message = `there are ${count} policies, at most ${LIMITS.policies} are read`;
  return { code: 'policy-too-large', message, hint: HINT };
}

function sourcesOf(policies: PolicyInput['policies']): Result<PolicySource[], Problem[]> {
  const large = tooLarge(typeof policies === 'string' ? [policies] : Object.values(policies), LIMITS.setBytes);
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
  const parser = new PolicyParser();
  for (const source of sources) {
    const parsed = parser.parse(source);
    if (parsed.ok) policies.push(parsed.value);
    else problems.push(...parsed.error);
  }
  problems.push(...linkProblems(policies, links));
  // Links that are wrong would only be said to be wrong once more, and without their names.
  const isLinked = !problems.some(({ code }) => code === 'template-link-invalid');
  const verdict = acceptance(policies, isLinked ? links : [], checked.ok ? schema : undefined);
  problems.push(...verdict.problems);
  if (problems.length > 0 || !checked.ok) return err(problems);
  const set = new PolicySet(runnable(policies, links));
  return ok({ policies, warnings: verdict.warnings, set, schema: checked.value });
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
  return { policies, warnings: [], set, schema: undefined };
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
