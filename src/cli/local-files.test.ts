import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { withControlServer } from './testdata/control-server.ts';
import { type Outcome, runCommand } from './testdata/run-command.ts';

const folders: string[] = [];
after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A directory with these files. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
  folders.push(cwd);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

const nothingElse = (): undefined => undefined;

const GOOD = `@id("staff")
permit (principal, action == Action::"access", resource == App::"verify")
when { principal in Group::"staff" };
`;
const OTHER = GOOD.replaceAll('staff', 'support');
const BAD = `permit (principal, action == Action::"access", resource)
when { principal.teem == "x" };
`;
const TORN = 'permit (principal, action == Action::"access"';

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  readonly stderr: readonly RegExp[];
}

describe('cordon check', () => {
  it('says what a good configuration holds', async () => {
    const cwd = folderWith({
      'cordon.yaml': 'apps: { verify: { builtin: verify } }\nsegments: { web: { labels: { role: web } } }\n',
      'policies/access.cedar': GOOD,
    });
    const { code, stdout, stderr } = await runCommand(['check'], { cwd });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^ok: cordon\.yaml holds 1 app, 2 groups, 1 segment, 0 workloads, 1 policy\n$/);
    const json = JSON.parse((await runCommand(['check', '--json'], { cwd })).stdout);
    assert.partialDeepStrictEqual(json, { ok: true, file: 'cordon.yaml', apps: 1, policies: 1, warnings: [] });
  });

  it('says how many models of applications there are, when there are any', async () => {
    const cwd = folderWith({
      'cordon.yaml':
        'authzen: { models: { shop: { schema: a.cedarschema, policies: shop, types: { buyer: { entity: Buyer } }, actions: {} } } }\n',
      'policies/access.cedar': GOOD,
      'a.cedarschema': 'entity Buyer; action buy appliesTo { principal: Buyer, resource: Buyer };',
      'shop/all.cedar': 'permit (principal, action, resource);',
    });
    const { stdout } = await runCommand(['check'], { cwd });
    assert.match(stdout, /, 1 policy, 1 model\n$/);
    writeFileSync(join(cwd, 'shop/all.cedar'), 'permit (principal, action, resource is Seller);');
    const { code, stderr } = await runCommand(['check'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /shop\/all\.cedar:1:\d+: .*Seller/);
  });

  const cases: Readonly<Record<string, Case>> = {
    'malformed YAML': {
      files: { 'cordon.yaml': 'apps:\n  verify: { builtin: verify\n' },
      stderr: [/^error: cordon\.yaml:3:1: .* \(yaml-invalid\)\n/, /^hint: correct it/m],
    },
    'an unknown key': {
      files: { 'cordon.yaml': 'domain: localhost\nappz: {}\n' },
      stderr: [/^error: cordon\.yaml:2:1: unknown key `appz` \(configuration-unknown-key\)\n/],
    },
    'several problems at once': {
      files: { 'cordon.yaml': 'appz: {}\ndomain: UPPER\nlisten: { http: 8080 }\n' },
      stderr: [
        /^error: `cordon\.yaml` has 3 problems/,
        /^ {2}cordon\.yaml:1:1: unknown key `appz`/m,
        /^ {2}cordon\.yaml:2:1: `domain`: /m,
        /^ {2}cordon\.yaml:3:11: `listen\.http`: /m,
        /^hint: correct it and run this again; nothing was changed$/m,
      ],
    },
    'a policy that does not validate': {
      files: { 'cordon.yaml': '', 'policies/bad.cedar': BAD },
      stderr: [/policies\/bad\.cedar:2:\d+: .*teem.*\(policy-invalid\)/],
    },
    'policies that do not parse, each': {
      files: { 'cordon.yaml': '', 'policies/a.cedar': TORN, 'policies/b.cedar': BAD },
      stderr: [/policies\/a\.cedar:1:\d+: /],
    },
    'a missing policy directory': {
      files: { 'cordon.yaml': 'policies: rules\n' },
      stderr: [
        /cannot read `.*rules`: no such file or directory \(policies-unreadable\)/,
        /^hint: create the directory/m,
      ],
    },
    'a missing file': {
      files: {},
      argv: ['-c', 'other.yaml'],
      stderr: [
        /^error: cannot read `other\.yaml`: no such file or directory \(configuration-unreadable\)\n/,
        /^hint: check the path/m,
      ],
    },
    'no configuration at all': {
      files: {},
      stderr: [
        /^error: there is no `cordon\.yaml` in `.*` \(configuration-unreadable\)\nhint: name the configuration with `-c FILE`\n$/,
      ],
    },
  };
  for (const [name, { files, argv = [], stderr: expected }] of Object.entries(cases)) {
    it(`names ${name}, exits 2 and shows nothing on stdout`, async () => {
      const cwd = folderWith(files);
      const { code, stdout, stderr } = await runCommand(['check', ...argv], { cwd });
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr);
      for (const pattern of expected) assert.match(stderr, pattern);
      const json = JSON.parse((await runCommand(['check', ...argv, '--json'], { cwd })).stderr);
      assert.ok(typeof json.error.code === 'string' && Array.isArray(json.error.problems));
    });
  }
});

describe('cordon apply and diff', () => {
  it('send nothing when the configuration has a problem', async () => {
    const cwd = folderWith({ 'cordon.yaml': 'appz: {}\n' });
    await withControlServer(nothingElse, async (server) => {
      for (const command of ['apply', 'diff']) {
        const { code, stderr } = await runCommand([command], { cwd, controlSocket: server.socket });
        assert.equal(code, 2);
        assert.match(stderr, /unknown key `appz`/);
      }
      assert.deepEqual(server.asked, []);
    });
  });
});

describe('cordon policy check', () => {
  const run = async (files: Readonly<Record<string, string>>, ...argv: string[]): Promise<Outcome> =>
    await runCommand(['policy', 'check', ...argv], { cwd: folderWith(files) });

  it('checks the directory `policies` unless told otherwise', async () => {
    assert.deepEqual(await run({ 'policies/a.cedar': GOOD, 'policies/sub/b.cedar': OTHER }), {
      code: 0,
      stdout: 'ok: 2 policies in 2 files\n',
      stderr: '',
    });
  });

  it('checks files and directories together', async () => {
    const files = { 'a.cedar': GOOD, 'more/b.cedar': OTHER, 'not-asked/c.cedar': BAD };
    const { code, stdout } = await run(files, 'a.cedar', 'more', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { ok: true, files: ['a.cedar', 'more/b.cedar'], policies: 2, warnings: [] });
  });

  it('names every problem with its file as it was given', async () => {
    const { code, stdout, stderr } = await run({ 'p/bad.cedar': BAD }, 'p');
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /p\/bad\.cedar:2:\d+: /);
  });

  it('refuses a directory without policies, which would deny everything', async () => {
    const { code, stderr } = await run({ 'p/readme.txt': '' }, 'p');
    assert.equal(code, 2);
    assert.match(stderr, /^error: `p` holds no `\*\.cedar` file \(policies-unreadable\)\nhint: /);
  });

  it('shows what is legal but suspicious, and exits 0', async () => {
    const never =
      '@id("never")\npermit (principal, action == Action::"access", resource) when { 1 == 2 && principal in Group::"x" };';
    const { code, stderr } = await run({ 'policies/a.cedar': never });
    assert.equal(code, 0);
    assert.match(stderr, /^warning: policies\/a\.cedar:/);
  });
});

describe('cordon policy activate and replay', () => {
  it('send nothing when a policy has a problem', async () => {
    const cwd = folderWith({ 'p/bad.cedar': BAD });
    await withControlServer(nothingElse, async (server) => {
      for (const argv of [
        ['policy', 'activate', 'p', '-m', 'why'],
        ['policy', 'replay', '--bundle', 'p'],
      ]) {
        const { code, stderr } = await runCommand(argv, { cwd, controlSocket: server.socket });
        assert.equal(code, 2);
        assert.match(stderr, /p\/bad\.cedar:2:/);
      }
      assert.deepEqual(server.asked, []);
    });
  });
});
