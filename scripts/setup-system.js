// Installs what the system tests need and npm cannot bring: Debian packages. Says what is missing and what for, installs
// it with apt-get when it runs as root, and is silent when nothing is missing.
// Usage: npm run setup:system [-- --list]
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { missingPackages, PACKAGES } from './setup/packages.js';

/** @param {string[]} args */
async function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn('apt-get', args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  /** @type {string} */
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `exit code ${code ?? signal}`));
  });
  if (failure !== '') throw new Error(`\`apt-get ${args[0]}\` failed (${failure})`);
}

/**
 * @param {string} message
 * @param {string} hint
 */
function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exitCode = 2;
}

/** @param {readonly import('./setup/packages.js').SystemPackage[]} packages */
function table(packages) {
  const width = Math.max(...packages.map(({ name }) => name.length));
  return packages.map(({ name, reason }) => `  ${name.padEnd(width)}  ${reason}\n`).join('');
}

async function main() {
  if (process.argv.includes('--list')) return void process.stdout.write(table(PACKAGES));
  const missing = missingPackages();
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  process.stderr.write(`setup: these packages are missing for the system tests:\n${table(missing)}`);
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    return fail('this system has no apt-get', 'install the same programs with its own package manager');
  }
  if (process.getuid?.() !== 0) {
    return fail('installing them needs root', `run \`sudo ${command}\`; without them their tests are skipped`);
  }
  if (spawnSync('apt-get', ['install', '--simulate', '-qq', '--no-install-recommends', ...names]).status !== 0) {
    await aptGet(['update', '-qq']);
  }
  await aptGet(['install', '-y', '-qq', '--no-install-recommends', ...names]);
  const still = missingPackages();
  if (still.length > 0) {
    fail(`still missing: ${still.map(({ name }) => name).join(' ')}`, `run \`${command}\` and read what it says`);
  }
}

try {
  await main();
} catch (error) {
  fail(
    error instanceof Error ? error.message : String(error),
    'read what apt-get says above; `apt-get update` often helps',
  );
}
