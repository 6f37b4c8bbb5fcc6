// Completes package-lock.json after a change of dependencies: `npm ci` demands an entry for every optional package of
// every platform, but npm writes none for packages that the registry in use does not carry. Their versions are exact in
// the package that names them, and their platform is their name; only their checksum stays open until npm meets them.
// Usage: npm run lockfile
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { missingEntries } from './setup/lockfile.js';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));

const lockfile = JSON.parse(readFileSync(FILE, 'utf8'));
const missing = missingEntries(lockfile);
for (const { path, entry } of missing) {
  lockfile.packages[path] = entry;
  process.stdout.write(`added ${path.slice('node_modules/'.length)} ${entry.version}\n`);
}
if (missing.length > 0) {
  const packages = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lockfile.packages = Object.fromEntries(packages);
  writeFileSync(FILE, `${JSON.stringify(lockfile, null, 2)}\n`);
}
