import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { type Outcome, runCommand } from './testdata/run-command.ts';

const POLICIES = `@id("staff")
permit (principal in Group::"staff", action == Action::"access", resource == App::"wiki")
when { context.session.phishingResistant };
`;
const WORLD = `people: { ada: { groups: [staff] } }
apps: { wiki: {} }
tests:
`;

async function test(files: Readonly<Record<string, string>>, ...options: readonly string[]): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return await runCommand(['policy', 'test', ...options], { cwd });
}

describe('cordon policy test', () => {
  it('counts what is as expected, and says what no test depends on', async () => {
    const tests = `${WORLD}  staff read: { who: ada, opens: wiki, expect: permit }\n`;
    const { code, stdout } = await test({ 'policies/a.cedar': POLICIES, 'policies/a.cedartest.yaml': tests });
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `coverage: 1 of 1 policy decided a test, 0 of 1 clause made the difference in one
  never decisive policies/a.cedar:1 staff when { context.session.phishingResistant }
ok: 1 of 1 answer as expected
`,
    );
  });

  it('exits 1 and names place, question and answer of what is not as expected', async () => {
    const tests = `${WORLD}  weak: { who: ada, opens: wiki, session: aal2, expect: permit }\n`;
    const files = { 'policies/a.cedar': POLICIES, 'policies/sub/a.cedartest.yaml': tests };
    const { code, stdout } = await test(files);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^fail policies\/sub\/a\.cedartest\.yaml:4: weak: ada opens wiki: expected permit, got forbid \(no-permit\)/m,
    );
    assert.match(stdout, /^failed: 0 of 1 answer as expected$/m);
    const json = await test(files, '--json');
    const document = JSON.parse(json.stdout) as { ok: boolean; cases: { wrong?: string }[]; coverage: object };
    assert.deepEqual([json.code, document.ok, document.cases.length], [1, false, 1]);
    assert.match(document.cases[0]?.wrong ?? '', /expected permit/);
  });

  it('exits 2 with every problem of a file that it cannot read', async () => {
    const tests = `${WORLD}  t: { who: bob, opens: wiki, expect: permit }\n  u: { who: ada, open: wiki, expect: permit }\n`;
    const { code, stderr } = await test({ 'policies/a.cedar': POLICIES, 'policies/a.cedartest.yaml': tests });
    assert.equal(code, 2);
    assert.match(stderr, /policies\/a\.cedartest\.yaml:5:\d+: .*unknown key `open` \(policy-test-invalid\)/);
  });

  it('exits 2 when the policies themselves do not validate', async () => {
    const { code, stderr } = await test({ 'policies/a.cedar': 'permit', 'policies/a.cedartest.yaml': WORLD });
    assert.equal(code, 2);
    assert.match(stderr, /policy-syntax/);
  });

  it('says how to begin when there are no tests', async () => {
    const { code, stderr } = await test({ 'policies/a.cedar': POLICIES });
    assert.equal(code, 0);
    assert.match(stderr, /no tests; write some beside the policies, in files named `\*\.cedartest\.yaml`/);
  });
});

describe('cordon policy check', () => {
  it('warns of what is most likely not meant', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
    writeFileSync(join(cwd, 'a.cedar'), 'permit (principal, action == Action::"access", resource);');
    const { code, stdout, stderr } = await runCommand(['policy', 'check', 'a.cedar'], { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /^ok: 1 policy/);
    assert.match(
      stderr,
      /warning: a\.cedar:1:1: this policy permits access to everybody on everything \(policy-too-broad\)/,
    );
  });
});

describe('cordon check', () => {
  it('refuses a document whose policies fail their own tests', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
    mkdirSync(join(cwd, 'policies'));
    writeFileSync(join(cwd, 'cordon.yaml'), 'groups: { staff: {} }\n');
    writeFileSync(join(cwd, 'policies', 'a.cedar'), POLICIES);
    writeFileSync(
      join(cwd, 'policies', 'a.cedartest.yaml'),
      `${WORLD}  t: { who: ada, opens: wiki, expect: permit }\n`,
    );
    assert.equal((await runCommand(['check'], { cwd })).code, 0);
    writeFileSync(
      join(cwd, 'policies', 'a.cedartest.yaml'),
      `${WORLD}  t: { who: ada, opens: wiki, expect: forbid }\n`,
    );
    const { code, stderr } = await runCommand(['check'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /policies\/a\.cedartest\.yaml:4:\d+: t: ada opens wiki: expected forbid/);
  });
});
