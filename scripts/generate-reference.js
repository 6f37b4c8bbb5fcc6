// Writes the pages of docs/reference that follow from the sources. The repository test tells when they are behind.
// Usage: npm run reference
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages } from './reference/pages.js';

const ROOT = join(import.meta.dirname, '..');

for (const [path, text] of Object.entries(referencePages())) {
  const file = join(ROOT, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  writeFileSync(file, text);
  process.stdout.write(`wrote ${path}\n`);
}
