import { isJsonObject } from '#base';
import type { CompiledPolicies } from '../../compile.ts';
import type { RunnablePolicy } from '../../evaluate/policy.ts';
import { type Findings, PolicySet } from '../../evaluate/policy-set.ts';
import type { Expression, Question } from '../../evaluate/question.ts';
import { Failure } from '../../evaluate/value.ts';
import { type Clause, clausesOf, holds } from '../clause/clause.ts';
import { part } from '../clause/expression-text.ts';

/** An answer that holds for every value of what is open, or what it depends on. */
export interface OpenAnswer {
  readonly answer: 'yes' | 'no' | 'depends';
  /** `yes`: the permits that grant it. `depends`: the policies that may decide it. */
  readonly policies: readonly string[];
  /** `depends`: the open facts that those policies look at. */
  readonly dependsOn: readonly string[];
}

const NO: OpenAnswer = { answer: 'no', policies: [], dependsOn: [] };

/**
 * Policies that are asked while some facts of the context are open. Each policy is compiled twice: as it holds whatever the open facts
 * are, and as it may hold. INVARIANT: `yes` is a permit and `no` a denial for every value of them; what is neither is `depends`.
 */
export class OpenPolicies {
  readonly #surely: PolicySet;
  readonly #maybe: PolicySet;
  /** Policy -> open facts it looks at. */
  readonly #open = new Map<string, readonly string[]>();

  /** `open`: paths in the context, such as `ip` or `device.id`. */
  constructor({ policies, set }: CompiledPolicies, open: readonly string[]) {
    const clausesById = new Map(policies.map(({ id, est }) => [id, clausesOf(est)]));
    const paths = open.map((path) => path.split('.'));
    const [surely, maybe]: [RunnablePolicy[], RunnablePolicy[]] = [[], []];
    for (const policy of set.policies) {
      const clauses = (clausesById.get(policy.id) ?? []).map((clause) => opened(clause, paths));
      const mentioned = [...new Set(clauses.flatMap(({ openFacts }) => openFacts))];
      if (mentioned.length > 0) this.#open.set(policy.id, mentioned);
      const compile = (isSurely: boolean): RunnablePolicy =>
        mentioned.length === 0 ? policy : { ...policy, test: undefined, condition: conditionOf(clauses, isSurely) };
      surely.push(compile(true));
      maybe.push(compile(false));
    }
    this.#surely = this.#open.size === 0 ? set : new PolicySet(surely);
    this.#maybe = this.#open.size === 0 ? set : new PolicySet(maybe);
  }

  ask(question: Question): OpenAnswer {
    const surely = this.#surely.ask(question);
    if (surely.forbids.length > 0 || hasErredForbid(surely)) return NO;
    const maybe = this.#maybe === this.#surely ? surely : this.#maybe.ask(question);
    if (maybe.permits.length === 0) return NO;
    const against = [
      ...maybe.forbids,
      ...maybe.errors.flatMap(({ policy }) => (policy.effect === 'forbid' ? policy : [])),
    ];
    if (surely.permits.length > 0 && against.length === 0)
      return { answer: 'yes', policies: surely.permits.map(({ id }) => id), dependsOn: [] };
    const policies = [...(surely.permits.length > 0 ? [] : maybe.permits), ...against].map(({ id }) => id);
    const dependsOn = [...new Set(policies.flatMap((id) => this.#open.get(id) ?? []))].sort();
    return { answer: 'depends', policies, dependsOn };
  }
}

/** A forbid that errs denies, as it does in a decision. */
function hasErredForbid({ errors }: Findings): boolean {
  return errors.some(({ policy }) => policy.effect === 'forbid');
}

interface Opened {
  readonly clause: Clause;
  readonly openFacts: readonly string[];
  /** It may err, and then nothing behind it counts. */
  readonly mayErr: boolean;
}

function opened(clause: Clause, paths: readonly (readonly string[])[]): Opened {
  const openFacts = paths.filter((path) => mentions(clause.est, path)).map((path) => `context.${path.join('.')}`);
  return { clause, openFacts, mayErr: openFacts.length > 0 && mayErr(clause.est) };
}

function conditionOf(clauses: readonly Opened[], isSurely: boolean): Expression {
  return (question) => {
    for (const { clause, openFacts, mayErr } of clauses) {
      if (openFacts.length > 0) {
        if (isSurely) return false;
        if (mayErr) return true;
        continue;
      }
      const held = holds(clause, question);
      if (held !== true) return held instanceof Failure ? held : false;
    }
    return true;
  };
}

/** Whether an expression looks at an open fact, at something in it, or at a record that holds it. */
function mentions(est: unknown, path: readonly string[]): boolean {
  const access = contextPath(est);
  if (access !== undefined) return access.every((name, at) => at >= path.length || name === path[at]);
  if (Array.isArray(est)) return est.some((item) => mentions(item, path));
  return isJsonObject(est) && Object.values(est).some((item) => mentions(item, path));
}

/** `context.a.b` as its names; undefined for everything else. */
function contextPath(est: unknown): readonly string[] | undefined {
  if (part(est, 'Var') === 'context') return [];
  const access = part(est, '.') ?? part(est, 'has');
  const before = access === undefined ? undefined : contextPath(part(access, 'left'));
  const name = part(access, 'attr');
  return before === undefined ? undefined : [...before, ...(Array.isArray(name) ? name.map(String) : [String(name)])];
}

/** Strict validation leaves few errors: arithmetic that overflows, and tags and attributes that are not there. */
const ERRING: readonly string[] = ['+', '-', '*', 'neg', 'offset', 'durationSince', 'toDate', 'getTag'];

function mayErr(est: unknown): boolean {
  if (Array.isArray(est)) return est.some(mayErr);
  return isJsonObject(est) && Object.entries(est).some(([form, body]) => ERRING.includes(form) || mayErr(body));
}
