import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { REASONS } from '#model';
import { missingEntries } from '../scripts/setup/lockfile.js';
import { referencePages } from '../scripts/reference/pages.js';
import {
  impurities,
  looseEnds,
  machineTraces,
  nameProblems,
  sizeProblems,
  undocumentedExports,
} from './repository/content.ts';
import { consoleProblems, frontFileProblems, frontNameProblems, rankProblems } from './repository/layout.ts';
import { brokenLinks, dependencyProblems, errorCodeProblems, undeclaredImports } from './repository/reference.ts';
import { readRepository, type SourceFile, sourceFile } from './repository/source.ts';

const ROOT = join(import.meta.dirname, '..');
const files = readRepository(ROOT);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const page = (name: string): string => readFileSync(join(ROOT, 'docs/reference', name), 'utf8');
const reasons = new Set(Object.keys(REASONS));

function none(problems: readonly string[]): void {
  if (problems.length > 0) assert.fail(`${problems.length} found:\n${problems.map((one) => `  ${one}`).join('\n')}`);
}

describe('the repository', () => {
  const rules: Record<string, () => string[]> = {
    'imports only lower ranks, and enters an area by its front file': () => rankProblems(files),
    'shows the console nothing but the contract': () => consoleProblems(files),
    'has a front file and a name for every area': () => frontNameProblems(files, manifest.imports),
    'says in every front file what the area is for, owns and never does': () => frontFileProblems(files),
    'documents every export': () => undocumentedExports(files),
    'keeps files and functions short': () => sizeProblems(files),
    'takes time, environment and randomness only from base and main.ts': () => impurities(files),
    'holds no trace of one machine, network or registry': () => machineTraces(files),
    'names every file after what it holds': () => nameProblems(files),
    'gives a reason for each check it switches off, and an issue for each thing to do': () => looseEnds(files),
    'lists each error code it makes, and no other': () => errorCodeProblems(files, page('errors.md'), reasons),
    'says of every dependency why it is there': () => dependencyProblems(manifest, page('dependencies.md')),
    'links to and names only pages that are there': () => brokenLinks(files),
    'imports only packages that are there at run time': () => undeclaredImports(files, manifest),
  };
  for (const [name, rule] of Object.entries(rules)) it(name, () => none(rule()));

  it('has a lockfile that installs on every platform', () => {
    const lockfile = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    none(missingEntries(lockfile).map(({ path }) => `package-lock.json lacks \`${path}\`; run \`npm run lockfile\``));
  });

  it('has reference pages that follow from the sources', () => {
    const behind = Object.entries(referencePages()).filter(
      ([path, text]) => readFileSync(join(ROOT, path), 'utf8') !== text,
    );
    none(behind.map(([path]) => `${path} is behind the sources; run \`npm run reference\``));
  });
});

describe('the rules of the repository', () => {
  const wrong = (path: string, text: string): SourceFile[] => [sourceFile(path, text)];
  const long = `${'  work();\n'.repeat(81)}`;
  const cases: Record<string, string[]> = {
    'an import of a higher rank': rankProblems(wrong('src/policy/a.ts', "import { x } from '#gateway';")),
    'an import of an equal rank': rankProblems(wrong('src/store/a.ts', "export * from '#policy';")),
    'an import() of a higher rank': rankProblems(wrong('src/base/a.ts', "await import('#model');")),
    'an import of the own front file': rankProblems(wrong('src/policy/a.ts', "import { x } from '#policy';")),
    'a path into another area': rankProblems(wrong('src/policy/a/b.ts', "import { x } from '../../model/graph.ts';")),
    'a path out of src': rankProblems(wrong('src/policy/a.ts', "import { x } from '../../bench/run.ts';")),
    'a test that looks inside an area': rankProblems(wrong('test/a.test.ts', "import '../src/store/dialect.ts';")),
    'an agent that decides': rankProblems(wrong('src/agent/a.ts', "import { x } from '#policy';")),
    'an area without a rank': rankProblems(wrong('src/extra/a.ts', "import { x } from '#base';")),
    'a server that hands out the agent': rankProblems(wrong('src/cli/a.ts', "import { x } from '#agent';")),
    'a console that imports the model': consoleProblems(wrong('console/src/a.ts', "import { x } from '#model';")),
    'a console that leaves its folder': consoleProblems(wrong('console/src/a.ts', "import '../../src/base/id.ts';")),
    'a contract that imports the model': consoleProblems(
      wrong('src/api/contract/a.ts', "import type { x } from '#model';"),
    ),
    'a name without a front file': frontNameProblems([], { '#base': './src/base/index.ts' }),
    'an area without a name': frontNameProblems(wrong('src/extra/index.ts', ''), {}),
    'a front file that does not begin with its comment': frontFileProblems(
      wrong('src/store/index.ts', '/** store. */'),
    ),
    'a front file that forbids itself nothing': frontFileProblems(
      wrong('src/store/index.ts', '/** store: rows. Owns rows. */'),
    ),
    'an export without a comment': undocumentedExports(wrong('src/base/a.ts', 'export const a = 1;')),
    'a long file': sizeProblems(wrong('src/base/a.ts', 'work();\n'.repeat(501))),
    'a long function': sizeProblems(
      wrong('src/base/a.ts', `export async function a(\n  b: string,\n): void {\n${long}}\n`),
    ),
    'a long method': sizeProblems(wrong('src/base/a.ts', `class A {\n  async a(): void {\n${long}  }\n}\n`)),
    'a long arrow function': sizeProblems(wrong('src/base/a.ts', `const a = (): void => {\n${long}};\n`)),
    'a big file': sizeProblems([sourceFile('docs/a.md', '', 1024 * 1024 + 1)]),
    'the clock of the machine': impurities(wrong('src/policy/a.ts', 'const a = Date.now();')),
    'a date of now': impurities(wrong('src/policy/a.ts', 'const a = new Date();')),
    'a date of now in a template': impurities(wrong('src/policy/a.ts', 'const a = `at ${Date.now()}`;')),
    'the environment': impurities(wrong('src/policy/a.ts', 'const { a } = process.env;')),
    'randomness of its own': impurities(wrong('src/policy/a.ts', "import { randomUUID } from 'node:crypto';")),
    'a path of one machine': machineTraces(wrong('docs/a.md', `see /${'home'}/ada/cordon`)),
    'a registry': machineTraces(wrong('docs/a.md', `from https://${'registry'}.example.org/`)),
    'a lockfile bound to a registry': machineTraces(wrong('package-lock.json', `"${'resolved'}": "x"`)),
    'a private key': machineTraces(wrong('src/a.pem', `-----BEGIN ${'PRIVATE'} KEY-----\nMIG`)),
    'a name that says nothing': nameProblems(wrong('src/base/utils.ts', '')),
    'a name in camel case': nameProblems(wrong('src/base/newId.ts', '')),
    'a switched-off check': looseEnds(wrong('src/a.ts', `// oxlint-${'disable'}-next-line no-eval`)),
    'a thing to do without an issue': looseEnds(
      wrong('src/a.ts', `// ${'to do'.replace(' ', '').toUpperCase()} later`),
    ),
    'an error code nobody can look up': errorCodeProblems(
      wrong('src/a.ts', "new CordonError('a-b', 'c')"),
      '',
      reasons,
    ),
    'a code of a problem nobody can look up': errorCodeProblems(wrong('src/a.ts', "err({ code: 'a-b' })"), '', reasons),
    'an error code that does not exist': errorCodeProblems([], '| `a-b` | c | d |\n', reasons),
    'a dependency without a reason': dependencyProblems({ dependencies: { a: '1.0.0' }, devDependencies: {} }, ''),
    'a reason without a dependency': dependencyProblems({ dependencies: {}, devDependencies: {} }, '| `a` | b | c |\n'),
    'a range of versions': dependencyProblems(
      { dependencies: { a: '^1.0.0' }, devDependencies: {} },
      '| `a` | b | c |\n',
    ),
    'a link that leads nowhere': brokenLinks(wrong('docs/a.md', 'see [b](b.md#c) and [d](https://example.org/)')),
    'a page that a source names but nobody wrote': brokenLinks(wrong('src/a.ts', '// see docs/nowhere.md')),
    'a server that imports what is not there': undeclaredImports(wrong('src/a.ts', "import 'vite';"), manifest),
  };
  for (const [name, found] of Object.entries(cases)) {
    it(`find ${name}`, () => assert.equal(found.length, 1, found.join('\n')));
  }

  it('find a platform that the lockfile lacks', () => {
    const packages = { 'node_modules/a': { optionalDependencies: { 'a-linux-arm64-musl': '1.0.0' } } };
    assert.deepEqual(missingEntries({ packages }), [
      {
        path: 'node_modules/a-linux-arm64-musl',
        entry: { version: '1.0.0', cpu: ['arm64'], libc: ['musl'], license: undefined, optional: true, os: ['linux'] },
      },
    ]);
  });

  it('do not take comments and strings for code', () => {
    const text =
      "// Date.now()\n/* process.env */ const a = 'Math.random'; const b = /Date.now/; const c = `Date.now()`;\n";
    none(impurities([sourceFile('src/policy/a.ts', text)]));
    none(rankProblems([sourceFile('src/policy/a.ts', "// import { x } from '#gateway';\n")]));
  });

  it('see code behind a regular expression that holds quotes', () => {
    assert.equal(impurities([sourceFile('src/policy/a.ts', 'const a = /[\'"`]/; const b = Date.now();')]).length, 1);
  });
});
