// Prepares a clone: exact dependencies by the lockfile and, with --console, the built console. It runs on Node 18 with
// nothing installed, does only what is missing, prints nothing when nothing is, and two at once wait for each other.
// Usage: node scripts/setup.js [--console]
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashFiles, hashTree } from './setup/inputs.js';
import { installDependencies, isInstalledByHand } from './setup/install.js';
import { withLock } from './setup/lock.js';
import { runStep, SetupError } from './setup/step.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url)); // `import.meta.dirname` came with Node 20.11
const MODULES = join(ROOT, 'node_modules');
const INSTALL_STAMP = join(MODULES, '.cordon-setup');
const NODE = join(MODULES, '.bin', 'node');
const CONSOLE = join(ROOT, 'console');
const DIST = join(CONSOLE, 'dist');
const CONSOLE_STAMP = join(DIST, '.inputs');

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

async function install() {
  if (isInstalled()) return;
  if (!existsSync(NODE) || !isInstalledByHand(ROOT)) await installDependencies(ROOT);
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
  const fresh = join(CONSOLE, `.dist-${process.pid}`);
  const old = join(CONSOLE, `.dist-old-${process.pid}`);
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
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(fresh, DIST);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

async function main() {
  const wantsConsole = process.argv.includes('--console');
  if (isInstalled() && (!wantsConsole || isConsoleBuilt())) return;
  await withLock(join(ROOT, '.cordon-setup.lock'), async () => {
    await install();
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
