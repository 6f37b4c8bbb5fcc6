import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomOctets } from '#base';

/** The files of one journal. Every path a reader needs follows from the directory. */
export interface Layout {
  readonly directory: string;
  readonly lock: string;
  readonly pid: string;
  readonly head: string;
  /** Open segments, `<first seq>.ndjson`. */
  readonly segments: string;
  /** Sealed events, `class_uid=…/day=…/<first seq>.parquet`. */
  readonly sealed: string;
  /** One manifest per sealed segment, `<first seq>.json`. */
  readonly manifests: string;
  /** Parquet in the making; worth nothing after a crash. */
  readonly sealing: string;
  /** Torn ends cut off at recovery. */
  readonly torn: string;
}

/** Names the files of the journal in `directory`. */
export function layoutOf(directory: string): Layout {
  const at = (name: string): string => join(directory, name);
  return {
    directory,
    lock: at('lock'),
    pid: at('pid'),
    head: at('head.json'),
    segments: at('segments'),
    sealed: at('sealed'),
    manifests: at('manifests'),
    sealing: at('sealing'),
    torn: at('torn'),
  };
}

/** `12` -> `000000000000012`: names sort in chain order. */
export function segmentName(first: number): string {
  return String(first).padStart(15, '0');
}

/** The first sequence numbers of the files `<seq>.<extension>` in a folder, ascending. A missing folder is empty. */
export async function listSegments(folder: string, extension: 'ndjson' | 'json'): Promise<number[]> {
  const pattern = new RegExp(`^(\\d{15})\\.${extension}$`);
  const found: number[] = [];
  for (const name of await namesIn(folder)) {
    const match = pattern.exec(name);
    if (match !== null) found.push(Number(match[1]));
  }
  return found.sort((a, b) => a - b);
}

/** The names in a folder; a missing folder is empty. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return [];
    throw cause;
  }
}

/** True when `error` is a system error with `code`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Makes a folder (0700) and everything above it durable. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFile(dirname(made));
    if (made === first) return;
  }
}

/** Forces a file, or the entries of a folder, to disk. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The SHA-256 of a file, base64url, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) digest.update(chunk as Buffer);
  return digest.digest('base64url');
}

/** Writes a file (0600) so that after a crash there is the old content or the new, never a mixture. */
export async function replaceFile(path: string, content: string): Promise<void> {
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
  await syncFile(dirname(path));
}

/** Moves a finished file into its place, durably, readable by its owner only. */
export async function settleFile(from: string, to: string): Promise<void> {
  await chmod(from, 0o600);
  await syncFile(from);
  await makeFolder(dirname(to));
  await rename(from, to);
  await syncFile(dirname(to));
}
