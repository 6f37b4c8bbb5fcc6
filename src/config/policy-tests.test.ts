import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ActivePolicies, loadPolicies } from '#policy';
import { readPolicyTests, runBundleTests } from './policy-tests.ts';

const POLICIES = `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource)
when { context.session.phishingResistant && context.method == "GET" }
unless { context.ip.isLoopback() };

@id("no-payroll")
@reason("sign-in-too-old")
forbid (principal, action == Action::"access", resource == App::"payroll")
when { resource has asset && resource.asset.hasTag("env") }
unless { context.session.ageSeconds <= 60 };

@id("database")
permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db")
when { context.protocol == "tcp" && context.port == 5432 };

@id("staging")
forbid (principal, action == Action::"connect", resource)
when { principal.hasTag("env") && principal.getTag("env") == "staging" };
`;

const WORLD = `people:
  ada: { groups: [platform] }
  bob: { groups: [finance] }
  root: { groups: [admins] }
  eve: { groups: [platform], status: disabled }
groups:
  platform: { parents: [engineering] }
apps:
  wiki: {}
  vault: { tier: T0 }
  payroll: { asset: { labels: { env: production } } }
workloads:
  web-1: { segments: [web] }
  web-2: { segments: [web], labels: { env: staging } }
  db-1: { segments: [db] }
tests:
`;

function active(): ActivePolicies {
  const loaded = loadPolicies({ texts: { 'a.cedar': POLICIES }, version: 1 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return loaded.value;
}

const BUNDLE = active();

function run(tests: string): ReturnType<typeof runBundleTests> {
  return runBundleTests(BUNDLE, { 'a.cedar': POLICIES, 'a.cedartest.yaml': `${WORLD}${tests}` });
}

function failures(tests: string): string[] {
  const report = run(tests);
  return report.ok
    ? report.value.failures.map(({ source, message }) => `${source?.line}: ${message}`)
    : report.error.map(({ code, message }) => `${code}: ${message}`);
}

const LINE = WORLD.split('\n').length;

describe('tests beside policies', () => {
  const passing: [string, string][] = [
    ['a permit, through nested groups', 'who: ada, opens: wiki, expect: permit, policies: [engineering]'],
    ['a policy by its whole id', 'who: ada, opens: wiki, expect: permit, policies: ["a.cedar#engineering"]'],
    ['a default deny', 'who: bob, opens: [wiki, vault], expect: forbid, reason: no-permit, policies: []'],
    ['a clause about the session', 'who: ada, opens: wiki, session: aal2, expect: forbid, reason: no-permit'],
    ['a clause about the request', 'who: ada, opens: wiki, method: POST, expect: forbid, reason: no-permit'],
    ['a clause about the address', 'who: ada, opens: wiki, address: 127.0.0.1, expect: forbid'],
    [
      'a forbid with its own reason',
      'who: ada, opens: payroll, signed_in: 2m, expect: forbid, reason: sign-in-too-old',
    ],
    ['the labels of an asset', 'who: ada, opens: payroll, signed_in: 1m, expect: permit'],
    ['a guardrail', 'who: ada, opens: vault, signed_in: 16m, expect: forbid, policies: [guardrail.t0.sign-in-age]'],
    ['the age of a health report', 'who: ada, opens: vault, checked: 6m, expect: forbid, reason: device-stale'],
    ['an unhealthy device', 'who: ada, opens: vault, failing: [firewall], expect: forbid, reason: device-unhealthy'],
    ['a device of another person', 'who: ada, opens: wiki, device: foreign, expect: forbid, reason: device-unknown'],
    ['no device', 'who: ada, opens: wiki, device: none, expect: forbid, reason: device-unknown'],
    ['a browser', 'who: ada, opens: vault, device: known, expect: forbid, reason: device-unmanaged'],
    ['a device that never reported', 'who: ada, opens: vault, device: managed, expect: forbid, reason: device-stale'],
    ['risk', 'who: ada, opens: vault, user_risk: 30, expect: forbid, reason: risk-too-high'],
    ['risk of the device', 'who: ada, opens: vault, device_risk: 29, expect: permit'],
    ['a disabled account', 'who: eve, opens: wiki, expect: forbid, reason: user-disabled'],
    ['the built-in permits', 'who: root, does: manage, expect: permit, policies: [builtin.admins]'],
    ['Cordon itself', 'who: ada, does: view, expect: forbid, reason: no-permit'],
    ['a connection', 'from: web-1, to: db-1, over: tcp/5432, expect: permit, policies: [database]'],
    ['another port', 'from: web-1, to: db-1, over: tcp/22, expect: forbid, reason: no-permit'],
    ['a forbidden connection', 'from: web-2, to: db-1, over: tcp/5432, expect: forbid, reason: forbidden'],
  ];
  for (const [name, test] of passing)
    it(`can ask about ${name}`, () => assert.deepEqual(failures(`  t: { ${test} }\n`), []));

  it('says where, who and what when the answer is another one', () => {
    assert.deepEqual(failures('  staff only: { who: [ada, bob], opens: wiki, expect: permit }\n'), [
      `${LINE}: staff only: bob opens wiki: expected permit, got forbid (no-permit) by no policy`,
    ]);
    assert.deepEqual(failures('  t: { who: ada, opens: wiki, method: POST, expect: forbid, reason: mfa-too-weak }\n'), [
      `${LINE}: t: ada opens wiki: expected the reason \`mfa-too-weak\`, got forbid (no-permit) by no policy`,
    ]);
    assert.deepEqual(failures('  t: { who: ada, opens: wiki, expect: permit, policies: [other] }\n'), [
      `${LINE}: t: ada opens wiki: expected it to be decided by \`other\`, got \`a.cedar#engineering\``,
    ]);
  });

  it('takes what a test does not say from the defaults of its file', () => {
    const text = `${WORLD.replace('tests:\n', 'defaults: { session: aal2, method: POST }\ntests:\n')}`;
    const read = readPolicyTests(`${text}  t: { who: ada, opens: wiki, method: GET, expect: permit }\n`, 'f');
    assert.ok(read.ok);
    const [test] = read.value.tests;
    assert.ok(test?.question.about === 'app');
    assert.deepEqual([test.question.given.session, test.question.given.method], ['urn:cordon:aal2', 'GET']);
    assert.deepEqual(test.question.given.methods, ['pwd', 'otp', 'mfa']);
  });

  const refused: [string, string, string][] = [
    ['a key nobody knows', 'who: ada, opens: wiki, expects: permit', 'policy-test-invalid'],
    ['no expectation', 'who: ada, opens: wiki', 'policy-test-invalid'],
    ['a name that is not declared', 'who: adda, opens: wiki, expect: forbid', 'policy-test-invalid'],
    ['an app that is not declared', 'who: ada, opens: wikki, expect: forbid', 'policy-test-invalid'],
    ['a workload that is not declared', 'from: web-1, to: db, over: tcp/1, expect: forbid', 'policy-test-invalid'],
    ['nothing to ask', 'who: ada, expect: forbid', 'policy-test-invalid'],
    ['two questions', 'who: ada, opens: wiki, does: view, expect: forbid', 'policy-test-invalid'],
    [
      'a person at the end of a connection',
      'who: ada, from: web-1, to: db-1, over: tcp/1, expect: forbid',
      'policy-test-invalid',
    ],
    ['a connection without a port', 'from: web-1, to: db-1, expect: forbid', 'policy-test-invalid'],
    [
      'a session at the end of a connection',
      'from: web-1, to: db-1, over: tcp/1, session: aal2, expect: forbid',
      'policy-test-invalid',
    ],
    ['a reason nobody gives', 'who: ada, opens: wiki, expect: forbid, reason: because', 'policy-test-invalid'],
    ['a duration nobody can read', 'who: ada, opens: wiki, expect: forbid, signed_in: 2 hours', 'policy-test-invalid'],
    ['a moment nobody can read', 'who: ada, opens: wiki, expect: forbid, at: noon', 'policy-test-invalid'],
    ['an address nobody can read', 'who: ada, opens: wiki, expect: forbid, address: home', 'policy-test-invalid'],
    ['a risk above all', 'who: ada, opens: wiki, expect: forbid, user_risk: 101', 'policy-test-invalid'],
    ['an empty list of people', 'who: [], opens: wiki, expect: forbid', 'policy-test-invalid'],
  ];
  for (const [name, test, code] of refused) {
    it(`refuses ${name}, with its place`, () => {
      const report = run(`  t: { ${test} }\n`);
      assert.ok(!report.ok);
      assert.equal(report.error[0]?.code, code);
      assert.equal(report.error[0]?.source?.file, 'a.cedartest.yaml');
      assert.ok((report.error[0]?.source?.line ?? 0) >= LINE - 1, JSON.stringify(report.error));
    });
  }

  it('refuses more questions than are decided in a moment', () => {
    const names = Array.from({ length: 101 }, (_, at) => `p${at}`);
    const list = names.join(', ');
    const people = names.map((name) => `  ${name}: {}`).join('\n');
    const text = `people:\n${people}\napps:\n${people}\ntests: { all: { who: [${list}], opens: [${list}], expect: forbid } }\n`;
    const report = runBundleTests(BUNDLE, { 'many.cedartest.yaml': text });
    assert.ok(!report.ok);
    assert.deepEqual(
      [report.error[0]?.code, report.error[0]?.message],
      ['policy-test-invalid', 'these tests ask 10201 questions; at most 10000 are asked'],
    );
  });

  it('refuses YAML that is none, and a name that stands twice', () => {
    assert.equal(failures('  t: {').at(0)?.slice(0, 12), 'yaml-invalid');
    const one = '{ who: ada, opens: wiki, expect: permit }';
    assert.match(failures(`  t: ${one}\n  t: ${one}\n`).at(0) ?? '', /^yaml-invalid: .*unique/);
  });
});

describe('coverage', () => {
  const uncovered = (tests: string): string[] => {
    const report = run(tests);
    assert.ok(report.ok, JSON.stringify(report));
    return report.value.coverage.uncovered.map(
      ({ id, isDecisive, clauses }) => `${id}${isDecisive ? '' : ' never decides'}: ${clauses.join(' ')}`,
    );
  };

  it('names every policy and clause when nothing is tested', () => {
    const report = runBundleTests(BUNDLE, {});
    assert.ok(report.ok);
    const { policies, clauses, uncovered: all } = report.value.coverage;
    assert.deepEqual([policies, clauses, all.length], [{ decisive: 0, all: 4 }, { decisive: 0, all: 10 }, 4]);
    assert.deepEqual(all[1]?.source.line, 6);
  });

  it('takes a clause for decisive only where it alone fails', () => {
    assert.deepEqual(
      uncovered(`  a: { who: ada, opens: wiki, expect: permit }
  b: { who: ada, opens: wiki, session: aal2, expect: forbid }
  both: { who: ada, opens: wiki, session: aal2, method: POST, expect: forbid }
`).at(0),
      'a.cedar#engineering: when { context.method == "GET" } unless { context.ip.isLoopback() }',
    );
  });

  it('takes a clause that guards another for decisive where it is false', () => {
    const lines = uncovered(`  t: { from: web-1, to: db-1, over: tcp/5432, expect: permit }
  u: { from: web-2, to: db-1, over: tcp/5432, expect: forbid }
`);
    assert.ok(lines.includes('a.cedar#staging: when { principal.getTag("env") == "staging" }'), lines.join('\n'));
  });

  it('says nothing of a bundle whose every clause is tested', () => {
    const connections = `  c: { from: web-1, to: db-1, over: tcp/5432, expect: permit }
  c2: { from: web-1, to: db-1, over: udp/5432, expect: forbid }
  c3: { from: web-1, to: db-1, over: tcp/22, expect: forbid }
`;
    const ids = uncovered(connections).map((line) => line.slice(0, line.indexOf(':')));
    assert.ok(!ids.includes('a.cedar#database'), ids.join());
  });
});
