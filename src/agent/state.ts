import { createHash } from 'node:crypto';
import { lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson, CordonError, isJsonObject, type Json, parseJson, randomOctets } from '#base';

/** The directory in which an agent keeps what must survive a restart. Only its owner may enter it. */
export interface StateDirectory {
  readonly path: string;
  /** The text of a file; undefined when there is none. */
  read(name: string): Promise<string | undefined>;
  /** Replaces a file (0600), so that after a crash there is the old content or the new. */
  write(name: string, content: string): Promise<void>;
  remove(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

/**
 * Opens the state directory, making it (0700) when `create` is set. Fails with `state-directory-unusable` when it is a
 * symbolic link, belongs to someone else, or may be entered by others: whoever reads the key is this device.
 */
export async function openState(path: string, options: { create: boolean; uid: number }): Promise<StateDirectory> {
  if (options.create) await failAs(path, async () => await makeDirectory(path));
  const found = await failAs(path, async () => await lstat(path));
  if (!found.isDirectory()) throw unusable(path, 'is not a directory', 'name a directory of its own for the agent');
  if (found.uid !== options.uid) {
    throw unusable(path, `belongs to user ${found.uid}`, 'run the agent as the owner of the directory, usually root');
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw unusable(path, `may be entered by others (mode ${mode})`, `run \`chmod 700 ${path}\`, then enrol again`);
  }
  const at = (name: string): string => join(path, name);
  return {
    path,
    read: async (name) => await failAs(path, async () => await readIfThere(at(name))),
    write: async (name, content) => await failAs(path, async () => await replaceFile(at(name), content)),
    remove: async (name) =>
      await failAs(path, async () => {
        await rm(at(name), { force: true });
        await syncDirectory(path);
      }),
    rename: async (from, to) =>
      await failAs(path, async () => {
        await rename(at(from), at(to));
        await syncDirectory(path);
      }),
  };
}

/** Writes an object with a checksum over its canonical JSON, for `openSealed`. */
export function seal(value: { readonly [key: string]: Json }): string {
  return `${JSON.stringify({ ...value, sha256: checksum(value) })}\n`;
}

/** Reads what `seal` wrote; undefined when a single byte of it differs. */
export function openSealed(text: string): { readonly [key: string]: Json } | undefined {
  const json = parseJson(text);
  if (!json.ok || !isJsonObject(json.value)) return undefined;
  const { sha256, ...value } = json.value;
  return sha256 === checksum(value) ? value : undefined;
}

function checksum(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function unusable(path: string, what: string, hint: string): CordonError {
  return new CordonError('state-directory-unusable', `the state directory \`${path}\` ${what}`, { hint });
}

/** Turns errors of the file system into one that says which directory, and what to do. */
async function failAs<T>(path: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    if (cause instanceof CordonError) throw cause;
    const why = hasCode(cause, 'ENOENT')
      ? ['does not exist', 'enrol this host first: `cordon agent enrol`']
      : hasCode(cause, 'EACCES') || hasCode(cause, 'EPERM')
        ? ['cannot be accessed', 'run the agent as root']
        : [`cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, 'check the disk and the path'];
    throw new CordonError('state-directory-unusable', `the state directory \`${path}\` ${why[0]}`, {
      cause,
      hint: why[1] ?? '',
    });
  }
}

/** True when `error` is a system error with `code`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first !== undefined) await syncDirectory(dirname(path));
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomOctets(4).toString('hex')}.tmp`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
