// What a build was made from, as one hash.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The SHA-256 over names and contents of `files`, in hexadecimal.
 * @param {string} root
 * @param {readonly string[]} files paths below `root`
 */
export function hashFiles(root, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content); // with the length: no two trees have one stream
  }
  return hash.digest('hex');
}

/**
 * The same over a whole folder; `keep` is asked for each file and folder by its path below `root`.
 * @param {string} root
 * @param {(path: string) => boolean} keep
 */
export function hashTree(root, keep) {
  /** @type {string[]} */
  const files = [];
  /** @param {string} below */
  const walk = (below) => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith('.') || !keep(path)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk('');
  return hashFiles(root, files.sort());
}
