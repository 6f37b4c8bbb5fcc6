import { err, ok, type Problem, type Result } from '#base';
import type { Acr } from '#model';
import type { ActivePolicies } from '#policy';
import {
  type PolicyTest,
  type PolicyTestFile,
  runPolicyTests,
  TEST_ENDING,
  type TestCircumstances,
  type TestQuestion,
  type TestReport,
} from '#policy-analysis';
import type { Locate } from './check.ts';
import { TIER_NAMES } from './configuration.ts';
import { issueProblems } from './issue-problems.ts';
import { type PolicyTestDocument, policyTestSchema } from './policy-test-schema.ts';
import { readYaml } from './read-yaml.ts';

type TestDocument = PolicyTestDocument['tests'][string];

/** Authentication methods (RFC 8176) that a session of this class is made with. */
const METHODS: Readonly<Record<Acr, readonly string[]>> = {
  'urn:cordon:aal1': ['pwd'],
  'urn:cordon:aal2': ['pwd', 'otp', 'mfa'],
  'urn:cordon:aal2-phr': ['swk', 'user', 'mfa'],
  'urn:cordon:aal3': ['hwk', 'user', 'mfa'],
};

/** Whoever says nothing else asks like this: nothing but the policies stands in the way. */
const BEST: Omit<TestCircumstances, 'methods' | 'failing'> = {
  session: 'urn:cordon:aal3',
  signedInAgo: 0,
  device: 'healthy',
  checkedAgo: 0,
  userRisk: 0,
  deviceRisk: 0,
  method: 'GET',
  path: '/',
  address: '192.0.2.1',
  at: Date.UTC(2026, 0, 15, 12),
  tls: true,
};

/**
 * Runs the tests that travel with a bundle. `err`: test files that cannot be read, with code `yaml-invalid` or
 * `policy-test-invalid`, each with its place.
 */
export function runBundleTests(
  policies: ActivePolicies,
  texts: Readonly<Record<string, string>>,
): Result<TestReport, readonly Problem[]> {
  const files: PolicyTestFile[] = [];
  const problems: Problem[] = [];
  for (const [file, text] of Object.entries(texts)) {
    if (!file.endsWith(TEST_ENDING)) continue;
    const read = readPolicyTests(text, file);
    if (read.ok) files.push(read.value);
    else problems.push(...read.error);
  }
  problems.push(...files.flatMap(tooManyQuestions));
  return problems.length > 0 ? err(problems) : ok(runPolicyTests(policies, files));
}

/** Questions that one file may ask: a second of deciding, which stands between a change and its effect. */
const MOST_QUESTIONS = 10_000;

function tooManyQuestions({ file, tests }: PolicyTestFile): Problem[] {
  const count = tests.reduce((sum, { question }) => sum + questionCount(question), 0);
  if (count <= MOST_QUESTIONS) return [];
  const message = `these tests ask ${count} questions; at most ${MOST_QUESTIONS} are asked`;
  return [{ code: 'policy-test-invalid', message, source: { file }, hint: 'name fewer people and apps in one test' }];
}

function questionCount(question: TestQuestion): number {
  if (question.about === 'connection') return question.from.length * question.to.length;
  return question.who.length * (question.about === 'app' ? question.apps.length : 1);
}

/** Reads and checks one file of tests. Returns every problem with line and column. */
export function readPolicyTests(text: string, file: string): Result<PolicyTestFile, readonly Problem[]> {
  const yaml = readYaml(text, file);
  if (!yaml.ok) return yaml;
  const { value, locate } = yaml.value;
  const parsed = policyTestSchema.safeParse(value);
  if (!parsed.success) {
    return err(
      issueProblems(parsed.error.issues, locate, { unknownKey: 'policy-test-invalid', invalid: 'policy-test-invalid' }),
    );
  }
  const document = parsed.data;
  const problems: Problem[] = [];
  const tests = Object.entries(document.tests).flatMap(([name, test]) => {
    const question = questionOf(document, name, { locate, problems });
    return question === undefined ? [] : [testOf(name, test, question, locate)];
  });
  if (problems.length > 0) return err(problems);
  return ok({ file, ...worldOf(document), tests });
}

function worldOf({ people, groups, apps, workloads }: PolicyTestDocument): Omit<PolicyTestFile, 'file' | 'tests'> {
  const entries = <T, R>(record: Readonly<Record<string, T>>, make: (item: T, id: string) => R): Record<string, R> =>
    Object.fromEntries(Object.entries(record).map(([id, item]) => [id, make(item, id)]));
  return {
    people: entries(people, ({ name, email, ...person }, id) => {
      return { ...person, name: name ?? id, email: email ?? `${id}@example.org` };
    }),
    groups: entries(groups, ({ parents }) => parents),
    apps: entries(apps, ({ tier, device, host, asset }, id) => ({
      tier: TIER_NAMES[tier] ?? 0,
      device,
      host: host ?? `${id}.example.org`,
      ...(asset === undefined ? {} : { asset: { ...asset, tier: TIER_NAMES[asset.tier] ?? 0 } }),
    })),
    workloads,
  };
}

function testOf(name: string, test: TestDocument, question: TestQuestion, locate: Locate): PolicyTest {
  const { expect, reason, policies } = test;
  return {
    name,
    source: locate(['tests', name]),
    question,
    expect,
    ...(reason === undefined ? {} : { reason }),
    ...(policies === undefined ? {} : { policies }),
  };
}

interface Report {
  readonly locate: Locate;
  readonly problems: Problem[];
}

/** What a test asks; undefined, with a problem, when that is not clear. */
function questionOf(document: PolicyTestDocument, name: string, report: Report): TestQuestion | undefined {
  const test = document.tests[name];
  if (test === undefined) return undefined;
  const { who, opens, does, from, to, over } = test;
  const forms = [opens !== undefined, does !== undefined, from !== undefined || to !== undefined || over !== undefined];
  const isConnection = forms[2] === true;
  if (forms.filter(Boolean).length !== 1 || isConnection !== (who === undefined)) {
    report.problems.push({
      code: 'policy-test-invalid',
      message: `\`tests.${name}\`: asks nothing, or more than one thing`,
      source: report.locate(['tests', name]),
      hint: 'write `who` with `opens` or `does`, or `from`, `to` and `over`',
    });
    return undefined;
  }
  if (isConnection) return connectionOf(document, name, report);
  const people = declared(document.people, who ?? [], { ...report, name, key: 'who', chapter: 'people' });
  const given = circumstancesOf(document.defaults, test);
  if (does !== undefined) return people === undefined ? undefined : { about: 'cordon', who: people, does, given };
  const apps = declared(document.apps, opens ?? [], { ...report, name, key: 'opens', chapter: 'apps' });
  return people === undefined || apps === undefined ? undefined : { about: 'app', who: people, apps, given };
}

function connectionOf(document: PolicyTestDocument, name: string, report: Report): TestQuestion | undefined {
  const { from, to, over, ...rest } = document.tests[name] ?? {};
  const idle = Object.entries(rest)
    .filter(([key, value]) => value !== undefined && !['expect', 'reason', 'policies'].includes(key))
    .map(([key]) => key);
  const missing = [from === undefined ? 'from' : '', to === undefined ? 'to' : '', over === undefined ? 'over' : ''];
  const message = [
    ...missing.filter((key) => key !== '').map((key) => `\`${key}\` is missing`),
    ...idle.map((key) => `\`${key}\` means nothing for a connection`),
  ];
  if (message.length > 0) {
    const source = report.locate(['tests', name, ...idle.slice(0, 1)]);
    report.problems.push({ code: 'policy-test-invalid', message: `\`tests.${name}\`: ${message.join(', ')}`, source });
    return undefined;
  }
  const about = { ...report, name, chapter: 'workloads' };
  const [source, target] = [
    declared(document.workloads, from ?? [], { ...about, key: 'from' }),
    declared(document.workloads, to ?? [], { ...about, key: 'to' }),
  ];
  if (source === undefined || target === undefined || over === undefined) return undefined;
  const port = Number(over.slice(4));
  return { about: 'connection', from: source, to: target, protocol: over.startsWith('tcp') ? 'tcp' : 'udp', port };
}

/** The names, when the file declares them all: a misspelt one would be denied, and a test for a denial would pass. */
function declared(
  chapter: Readonly<Record<string, unknown>>,
  wanted: readonly string[],
  where: Report & { readonly name: string; readonly key: string; readonly chapter: string },
): readonly string[] | undefined {
  const unknown = wanted.filter((name) => !Object.hasOwn(chapter, name));
  for (const one of unknown) {
    where.problems.push({
      code: 'policy-test-invalid',
      message: `\`tests.${where.name}.${where.key}\`: \`${one}\` is not declared`,
      source: where.locate(['tests', where.name, where.key]),
      hint: `declare it under \`${where.chapter}\``,
    });
  }
  return unknown.length > 0 ? undefined : wanted;
}

type Given = Pick<TestDocument, keyof PolicyTestDocument['defaults']>;

function circumstancesOf(defaults: Given, test: Given): TestCircumstances {
  const said = <K extends keyof Given>(key: K): Given[K] => test[key] ?? defaults[key];
  const session = said('session') ?? BEST.session;
  const failing = said('failing') ?? [];
  const device = said('device') ?? (failing.length > 0 ? 'unhealthy' : BEST.device);
  return {
    session,
    methods: said('methods') ?? METHODS[session],
    signedInAgo: said('signed_in') ?? BEST.signedInAgo,
    device,
    failing: device === 'unhealthy' && failing.length === 0 ? ['disk-encryption'] : failing,
    checkedAgo: said('checked') ?? BEST.checkedAgo,
    userRisk: said('user_risk') ?? BEST.userRisk,
    deviceRisk: said('device_risk') ?? BEST.deviceRisk,
    method: said('method') ?? BEST.method,
    path: said('path') ?? BEST.path,
    address: said('address') ?? BEST.address,
    at: said('at') ?? BEST.at,
    tls: said('tls') ?? BEST.tls,
  };
}
