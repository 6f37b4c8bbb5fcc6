// Prepares a clone: exact dependencies by the lockfile and, with --console, the built console. It runs on Node 20 with
// nothing installed, does only what is missing, prints nothing when nothing is, and two at once wait for each other.
// Usage: node scripts/setup.js [--console]
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashFiles, hashTree } from './setup/inputs.js';
import { withLock } from './setup/lock.js';
import { runStep, SetupError } from './setup/step.js';

const ROOT = join(import.meta.dirname, '..');
const MODULES = join(ROOT, 'node_modules');
const INSTALL_STAMP = join(MODULES, '.cordon-setup');
const NODE = join(MODULES, '.bin', 'node');
const CONSOLE = join(ROOT, 'console');
const CONSOLE_STAMP = join(CONSOLE, 'dist', '.inputs');

/** @param {string} file */
function readOrEmpty(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function lockHash() {
  return hashFiles(ROOT, ['package-lock.json']);
}

function isInstalled() {
  return existsSync(NODE) && readOrEmpty(INSTALL_STAMP) === lockHash();
}

/** Whether somebody already installed exactly the lockfile by hand: npm keeps its own record of what it put there. */
function isInstalledByHand() {
  const record = readOrEmpty(join(MODULES, '.package-lock.json'));
  if (record === '' || !existsSync(NODE)) return false;
  const present = JSON.parse(record).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional === true || present[path]?.version === entry.version,
  );
}

async function installDependencies() {
  if (isInstalled()) return;
  if (!isInstalledByHand()) {
    const npm = process.env.npm_execpath;
    const [command, first] = npm?.endsWith('npm-cli.js') ? [process.execPath, [npm]] : ['npm', []];
    const options = ['--include=dev', '--no-audit', '--no-fund', '--ignore-scripts=false', '--loglevel=error'];
    await runStep({
      title: 'install dependencies',
      command,
      args: [...first, 'ci', ...options],
      cwd: ROOT,
      hint: 'check that this machine reaches an npm registry (`npm ping`) and has free disk space, then run the command again',
    });
  }
  if (!existsSync(NODE)) {
    throw new SetupError(
      'the pinned Node was not installed, although npm reported success',
      'delete node_modules and run the command again; if npm forbids install scripts, allow the one of the package `node`',
    );
  }
  writeFileSync(INSTALL_STAMP, lockHash());
}

/** Everything the built console depends on. It imports nothing but the contract. */
function consoleInputs() {
  return [
    hashTree(CONSOLE, (path) => path !== 'dist' && path !== 'node_modules' && !/\.test\.tsx?$/.test(path)),
    hashTree(join(ROOT, 'src/api/contract'), (path) => !path.endsWith('.test.ts')),
    lockHash(),
  ].join(' ');
}

function isConsoleBuilt() {
  return !existsSync(join(CONSOLE, 'index.html')) || readOrEmpty(CONSOLE_STAMP) === consoleInputs();
}

async function buildConsole() {
  if (isConsoleBuilt()) return;
  const inputs = consoleInputs();
  const fresh = join(CONSOLE, 'dist', '..', `.dist-${process.pid}`);
  try {
    await runStep({
      title: 'build the console',
      command: NODE,
      args: [
        join(MODULES, 'vite/bin/vite.js'),
        'build',
        CONSOLE,
        '--outDir',
        fresh,
        '--emptyOutDir',
        '--logLevel',
        'warn',
      ],
      cwd: CONSOLE,
      hint: 'read the output above; the sources are in console/, and `npm run check` names type errors',
    });
    writeFileSync(join(fresh, '.inputs'), inputs);
    // A running server keeps serving the old files until this moment, and never a half-written build.
    rmSync(join(CONSOLE, 'dist'), { recursive: true, force: true });
    renameSync(fresh, join(CONSOLE, 'dist'));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function main() {
  const wantsConsole = process.argv.includes('--console');
  if (isInstalled() && (!wantsConsole || isConsoleBuilt())) return;
  await withLock(join(ROOT, '.cordon-setup.lock'), async () => {
    await installDependencies();
    if (wantsConsole) await buildConsole();
  });
}

try {
  await main();
} catch (error) {
  const hint =
    error instanceof SetupError ? error.hint : 'run the command again; if it fails again, report this message';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: setup failed: ${message}\nhint: ${hint}\n`);
  process.exitCode = 2;
}
