import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { manualClock } from '#base';
import { runCli } from '#cli';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
  ...readdirSync(join(ROOT, 'docs/guides')).map((name) => `docs/guides/${name}`),
  ...readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`),
].filter((path) => path.endsWith('.md') && existsSync(join(ROOT, path)));

const never = async (): Promise<never> => await Promise.reject(new Error('a page must not start anything'));
const WORLD = {
  stdin: Readable.from([]),
  cwd: '/nowhere',
  self: ['cordon'],
  clock: manualClock(0),
  version: '0.0.0',
  controlSocket: undefined,
  noColor: true,
  signal: AbortSignal.abort(),
  up: never,
  person: { directory: '/nowhere', computer: 'test', openBrowser: never },
  agent: { enrol: never, run: never, posture: never, program: never },
} as const;

describe('the commands in the documentation', () => {
  for (const page of PAGES) {
    it(`exist, with the options that ${page} gives them`, async () => {
      for (const line of commandsOf(read(page))) {
        const { code, output } = await helpOf(line);
        assert.equal(code, 0, `${page}: ${line}\n${output}`);
      }
    });
  }

  it('are found, and a wrong one would be noticed', async () => {
    assert.ok(commandsOf(read('docs/start.md')).length >= 20);
    assert.equal((await helpOf('cordon users invte ada@example.org')).code, 2);
    assert.equal((await helpOf('cordon users invite ada@example.org --grup staff')).code, 2);
  });
});

describe('the proofs in the documentation', () => {
  for (const page of PAGES) {
    it(`are tests that ${page} names by file and sentence`, () => {
      for (const { file, sentence } of proofsOf(page)) {
        const source = read(file).replaceAll(/\\(['"`])/g, '$1');
        assert.ok(source.includes(sentence), `${page}: ${file} has no test "${sentence}"`);
      }
    });
  }

  it('are there: each row of the tables that promise something has one', () => {
    for (const page of ['docs/architecture.md', 'docs/threat-model.md']) {
      const tables = read(page).matchAll(/^\|[^\n]*\| proven by \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)/gm);
      const rows = [...tables].flatMap(([, body = '']) => body.trimEnd().split('\n'));
      assert.ok(rows.length >= 15, page);
      for (const row of rows) assert.match(row, /\.test\.ts\) "[^"]+"/, `${page}: ${row}`);
    }
  });
});

describe('the ranks in docs/architecture.md', () => {
  it('are those that the rules of the repository enforce', () => {
    const enforced = /const RANKS[^{]*\{([^}]*)\}/.exec(read('test/repository/layout.ts'))?.[1] ?? '';
    const ranks = [...enforced.matchAll(/(\w+): (\d)/g)].map(([, area, rank]) => `${rank} ${area}`);
    const documented = [...read('docs/architecture.md').matchAll(/^\| (\d) \| `(\w+)` \|/gm)].map(
      ([, rank, area]) => `${rank} ${area}`,
    );
    assert.ok(ranks.length > 10);
    assert.deepEqual(documented.sort(), ranks.sort());
  });
});

/** Every `[name](path.test.ts) "sentence"` of a page. */
function proofsOf(page: string): { readonly file: string; readonly sentence: string }[] {
  return [...read(page).matchAll(/\]\(([^)]+\.test\.ts)\) "([^"]+)"/g)].map(([, path = '', sentence = '']) => ({
    file: join(dirname(page), path),
    sentence,
  }));
}

/** Every line of a code block that runs Cordon, without its prompt and comment. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .map((line) =>
        line
          .replace(/^\$ /, '')
          .replace(/^(?:sudo )?bin\/cordon\.js /, 'cordon ')
          .replace(/\s+#.*$/, ''),
      )
      .filter((line) => line.startsWith('cordon ')),
  );
}

/** What the command answers when it is asked for help with all its words: it has read its options by then, and does nothing. */
async function helpOf(line: string): Promise<{ readonly code: number; readonly output: string }> {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = Promise.all([text(stdout), text(stderr)]);
  const code = await runCli({ ...WORLD, argv: ['--help', ...words.slice(1)], stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, output: (await output).join('') };
}
