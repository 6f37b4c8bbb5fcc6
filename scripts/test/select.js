// Which test files to run, and which names in them.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['test', 'src', 'console', 'bench', 'scripts']; // whole-system tests first: they take longest

/**
 * Every test file of the repository, as paths below `root`.
 * @param {string} root
 * @returns {string[]}
 */
export function allTestFiles(root) {
  const present = FOLDERS.filter((folder) => existsSync(join(root, folder)));
  return present.flatMap((folder) =>
    globSync(`${folder}/**/*.test.{ts,tsx}`, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] }).sort(),
  );
}

/**
 * Splits the words of a command line: one that occurs in the path of a test file selects files, any other selects tests
 * by name. Without a word everything is selected.
 * @param {readonly string[]} files
 * @param {readonly string[]} words
 * @returns {{ files: string[], names: string[] }}
 */
export function select(files, words) {
  const paths = words
    .map((word) => word.replace(/^\.\//, ''))
    .filter((word) => files.some((file) => file.includes(word)));
  const names = words.filter((word) => !paths.includes(word.replace(/^\.\//, '')));
  const chosen = files.filter((file) => paths.length === 0 || paths.some((path) => file.includes(path)));
  return { files: chosen, names };
}
