import { err, type Json, ok, type Problem, type Result } from '#base';
import { CEDAR_SCHEMA } from '#model';
import { type PolicyMeaning, readAnnotations } from './annotations.ts';
import {
  type CompiledPolicies,
  compileSources,
  type ParsedPolicy,
  type PolicySource,
  sliceOf,
  tooLarge,
} from './compile.ts';
import { BUILT_IN_PERMITS, GUARDRAILS } from './guardrails.ts';
import { problemAt, splitPolicies, type Token } from './lexer.ts';
import { checkSlice } from './slice.ts';
import { checkNetworkProfile, type ConnectPolicy } from './network-profile.ts';

/** One policy in force, for people to read. */
export interface PolicySummary {
  /** `<file>#<@id or index>`, `guardrail.…` or `builtin.…`. */
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** `access`, `connect`, `view`, `manage`, or several joined by `, `. */
  readonly action: string;
  readonly title: string;
  /** True for guardrails and the built-in permits. */
  readonly builtin: boolean;
  readonly text: string;
}

/** The policies in force: a bundle and the guardrails, validated. Made only by `loadPolicies`. */
export interface ActivePolicies {
  readonly version: number;
  readonly policies: readonly PolicySummary[];
  /** Legal but suspicious, such as a policy that can never apply. */
  readonly warnings: readonly Problem[];
  /** For this area only. */
  readonly inside: {
    /** The policies on `access`, and those on `view` and `manage`. */
    readonly access: CompiledPolicies;
    readonly manage: CompiledPolicies;
    readonly connect: readonly ConnectPolicy[];
    /** Everything about workloads, to be asked one connection at a time. */
    readonly network: CompiledPolicies;
    /** Every policy, parsed, the built-in ones included. */
    readonly parsed: readonly ParsedPolicy[];
    readonly meanings: ReadonlyMap<string, PolicyMeaning & { readonly effect: 'permit' | 'forbid' }>;
  };
}

/**
 * Validates a bundle strictly against Cordon's schema, checks the network profile and adds the guardrails. All problems are
 * returned at once, with file, line and column. Besides the codes of `compilePolicies`: `policy-id-reserved`, `policy-id-duplicate`,
 * `policy-action-missing`, `policy-literal-entity`, `policy-template`, `network-profile`, `reason-unknown`, `remedy-unknown`, `remedy-invalid`.
 */
export function loadPolicies(input: {
  readonly texts: Readonly<Record<string, string>>;
  readonly version: number;
}): Result<ActivePolicies, Problem[]> {
  try {
    const texts = policyTexts(input.texts);
    const large = tooLarge(Object.values(texts));
    if (large !== undefined) return err([large]);
    const problems: Problem[] = [];
    const sources = sourcesOf(texts, problems);
    const compiled = compileSources([...sources, ...builtIns()], CEDAR_SCHEMA, []);
    if (!compiled.ok) problems.push(...compiled.error);
    // Policies that do not even parse must not hide what is wrong with the others.
    const parsed = compiled.ok ? compiled.value.policies : parsedAlone(sources);
    const meanings = new Map<string, PolicyMeaning & { readonly effect: 'permit' | 'forbid' }>();
    for (const policy of parsed) {
      const meaning = checkPolicy(policy, problems);
      meanings.set(policy.id, { ...meaning, effect: policy.est.effect });
    }
    if (!compiled.ok || problems.length > 0) return err(inOrder(problems));
    return ok(activate(compiled.value, meanings, input.version));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.toLowerCase() : 'unknown failure';
    return err([{ code: 'policy-syntax', message: `the policies cannot be read: ${reason}` }]);
  }
}

/** Files with this ending are tests of the policies beside them; they travel with a bundle and decide nothing. */
export const TEST_ENDING = '.cedartest.yaml';

/** The texts of a bundle that are policies. */
export function policyTexts(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([file]) => !file.endsWith(TEST_ENDING)));
}

/** The checked policies on `Action::"connect"`, for segmentation. */
export function connectPolicies(policies: ActivePolicies): readonly ConnectPolicy[] {
  return policies.inside.connect;
}

/** Splits the texts of a bundle into policies named `<file>#<@id or index>`; what is wrong with the names goes to `problems`. */
export function sourcesOf(texts: Readonly<Record<string, string>>, problems: Problem[]): PolicySource[] {
  const sources: PolicySource[] = [];
  const taken = new Set<string>();
  for (const [file, text] of Object.entries(texts)) {
    const place = { file, text };
    for (const [index, statement] of splitPolicies(text).entries()) {
      const { name, token } = idAnnotation(statement.tokens);
      const where = { place, statement, token };
      const id = `${file}#${name ?? index}`;
      if (/^(guardrail|builtin)\./u.test(name ?? ''))
        problems.push(
          problemAt(where, {
            code: 'policy-id-reserved',
            message: `the id \`${name ?? ''}\` is reserved for built-in policies`,
            hint: 'choose another `@id`',
          }),
        );
      if (taken.has(id)) {
        problems.push(
          problemAt(where, {
            code: 'policy-id-duplicate',
            message: `the id \`${id}\` appears twice`,
            hint: 'give each policy of a file its own `@id`',
          }),
        );
        continue;
      }
      taken.add(id);
      sources.push({ id, place, statement });
    }
  }
  return sources;
}

/** Reads `@id("…")` from the tokens, because a policy needs its id before it is parsed. */
function idAnnotation(tokens: readonly Token[]): { name: string | undefined; token: Token | undefined } {
  for (const [index, token] of tokens.entries()) {
    if (token.text === 'permit' || token.text === 'forbid') break;
    const [at, open, value] = [tokens[index - 1], tokens[index + 1], tokens[index + 2]];
    if (token.text !== 'id' || token.depth !== 0 || at?.text !== '@' || open?.text !== '(') continue;
    if (value?.text.startsWith('"') === true) return { name: value.text.slice(1, -1), token: value };
  }
  return { name: undefined, token: undefined };
}

function builtIns(): PolicySource[] {
  return [...BUILT_IN_PERMITS, ...GUARDRAILS].flatMap(({ id, text }) =>
    splitPolicies(text).map((statement) => ({ id, place: { file: id, text }, statement })),
  );
}

function parsedAlone(sources: readonly PolicySource[]): ParsedPolicy[] {
  return sources.flatMap((source) => {
    const compiled = compileSources([source], undefined, []);
    return compiled.ok ? compiled.value.policies : [];
  });
}

function checkPolicy(policy: ParsedPolicy, problems: Problem[]): PolicyMeaning {
  const { est, place, statement } = policy;
  const tokenOf = (word: string): Token | undefined => statement.tokens.find((token) => token.text === word);
  const report = (word: string, problem: { code: string; message: string; hint: string }): void => {
    problems.push(problemAt({ place, statement, token: tokenOf(word) }, problem));
  };
  if (statement.isTemplate)
    report('?principal', {
      code: 'policy-template',
      message: 'a bundle cannot hold templates',
      hint: 'write one policy per group instead',
    });
  const actions = actionsOf(policy);
  if (actions.length === 0)
    report('action', {
      code: 'policy-action-missing',
      message: 'a policy has to name its actions',
      hint: 'write `action == Action::"access"`, `"connect"`, `"view"` or `"manage"`',
    });
  if (actions.includes('connect')) {
    if (actions.length > 1)
      report('action', {
        code: 'network-profile',
        message: 'a policy on connect cannot be about other actions too',
        hint: 'write a policy of its own with `action == Action::"connect"`',
      });
    problems.push(...checkNetworkProfile(policy));
  }
  problems.push(...checkSlice(policy));
  const meaning = readAnnotations(est);
  if (meaning.ok) return meaning.value;
  for (const problem of meaning.error)
    report(problem.key, { code: problem.code, message: problem.message, hint: problem.hint });
  return {};
}

function actionsOf({ est }: ParsedPolicy): string[] {
  const { op, entity, entities } = est.action;
  if (op === 'All') return [];
  return [...new Set((entities ?? (entity === undefined ? [] : [entity])).map(({ id }) => id))];
}

function inOrder(problems: readonly Problem[]): Problem[] {
  const key = ({ source }: Problem): [string, number] => [source?.file ?? '', source?.offset ?? 0];
  return [...problems].sort((a, b) => {
    const [[fileA, offsetA], [fileB, offsetB]] = [key(a), key(b)];
    return fileA === fileB ? offsetA - offsetB : fileA < fileB ? -1 : 1;
  });
}

function activate(
  compiled: CompiledPolicies,
  meanings: ActivePolicies['inside']['meanings'],
  version: number,
): ActivePolicies {
  const about = (wanted: readonly string[]) => (policy: ParsedPolicy) =>
    actionsOf(policy).some((action) => wanted.includes(action));
  return {
    version,
    warnings: compiled.warnings,
    policies: compiled.policies.map((policy) => ({
      id: policy.id,
      effect: policy.est.effect,
      action: actionsOf(policy).join(', '),
      title: meanings.get(policy.id)?.title ?? '',
      builtin: policy.place.file === policy.id,
      text: policy.statement.text,
    })),
    inside: {
      access: sliceOf(compiled, about(['access'])),
      manage: sliceOf(compiled, about(['view', 'manage'])),
      connect: compiled.policies.filter(about(['connect'])).map(connectPolicy),
      network: sliceOf(compiled, about(['connect'])),
      parsed: compiled.policies,
      meanings,
    },
  };
}

function connectPolicy({ id, est, statement }: ParsedPolicy): ConnectPolicy {
  return {
    id,
    effect: est.effect,
    // Cedar's JSON form came out of JSON.parse, so it is JSON.
    principal: est.principal as unknown as Json,
    resource: est.resource as unknown as Json,
    conditions: est.conditions as unknown as ConnectPolicy['conditions'],
    text: statement.text,
  };
}
