// Runs the tests: all, or those selected by words (parts of paths, or patterns of names).
// Usage: npm test [-- WORD…] [--verbose]
// The last line is always `N passed, N failed, N skipped`. Exits 1 when a test failed or none ran. With
// CORDON_REQUIRE_SYSTEM=1 a test that was skipped for want of a system package or of root counts as failed.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { allTestFiles, select } from './test/select.js';
import { isSystemSkip, Tally } from './test/tally.js';

const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 300_000;
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const isVerbose = process.argv.includes('--verbose');
const { files, names } = select(allTestFiles(ROOT), words);
const tally = new Tally();
const start = performance.now();

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}

/** @param {unknown} error */
function explain(error) {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause, { depth: 4 });
  const expected =
    cause instanceof Error && 'expected' in cause && cause.expected !== undefined && !text.includes('+ actual')
      ? `\nactual: ${inspect(/** @type {any} */ (cause).actual)}\nexpected: ${inspect(cause.expected)}`
      : '';
  const lines = text
    .split('\n')
    .filter((line) => !/^\s+at .*(node:internal|node:async_hooks|\(<anonymous>\))/.test(line));
  return [...lines, ...expected.split('\n').filter((line) => line !== '')].map((line) => `      ${line}`).join('\n');
}

/** @param {import('./test/tally.js').FileResult} result */
function printFile(result) {
  const skipped = result.skipped.length === 0 ? '' : `, ${result.skipped.length} skipped`;
  const failed = result.failed === 0 ? '' : `, ${result.failed} failed`;
  const mark = result.failed > 0 ? '✖' : result.passed === 0 ? '○' : '✔';
  const time = `${(result.milliseconds / 1000).toFixed(1)} s`;
  print(`${mark} ${relative(ROOT, result.file)}  ${result.passed} passed${failed}${skipped}  ${time}`);
  for (const failure of result.failures) print(`    ✖ ${failure.name}\n${explain(failure.error)}`);
  if (result.failed > 0 && result.output.length > 0) {
    print(`    it printed:\n${result.output.map((line) => `      | ${line}`).join('\n')}`);
  }
}

/** @param {string} file */
function fileEnded(file) {
  const result = tally.files.get(file);
  if (result !== undefined && result.passed + result.failed + result.skipped.length > 0) printFile(result);
}

/** Tests get a folder for temporary files that goes when they end, however they end. */
function useOwnTemporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-test-'));
  // Servers that give up root (nginx, PostgreSQL) pass through to their own files, and list nobody's.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143));
}

async function runFiles() {
  let current = '';
  // The runner's own timeout ends a test, and not a file whose tests are over and that something it left open keeps alive.
  const silence = new AbortController();
  const end = () => {
    print(`✖ ${relative(ROOT, current)}: nothing came for ${TIMEOUT_MS / 1000} s, so the run ends here`);
    silence.abort();
  };
  let timer = setTimeout(end, TIMEOUT_MS);
  const stream = run({
    files: files.map((file) => join(ROOT, file)),
    cwd: ROOT,
    concurrency: Math.min(4, availableParallelism()),
    timeout: TIMEOUT_MS,
    signal: silence.signal,
    testNamePatterns: names.length === 0 ? undefined : names.map((name) => new RegExp(name, 'i')),
  });
  for await (const { type, data } of /** @type {AsyncIterable<{ type: string, data: any }>} */ (stream)) {
    clearTimeout(timer);
    timer = setTimeout(end, TIMEOUT_MS);
    if (type === 'test:start') {
      if (data.file !== undefined && data.file !== current) fileEnded(current);
      current = data.file ?? current;
      tally.started(data);
    } else if (type === 'test:pass' || type === 'test:fail') {
      current = data.file ?? current;
      tally.ended(data, type === 'test:pass', names.length > 0);
      if (isVerbose && data.name !== data.file) {
        print(`${'  '.repeat(data.nesting + 1)}${type === 'test:pass' ? '·' : '✖'} ${data.name}`);
      }
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      tally.printed(data.file ?? current, data.message);
    }
  }
  clearTimeout(timer);
  fileEnded(current);
}

/** @param {{ file: string, name: string, reason: string }[]} skipped */
function printSkipped(skipped) {
  if (skipped.length === 0) return;
  print('\nskipped:');
  const groups = Object.entries(Object.groupBy(skipped, (skip) => skip.reason || 'no reason given'));
  for (const [reason, group = []] of groups.sort()) {
    const where = [...new Set(group.map((skip) => relative(ROOT, skip.file)))].join(', ');
    print(`  ${String(group.length).padStart(3)}  ${reason}  (${where})`);
  }
}

useOwnTemporaryFolder();
if (files.length > 0) await runFiles();
const { passed, failed, skipped } = tally.totals();
printSkipped(skipped);
const missed = process.env.CORDON_REQUIRE_SYSTEM === '1' ? skipped.filter((skip) => isSystemSkip(skip.reason)) : [];
if (missed.length > 0) {
  print(`\nCORDON_REQUIRE_SYSTEM=1: ${missed.length} of the skipped tests must run here; they count as failed`);
  print('install what they name with `npm run setup:system`, and run as root');
}
if (passed + failed === 0)
  print(`no test ran: nothing matches ${words.map((word) => `\`${word}\``).join(' ') || 'here'}`);
print(`\n${files.length} files in ${((performance.now() - start) / 1000).toFixed(1)} s`);
print(`${passed} passed, ${failed + missed.length} failed, ${skipped.length - missed.length} skipped`);
process.exitCode = failed + missed.length > 0 || passed === 0 ? 1 : 0;
