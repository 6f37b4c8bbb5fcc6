import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CordonError, type Problem } from '#base';

/** Bounds of one import. A directory that exceeds one is imported as far as the bound goes, with a problem that names it. */
export const WALK_LIMITS = {
  /** An answer of more bytes than this is not read. */
  fileBytes: 64 * 1024 * 1024,
  /** Sum over all files. */
  totalBytes: 1024 * 1024 * 1024,
  files: 100_000,
  depth: 12,
} as const;

/** The limits of a walk, for tests that tighten them. */
export type WalkLimits = { readonly [K in keyof typeof WALK_LIMITS]: number };

/** A file found, by its path relative to the root with `/`. */
export interface FoundFile {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Lists the regular files under `root` in order of their path, whatever order the file system has.
 * Symbolic links are never followed: a link could lead out of the directory or around in circles.
 * Fails with `asset-directory-unreadable`.
 */
export async function walk(root: string, problems: Problem[], limits: WalkLimits = WALK_LIMITS): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  let bytes = 0;
  const queue: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const entry of await entriesOf(root, next.path, problems)) {
      const file = next.path === '' ? entry.name : `${next.path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (next.depth + 1 >= limits.depth) problems.push(bound(file, `lies deeper than ${limits.depth} directories`));
        else queue.push({ path: file, depth: next.depth + 1 });
        continue;
      }
      const refused = refusal(entry);
      if (refused !== undefined) {
        problems.push({ code: 'asset-file-skipped', message: `\`${file}\` is ${refused}, not read`, source: { file } });
        continue;
      }
      const { size } = await lstat(join(root, file));
      if (found.length >= limits.files || bytes + size > limits.totalBytes) {
        problems.push(
          bound(file, `is beyond ${limits.files} files or ${limits.totalBytes} bytes, the rest is not read`),
        );
        return sorted(found);
      }
      if (size > limits.fileBytes) {
        problems.push(bound(file, `has ${size} bytes, more than ${limits.fileBytes}`));
        continue;
      }
      bytes += size;
      found.push({ file, bytes: size });
    }
  }
  return sorted(found);
}

async function entriesOf(root: string, path: string, problems: Problem[]): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(root, path), { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = 'name a readable directory that holds saved AWS CLI output';
    if (path === '')
      throw new CordonError('asset-directory-unreadable', `cannot read \`${root}\`: ${reason}`, { cause, hint });
    problems.push({
      code: 'asset-directory-unreadable',
      message: `cannot read \`${path}\``,
      source: { file: path },
      hint,
    });
    return [];
  }
}

function refusal(entry: Dirent): string | undefined {
  if (entry.isSymbolicLink()) return 'a symbolic link';
  return entry.isFile() ? undefined : 'not a regular file';
}

function bound(file: string, what: string): Problem {
  return {
    code: 'asset-import-bounded',
    message: `\`${file}\` ${what}`,
    source: { file },
    hint: 'import a smaller directory, for example one account or region at a time',
  };
}

function sorted(found: readonly FoundFile[]): FoundFile[] {
  return [...found].sort((a, b) => (a.file < b.file ? -1 : 1));
}
