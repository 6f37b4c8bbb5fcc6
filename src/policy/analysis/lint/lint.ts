import type { Problem } from '#base';
import { problemAt, type Token } from '../../lexer.ts';
import type { ActivePolicies } from '../../load.ts';
import { uidText } from '../clause/expression-text.ts';
import { accepted, type Acceptance } from './accept.ts';
import { contradictionIn } from './contradiction.ts';
import { Coverers } from './shadow.ts';
import { entitiesIn, type Subject, subjectOf } from './subject.ts';

/** Ids of the entities that exist, by Cedar type. A type that is not here is not compared. */
export type KnownEntities = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What is legal in a bundle but most likely not meant, each with position and reason: Cedar's own warnings (`policy-warning`),
 * `policy-duplicate`, `policy-shadowed`, `policy-never-matches`, `policy-too-broad`, and, when it is said which entities there are,
 * `policy-entity-unknown`. A policy can accept one with `@accept("<code>: <reason>")`; `policy-accept-invalid` when that says no reason.
 */
export function lintPolicies(policies: ActivePolicies, known?: KnownEntities): Problem[] {
  const own = policies.inside.parsed.filter(({ id, place }) => place.file !== id).map(subjectOf);
  const coverers = new Coverers(own);
  const found = own.flatMap((subject) => {
    const { acceptances, problems } = accepted(subject.policy);
    const here = [
      ...(known === undefined ? [] : unknownEntities(subject, known)),
      ...neverMatching(subject),
      ...tooBroad(subject),
      ...shadowed(subject, coverers),
    ].filter((problem) => !isAccepted(problem, acceptances));
    return [...problems, ...here];
  });
  return [...policies.warnings, ...found].sort(byPlace);
}

function byPlace(a: Problem, b: Problem): number {
  const [one, two] = [a.source, b.source];
  if (one?.file !== two?.file) return (one?.file ?? '') < (two?.file ?? '') ? -1 : 1;
  return (one?.offset ?? 0) - (two?.offset ?? 0);
}

function isAccepted({ code }: Problem, acceptances: readonly Acceptance[]): boolean {
  return acceptances.some((acceptance) => acceptance.code === code);
}

function at({ policy: { place, statement } }: Subject, word: string, problem: Omit<Problem, 'source'>): Problem {
  const token = statement.tokens.find(({ text }) => text === word);
  return problemAt({ place, statement, token }, problem);
}

function unknownEntities(subject: Subject, known: KnownEntities): Problem[] {
  const { place, statement } = subject.policy;
  const names = new Map(entitiesIn(subject.policy).map((uid) => [uidText(uid), uid]));
  return Array.from(names).flatMap(([name, { type, id }]) => {
    if (known.get(type)?.has(id) !== false) return [];
    const message = `there is no \`${name}\`, so nothing that compares with it holds`;
    const token = statement.tokens.find((candidate, index) => isNameOf(statement.tokens, index, candidate, name));
    const problem = { code: 'policy-entity-unknown', message, hint: 'correct the id, or create it first' };
    return [problemAt({ place, statement, token }, problem)];
  });
}

/** True for the string token of `Type::"id"`. */
function isNameOf(tokens: readonly Token[], index: number, { text }: Token, name: string): boolean {
  return (
    text.startsWith('"') && tokens[index - 1]?.text === '::' && name.endsWith(`${tokens[index - 2]?.text}::${text}`)
  );
}

function neverMatching(subject: Subject): Problem[] {
  const reason = contradictionIn(subject.clauses);
  if (reason === undefined) return [];
  const message = `this policy never applies: ${reason}`;
  const word = subject.policy.est.conditions[0]?.kind ?? 'when';
  return [
    at(subject, word, { code: 'policy-never-matches', message, hint: 'correct the condition, or remove the policy' }),
  ];
}

function tooBroad(subject: Subject): Problem[] {
  const { effect, principal, resource, asks, actions } = subject;
  if (effect !== 'permit' || principal !== '' || resource !== '' || asks.length > 0) return [];
  const message = `this policy permits ${actions.join(', ')} to everybody on everything`;
  return [at(subject, effect, { code: 'policy-too-broad', message, hint: 'name a group, an app or a condition' })];
}

function shadowed(subject: Subject, coverers: Coverers): Problem[] {
  const others = coverers.of(subject);
  const { effect, policy } = subject;
  const forbid = effect === 'permit' ? others.find((other) => other.effect === 'forbid') : undefined;
  const report = (code: string, message: string, hint: string): Problem[] => [
    at(subject, effect, { code, message, hint }),
  ];
  if (forbid !== undefined) {
    const message = `this permit never has an effect: \`${forbid.policy.id}\` forbids all that it permits`;
    return report('policy-shadowed', message, 'narrow the forbid, or remove the permit');
  }
  const same = others.filter((other) => other.effect === effect);
  // Of two equal policies the later one is the duplicate.
  const twin = same.find((other) => isSame(other, subject));
  if (twin !== undefined) {
    if (isBefore(subject, twin)) return [];
    return report('policy-duplicate', `this policy says the same as \`${twin.policy.id}\``, 'remove one of them');
  }
  const [wider] = same;
  if (wider === undefined) return [];
  const message = `\`${policy.id}\` adds nothing: \`${wider.policy.id}\` ${effect === 'permit' ? 'permits' : 'forbids'} all of it`;
  return report('policy-shadowed', message, 'remove it, or narrow the other one');
}

function isSame(a: Subject, b: Subject): boolean {
  return (
    a.principal === b.principal &&
    a.resource === b.resource &&
    a.asks.length === b.asks.length &&
    a.actions.length === b.actions.length
  );
}

function isBefore(a: Subject, b: Subject): boolean {
  const [one, two] = [a.policy, b.policy];
  if (one.place.file !== two.place.file) return one.place.file < two.place.file;
  return one.statement.offset < two.statement.offset;
}
