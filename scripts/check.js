// Checks the sources without running them: types, lint, format, and what nothing uses. Prints what is wrong and nothing
// else. Exits 1 when something is, 2 when a tool could not run.
// Usage: npm run check [-- WORD…], where a word is part of the name of a check
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules', '.bin');
const AT_ONCE = 2;

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} tool
 * @property {readonly string[]} args
 * @property {string} hint what to do when it finds something
 * @property {(output: string) => string} [show] the part of its output that says what is wrong
 */

/** @type {readonly Check[]} */
const CHECKS = [
  { name: 'types', tool: 'tsc', args: ['--pretty', 'false'], hint: 'correct the types at the places above' },
  {
    name: 'types of the console',
    tool: 'tsc',
    args: ['--pretty', 'false', '-p', 'console'],
    hint: 'correct the types at the places above',
  },
  {
    name: 'lint',
    tool: 'oxlint',
    args: ['--type-aware', '--deny-warnings', '--format', 'unix'],
    hint: 'the rules are in .oxlintrc.json; `node_modules/.bin/oxlint --type-aware` shows each place with its code',
  },
  {
    name: 'format',
    tool: 'biome',
    args: ['format', '--colors=off', '--reporter=summary', '.'],
    hint: 'run `npm run format`',
    show: (output) =>
      output
        .match(/^ {2}- .*$/gm)
        ?.join('\n')
        .replace(/^ {2}- /gm, '') ?? output,
  },
  {
    name: 'unused',
    tool: 'knip',
    args: ['--no-progress', '--no-config-hints'],
    hint: 'remove what nothing uses; what only the tools know is named in knip.json',
  },
];

/**
 * @param {Check} check
 * @returns {Promise<{ check: Check, status: 'right' | 'wrong' | 'broken', output: string }>}
 */
async function runCheck(check) {
  const child = spawn(join(BIN, check.tool), check.args, { cwd: ROOT, env: { ...process.env, NO_COLOR: '1' } });
  /** @type {Buffer[]} */
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  /** @type {string | number} */
  const outcome = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? `ended by ${signal}`));
  });
  const text = Buffer.concat(output).toString('utf8').trim();
  if (outcome === 0) return { check, status: 'right', output: '' };
  if (typeof outcome === 'string') return { check, status: 'broken', output: [text, outcome].join('\n').trim() };
  return {
    check,
    status: text === '' ? 'broken' : 'wrong',
    output: text === '' ? `exit code ${outcome}` : (check.show?.(text) ?? text),
  };
}

const words = process.argv.slice(2);
const chosen = CHECKS.filter(
  (check) =>
    (words.length === 0 || words.some((word) => check.name.includes(word))) &&
    (!check.args.includes('console') || existsSync(join(ROOT, 'console', 'tsconfig.json'))),
);
const start = performance.now();
const queue = [...chosen];
/** @type {Awaited<ReturnType<typeof runCheck>>[]} */
const results = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const result = await runCheck(check);
      results.push(result);
      if (result.status !== 'right') {
        process.stdout.write(`${check.name}:\n${result.output.replace(/^/gm, '  ')}\nhint: ${check.hint}\n\n`);
      }
    }
  }),
);
const wrong = results.filter(({ status }) => status !== 'right').map(({ check }) => check.name);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
if (chosen.length === 0) {
  process.stderr.write(`error: no check is named ${words.map((word) => `\`${word}\``).join(' ')}\n`);
  process.stderr.write(`hint: there are: ${CHECKS.map(({ name }) => name).join(', ')}\n`);
  process.exitCode = 2;
} else if (wrong.length > 0) {
  process.stdout.write(`wrong: ${wrong.join(', ')} (${chosen.length} checks in ${seconds} s)\n`);
  process.exitCode = results.some(({ status }) => status === 'broken') ? 2 : 1;
} else process.stderr.write(`${chosen.length} checks in ${seconds} s, nothing wrong\n`);
