import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CordonError, isJsonObject, type Json, parseJson, randomOctets } from '#base';

/** Members of a JSON object in a file. */
export type Members = { readonly [key: string]: Json };

/**
 * Reads a JSON object that only its owner may read; undefined when there is no file. Throws `private-file-unusable` for one that others
 * may read: whoever could has the token and its key.
 */
export async function readPrivate(directory: string, name: string): Promise<Members | undefined> {
  const path = join(directory, name);
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new CordonError('private-file-unusable', `\`${path}\` may be read by others`, {
        hint: `run \`cordon logout\`, then \`cordon login\` again; \`chmod 600 ${path}\` keeps what may have been read`,
      });
    }
    const parsed = parseJson(await readFile(path, 'utf8'));
    // What a crash or an editor left behind is made anew, as if it were not there.
    return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined;
  } catch (cause) {
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ENOTDIR')) return undefined;
    throw unusable(path, cause);
  }
}

/** Replaces a file (0600) in a directory (0700), so that a reader sees the old content or the new. Throws `private-file-unusable`. */
export async function writePrivate(directory: string, name: string, content: Members): Promise<void> {
  const path = join(directory, name);
  const draft = `${path}.${randomOctets(4).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(content)}\n`);
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw unusable(path, cause);
  }
}

/** Removes a file or a folder, if there. Throws `private-file-unusable`. */
export async function removePrivate(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  try {
    await rm(path, { force: true, recursive: true });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): CordonError {
  if (cause instanceof CordonError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CordonError('private-file-unusable', `\`${path}\` cannot be used: ${why}`, {
    cause,
    hint: 'check the directory, its owner and the disk',
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
