import type { Problem } from '#base';
import type { Decision } from '#model';
import { authorize } from '../../authorize.ts';
import { decideAccess, decideManage, evidenceOf } from '../../decide.ts';
import { entityStore } from '../../entity-store.ts';
import type { ActivePolicies } from '../../load.ts';
import type { CedarQuestion } from '../../mapping.ts';
import { Coverage, type CoverageReport } from './coverage.ts';
import type { PolicyTest, PolicyTestFile } from './test-file.ts';
import { accessInput, connectQuestion, manageInput } from './test-world.ts';

/** One question of a test with its answer. */
export interface TestCase {
  readonly file: string;
  readonly test: string;
  /** For example `ada opens wiki`. */
  readonly asked: string;
  readonly effect: 'permit' | 'forbid';
  readonly reasons: readonly string[];
  readonly policies: readonly string[];
  /** What is wrong with the answer; undefined when it is the expected one. */
  readonly wrong?: string;
}

/** What became of the tests of a bundle. */
export interface TestReport {
  readonly cases: readonly TestCase[];
  /** One problem for each wrong answer, at the place of its test. Code: `policy-test-failed`. */
  readonly failures: readonly Problem[];
  readonly coverage: CoverageReport;
}

interface Answer {
  readonly effect: 'permit' | 'forbid';
  readonly reasons: readonly string[];
  readonly policies: readonly string[];
  readonly question: CedarQuestion | undefined;
}

/** Asks every question of the tests as the product would, guardrails included. */
export function runPolicyTests(policies: ActivePolicies, files: readonly PolicyTestFile[]): TestReport {
  const cases: TestCase[] = [];
  const failures: Problem[] = [];
  const coverage = new Coverage(policies);
  for (const file of files) {
    for (const test of file.tests) {
      for (const [asked, answer] of answers(policies, file, test)) {
        coverage.note(answer.question, answer.policies);
        const wrong = verdictOn(test, answer);
        const { effect, reasons, policies: determining } = answer;
        const found = { file: file.file, test: test.name, asked, effect, reasons, policies: determining };
        cases.push(wrong === undefined ? found : { ...found, wrong });
        if (wrong !== undefined) failures.push(failureOf(test, asked, wrong));
      }
    }
  }
  return { cases, failures, coverage: coverage.report() };
}

function* answers(
  policies: ActivePolicies,
  file: PolicyTestFile,
  { question }: PolicyTest,
): Generator<[string, Answer]> {
  if (question.about === 'connection') {
    for (const from of question.from)
      for (const to of question.to) {
        const flow = { from, to, protocol: question.protocol, port: question.port };
        yield [
          `${from} to ${to} over ${flow.protocol}/${flow.port}`,
          askConnect(policies, connectQuestion(file, flow)),
        ];
      }
    return;
  }
  for (const who of question.who) {
    const asked = { file, who, given: question.given, policies };
    if (question.about === 'cordon') {
      const verb = question.does === 'view' ? 'views' : 'manages';
      yield [`${who} ${verb} Cordon`, answerOf(decideManage(manageInput(asked, question.does)))];
    } else {
      for (const app of question.apps) yield [`${who} opens ${app}`, answerOf(decideAccess(accessInput(asked, app)))];
    }
  }
}

function answerOf(decision: Decision): Answer {
  const { effect, reasons, policies } = decision;
  return { effect, reasons: reasons.map(({ code }) => code), policies, question: evidenceOf(decision)?.question() };
}

/** A connection has no person and no guardrails: it is what the policies say, and nothing when a forbid errs. */
function askConnect(policies: ActivePolicies, question: CedarQuestion): Answer {
  const entities = entityStore(question.entities);
  if (!entities.ok) return { effect: 'forbid', reasons: ['internal'], policies: [], question };
  const { decision, reason, errors } = authorize(policies.inside.network, entities.value, question);
  const erred = errors.filter(({ policyId }) => policies.inside.meanings.get(policyId)?.effect !== 'permit');
  if (erred.length > 0)
    return { effect: 'forbid', reasons: ['policy-error'], policies: erred.map(({ policyId }) => policyId), question };
  if (decision === 'allow') return { effect: 'permit', reasons: ['permit'], policies: reason, question };
  return { effect: 'forbid', reasons: [reason.length === 0 ? 'no-permit' : 'forbidden'], policies: reason, question };
}

function verdictOn({ expect, reason, policies }: PolicyTest, answer: Answer): string | undefined {
  const found = `${answer.effect} (${[...new Set(answer.reasons)].join(', ')})`;
  const by = answer.policies.length === 0 ? 'no policy' : answer.policies.map((id) => `\`${id}\``).join(', ');
  if (answer.effect !== expect) return `expected ${expect}, got ${found} by ${by}`;
  if (reason !== undefined && !answer.reasons.includes(reason))
    return `expected the reason \`${reason}\`, got ${found} by ${by}`;
  if (policies === undefined || isSameSet(policies, answer.policies)) return undefined;
  const wanted = policies.length === 0 ? 'no policy' : policies.map((id) => `\`${id}\``).join(', ');
  return `expected it to be decided by ${wanted}, got ${by}`;
}

function isSameSet(wanted: readonly string[], found: readonly string[]): boolean {
  const isNamed = (id: string, name: string): boolean => id === name || id.slice(id.indexOf('#') + 1) === name;
  return (
    wanted.length === found.length &&
    wanted.every((name) => found.some((id) => isNamed(id, name))) &&
    found.every((id) => wanted.some((name) => isNamed(id, name)))
  );
}

function failureOf({ name, source }: PolicyTest, asked: string, wrong: string): Problem {
  return { code: 'policy-test-failed', message: `${name}: ${asked}: ${wrong}`, source };
}
