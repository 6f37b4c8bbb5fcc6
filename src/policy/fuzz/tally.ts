import type { Answer } from './compare.ts';
import { type FuzzPolicy, operatorsOf } from './term.ts';
import type { World } from './world.ts';

/** How often an operator occurred, and how often a policy with it mattered. */
export interface OperatorCount {
  policies: number;
  /** Decisions in which a policy that uses it was among the determining ones. */
  determining: number;
  /** Decisions in which a policy that uses it erred. */
  erring: number;
}

/** Counts what a run has covered: a comparison of answers that are all alike proves nothing. */
export class Tally {
  worlds = 0;
  /** Worlds that both sides refused. */
  refusedWorlds = 0;
  policies = 0;
  links = 0;
  mostPolicies = 0;
  decisions = 0;
  withSchema = 0;
  allow = 0;
  denyByForbid = 0;
  defaultDeny = 0;
  refused = 0;
  withErrors = 0;
  readonly operators: Map<string, OperatorCount> = new Map();
  #operatorsById: Map<string, readonly OperatorCount[]> = new Map();
  #hasSchema = false;

  /** Takes note of a world that questions are asked about next. */
  world({ policies, links, schema }: World): void {
    this.worlds += 1;
    this.policies += policies.length;
    this.links += links.length;
    this.mostPolicies = Math.max(this.mostPolicies, policies.length);
    this.#hasSchema = schema !== undefined;
    this.#operatorsById = new Map(policies.map((policy) => [policy.id, this.#countersOf(policy)]));
    for (const { newId, templateId } of links)
      this.#operatorsById.set(newId, this.#operatorsById.get(templateId) ?? []);
    for (const { id } of policies) for (const counter of this.#operatorsById.get(id) ?? []) counter.policies += 1;
  }

  /** Takes note of one answer. */
  decision({ decision, reason, errors }: Answer): void {
    this.decisions += 1;
    if (this.#hasSchema) this.withSchema += 1;
    if (decision === 'refused') this.refused += 1;
    else if (decision === 'allow') this.allow += 1;
    else if (reason.length > 0) this.denyByForbid += 1;
    else this.defaultDeny += 1;
    if (errors.length > 0) this.withErrors += 1;
    for (const counter of this.#countersOfAll(reason)) counter.determining += 1;
    for (const counter of this.#countersOfAll(errors)) counter.erring += 1;
  }

  #countersOf(policy: FuzzPolicy): OperatorCount[] {
    return operatorsOf(policy).map((name) => {
      const counter = this.operators.get(name) ?? { policies: 0, determining: 0, erring: 0 };
      this.operators.set(name, counter);
      return counter;
    });
  }

  #countersOfAll(ids: readonly string[]): Set<OperatorCount> {
    return new Set(ids.flatMap((id) => this.#operatorsById.get(id) ?? []));
  }

  /** Lines for people to read. */
  lines(): string[] {
    const share = (count: number): string => `${((100 * count) / Math.max(1, this.decisions)).toFixed(1)} %`;
    const rows = [...this.operators].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      `${this.decisions} decisions (${share(this.withSchema)} with a schema) in ${this.worlds} worlds, ${this.refusedWorlds} more refused by both sides`,
      `${this.policies} policies and ${this.links} links, at most ${this.mostPolicies} policies in a set`,
      `allow ${share(this.allow)}, deny by forbid ${share(this.denyByForbid)}, default deny ${share(this.defaultDeny)}, refused ${share(this.refused)}, with errors ${share(this.withErrors)}`,
      'operator: policies, decisions determined by one that uses it, decisions in which one erred',
      ...rows.map(([name, { policies, determining, erring }]) => `  ${name}: ${policies}, ${determining}, ${erring}`),
    ];
  }
}
