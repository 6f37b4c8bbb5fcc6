import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { isSystemSkip } from '../scripts/test/tally.js';

const ROOT = join(import.meta.dirname, '..');
const npm = spawnSync('npm', ['--version'], { encoding: 'utf8' });
const needsNpm = npm.status === 0 ? false : 'needs npm on PATH';
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  command: string,
  args: readonly string[],
  o: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  // What the surrounding test run says about itself is not for the inner one.
  const { NODE_TEST_CONTEXT: _, npm_execpath: __, CORDON_REQUIRE_SYSTEM: ___, ...env } = process.env;
  const child = spawn(command, args, { cwd: o.cwd, env: { ...env, ...o.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

function put(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    if (content.startsWith('#!')) chmodSync(join(root, path), 0o755);
  }
}

/**
 * A small clone: our scripts and the commands of our package.json, with two local packages in place of Node and Vite, so
 * that the real npm installs it without a network.
 */
function clone(): string {
  const root = mkdtempSync(join(tmpdir(), 'cordon-clone-'));
  folders.push(root);
  cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
  cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true });
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const dependencies = { node: 'file:parts/node', vite: 'file:parts/vite' };
  const part = (name: string, bin: string) => JSON.stringify({ name, version: '1.0.0', bin: { [name]: bin } });
  const linked = (name: string, bin: string) => ({
    [`parts/${name}`]: { name, version: '1.0.0', bin: { [name]: bin } },
  });
  const link = (name: string) => ({ [`node_modules/${name}`]: { resolved: `parts/${name}`, link: true } });
  put(root, {
    'package.json': JSON.stringify({ name: 'small', type: 'module', scripts, dependencies }),
    'package-lock.json': JSON.stringify({
      name: 'small',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': { name: 'small', dependencies },
        ...link('node'),
        ...link('vite'),
        ...linked('node', 'bin/node'),
        ...linked('vite', 'bin/vite.js'),
      },
    }),
    'parts/node/package.json': part('node', 'bin/node'),
    'parts/node/bin/node': `#!/bin/sh\nexec '${process.execPath}' "$@"\n`,
    'parts/vite/package.json': part('vite', 'bin/vite.js'),
    'parts/vite/bin/vite.js': `#!/usr/bin/env node
const fs = require('node:fs');
const [, , , source, , target] = process.argv;
const page = fs.readFileSync(source + '/index.html', 'utf8');
if (page.includes('broken')) { console.error('\\u001b[31mthe page is broken\\u001b[0m'); process.exit(1); }
fs.mkdirSync(target, { recursive: true });
fs.writeFileSync(target + '/index.html', page);
`,
    'console/index.html': 'first',
    'src/api/contract/index.ts': '',
    'src/main.ts': 'console.log(JSON.stringify(process.argv.slice(2)));',
  });
  return root;
}

describe('setup', { skip: needsNpm }, () => {
  const setup = (root: string): Promise<Ran> => run(process.execPath, ['scripts/setup.js', '--console'], { cwd: root });

  it('installs and builds once, says so, and is silent when there is nothing to do', async () => {
    const root = clone();
    const first = await setup(root);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /install dependencies: done in .*\n.*build the console …\n.*build the console: done in/);
    assert.equal(first.stdout, '', 'stdout belongs to the command that follows');
    assert.deepEqual(await setup(root), { code: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(join(root, 'console/dist/index.html'), 'utf8'), 'first');
  });

  it('builds again what changed, and nothing else', async () => {
    const root = clone();
    await setup(root);
    put(root, { 'console/index.html': 'second' });
    const built = await setup(root);
    assert.doesNotMatch(built.stderr, /install/);
    assert.equal(readFileSync(join(root, 'console/dist/index.html'), 'utf8'), 'second');
    put(root, { 'console/page.test.tsx': 'a test is no input of the build' });
    assert.equal((await setup(root)).stderr, '');
    put(root, { 'src/api/contract/route.ts': 'the contract is' });
    assert.match((await setup(root)).stderr, /build the console: done/);
  });

  it('installs again when the lockfile names another version', async () => {
    const root = clone();
    await setup(root);
    const lockfile = readFileSync(join(root, 'package-lock.json'), 'utf8');
    put(root, { 'package-lock.json': lockfile.replaceAll('1.0.0', '1.0.1') });
    assert.match((await setup(root)).stderr, /install dependencies: done/);
  });

  it('takes what was installed by hand', async () => {
    const root = clone();
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
    const { code, stderr } = await setup(root);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /install/);
  });

  it('keeps the last console when a build fails, and says what to do', async () => {
    const root = clone();
    await setup(root);
    put(root, { 'console/index.html': 'broken' });
    const failed = await setup(root);
    assert.equal(failed.code, 2);
    assert.match(
      failed.stderr,
      / {2}\| the page is broken\nerror: setup failed: could not build the console .*\nhint: /,
    );
    assert.equal(readFileSync(join(root, 'console/dist/index.html'), 'utf8'), 'first');
  });

  it('says what to do when npm cannot install', async () => {
    const root = clone();
    put(root, { 'package-lock.json': '{ "lockfileVersion": 3, "packages": { "": {} } }' });
    const failed = await setup(root);
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /error: setup failed: could not install dependencies .*\nhint: check that/);
  });

  it('waits for another setup of the same clone', async () => {
    const root = clone();
    const both = await Promise.all([setup(root), setup(root)]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
      both.map(({ stderr }) => stderr).join('\n'),
    );
    const said = both.map(({ stderr }) => stderr).join('');
    assert.equal(said.match(/install dependencies: done/g)?.length, 1, said);
    assert.match(said, /waiting for another setup/);
    assert.equal(existsSync(join(root, '.cordon-setup.lock')), false);
  });

  it('does not wait for a setup that died', async () => {
    const root = clone();
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    put(root, { '.cordon-setup.lock': `${(await run('hostname', [], { cwd: root })).stdout.trim()} ${dead}\n` });
    assert.equal((await setup(root)).code, 0);
  });
});

describe('the commands of package.json', { skip: needsNpm }, () => {
  it('hand their arguments to Cordon as they were given', async () => {
    const root = clone();
    const started = await run('npm', ['start', '--silent', '--', '--demo', '-c', 'a b.yaml'], { cwd: root });
    assert.deepEqual(JSON.parse(started.stdout), ['up', '--demo', '-c', 'a b.yaml'], started.stderr);
    const listed = await run('npm', ['run', '--silent', 'cordon', '--', 'assets', 'list', '$HOME'], { cwd: root });
    assert.deepEqual(JSON.parse(listed.stdout), ['assets', 'list', '$HOME'], listed.stderr);
  });

  it('set up first when they are run by their file', async () => {
    const root = clone();
    const ran = await run(process.execPath, ['bin/cordon.js', 'policy', 'check'], { cwd: root });
    assert.deepEqual(JSON.parse(ran.stdout), ['policy', 'check'], ran.stderr);
  });

  it('pass on the exit code', async () => {
    const root = clone();
    put(root, { 'src/main.ts': 'process.exit(7);' });
    assert.equal((await run(process.execPath, ['bin/cordon.js'], { cwd: root })).code, 7);
  });
});

describe('npm test', () => {
  const tests = (): string => {
    const root = mkdtempSync(join(tmpdir(), 'cordon-tests-'));
    folders.push(root);
    cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    put(root, {
      'package.json': '{ "type": "module" }',
      'src/right.test.ts': `import { it } from 'node:test'; it('adds', () => {}); it('sees', { skip: 'needs a browser' }, () => {});`,
      'test/data.test.ts': `import { it } from 'node:test'; it('reads', { skip: 'needs the test data here' }, () => {}); it('writes', () => {});`,
    });
    return root;
  };
  const test = async (root: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran & { last: string }> => {
    const ran = await run(process.execPath, ['scripts/test.js', ...args], { cwd: root, env });
    return { ...ran, last: ran.stdout.trimEnd().split('\n').at(-1) ?? '' };
  };
  const wrong = `import assert from 'node:assert'; import { it } from 'node:test'; it('multiplies', () => { assert.equal(2 * 2, 5); });`;

  it('ends with the counts, after the reasons of what was skipped', async () => {
    const { code, stdout, last } = await test(tests(), []);
    assert.equal(last, '2 passed, 0 failed, 2 skipped');
    assert.equal(code, 0);
    assert.match(stdout, /1 {2}needs a browser {2}\(src\/right\.test\.ts\)\n {4}1 {2}needs the test data here/);
  });

  it('lets only what no prepared machine has be missing where system tests are required', () => {
    assert.ok(!isSystemSkip('needs `envoy` (no Debian package; CORDON_TEST_ENVOY can name it)'));
    assert.ok(!isSystemSkip('needs the test data here'));
    for (const reason of ['needs `nginx` (npm run setup:system)', 'needs root', ''])
      assert.ok(isSystemSkip(reason), reason);
  });

  it('fails when a test fails, and shows the difference', async () => {
    const root = tests();
    put(root, { 'src/wrong.test.ts': wrong });
    const { code, stdout, last } = await test(root, []);
    assert.deepEqual([code, last], [1, '2 passed, 1 failed, 2 skipped']);
    assert.match(stdout, /✖ multiplies[\s\S]*actual: 4\n\s*expected: 5/);
  });

  it('fails when the process of a file dies, and when a file holds no test', async () => {
    const root = tests();
    put(root, { 'src/dead.test.ts': 'process.exit(3);', 'src/empty.test.ts': 'export {};' });
    assert.equal((await test(root, [])).last, '2 passed, 2 failed, 2 skipped');
  });

  it('counts a test that lacks a system package as failed when CORDON_REQUIRE_SYSTEM=1, but not one that lacks data', async () => {
    const { code, last } = await test(tests(), [], { CORDON_REQUIRE_SYSTEM: '1' });
    assert.deepEqual([code, last], [1, '2 passed, 1 failed, 1 skipped']);
  });

  it('leaves no temporary file behind', async () => {
    const root = tests();
    const temporary = join(root, 'tmp');
    const messy =
      "import { mkdtempSync } from 'node:fs'; import { tmpdir } from 'node:os'; import { it } from 'node:test';";
    put(root, {
      'tmp/.keep': '',
      'src/messy.test.ts': `${messy} it('litters', () => { mkdtempSync(tmpdir() + '/a-'); });`,
    });
    assert.equal((await test(root, ['messy'], { TMPDIR: temporary })).last, '1 passed, 0 failed, 0 skipped');
    assert.deepEqual(readdirSync(temporary), ['.keep']);
  });

  it('selects files by parts of their path, and tests by their name', async () => {
    const root = tests();
    put(root, { 'src/wrong.test.ts': wrong });
    assert.equal((await test(root, ['src/right'])).last, '1 passed, 0 failed, 1 skipped');
    assert.equal((await test(root, ['adds'])).last, '1 passed, 0 failed, 0 skipped');
    const nothing = await test(root, ['nowhere']);
    assert.deepEqual([nothing.code, nothing.last], [1, '0 passed, 0 failed, 0 skipped']);
    assert.match(nothing.stdout, /no test ran: nothing matches `nowhere`/);
  });
});
