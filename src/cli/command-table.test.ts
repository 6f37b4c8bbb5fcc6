import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMANDS } from './command-table.ts';
import { optionsOf } from './command.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Every module that loading `file` loads at once: relative ones followed, others by name. Types and `import()` load nothing. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, clause = '', from = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) ([^;]*?)from '([^']+)';/gm,
  )) {
    const isType = clause.startsWith('type ') || /^\{(?:\s*type [\w ]+,?)+\s*\}\s*$/.test(clause);
    if (isType) continue;
    if (from.startsWith('.')) loadedBy(join(dirname(file), from), seen);
    else seen.add(from);
  }
  return seen;
}

describe('the table of commands', () => {
  it('names code that is there for every command', async () => {
    for (const row of COMMANDS) assert.equal(typeof (await row.load()), 'function', row.name);
  });

  it('has no name twice, and options that do not collide', () => {
    assert.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
    for (const row of COMMANDS) {
      const names = optionsOf(row).flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
      assert.equal(new Set(names).size, names.length, row.name);
    }
  });

  it('has at most one default in a group', () => {
    const defaults = COMMANDS.filter(({ isDefault }) => isDefault === true).map(({ name }) => name.split(' ')[0]);
    assert.equal(new Set(defaults).size, defaults.length);
  });

  for (const path of ['index.ts', 'commands/version.ts', 'commands/agent.ts']) {
    it(`loads only node and #base to run ${path}, because agents start on small hosts`, () => {
      const heavy = [...loadedBy(join(import.meta.dirname, path))].filter((name) => !/^(?:\/|node:|#base$)/.test(name));
      assert.deepEqual(heavy, []);
    });
  }
});

describe('commands that people are told to run', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => join('src', path));
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path));
  const names = COMMANDS.map(({ name }) => name);

  it('are commands there are', () => {
    const wrong = [...sources, ...pages].flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/`cordon ([a-z-]+)(?: ([a-z][a-z-]*))?/g)].flatMap(
        ([, first = '', second = '']) => {
          const isThere =
            names.includes(first) ||
            names.includes(`${first} ${second}`) ||
            (second === '' && names.some((name) => name.startsWith(`${first} `)));
          return isThere ? [] : [`${path} names \`cordon ${first} ${second}\``];
        },
      ),
    );
    assert.deepEqual(wrong, []);
  });
});
