#!/usr/bin/env node
// Starts Cordon on the Node it is pinned to, whatever Node runs this file (18 or later): same arguments, same terminal,
// same exit code. Installs the dependencies first when they are missing.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NODE = join(ROOT, 'node_modules', '.bin', 'node');
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']);

if (!existsSync(NODE)) {
  const setup = spawnSync(process.execPath, [join(ROOT, 'scripts', 'setup.js')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (setup.status !== 0) process.exit(setup.status ?? 2);
}

const child = spawn(NODE, [join(ROOT, 'src', 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of SIGNALS) {
  // A terminal sends ctrl-C to both processes; a supervisor sends its signal to this one only.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  process.stderr.write(
    `error: cannot start the pinned Node: ${error.message}\nhint: delete node_modules and run \`npm install\`\n`,
  );
  process.exitCode = 2;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
});
