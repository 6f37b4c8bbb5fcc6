import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, parseJson } from '#base';
import { EMPTY_HEAD, type Head } from './head.ts';
import { type Layout, listSegments, replaceFile, segmentName } from './layout.ts';
import { checkStamp, stamp } from './line.ts';

/** One Parquet file of a sealed segment. */
export interface SealedFile {
  /** Relative to the journal's directory. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the whole file, base64url. */
  readonly sha256: string;
}

/** What became of one sealed segment. Its rename into place is the moment the Parquet replaces the NDJSON. */
export interface Manifest {
  readonly first: number;
  readonly last: number;
  /** Hash of the line before `first`. */
  readonly prev: string;
  /** Hash of the line `last`. */
  readonly head: string;
  readonly files: readonly SealedFile[];
}

/** The name of the manifest of the segment that begins at `first`, relative to the journal's directory. */
export function manifestName(first: number): string {
  return join('manifests', `${segmentName(first)}.json`);
}

/** Puts a manifest in place, durably. */
export async function writeManifest(layout: Layout, manifest: Manifest): Promise<void> {
  const { first, last, prev, head, files } = manifest;
  const body = JSON.stringify({ format: 1, first, last, prev, head, files }).slice(0, -1);
  await replaceFile(join(layout.directory, manifestName(first)), `${stamp(body).text}\n`);
}

/** A manifest that does not continue the chain, or cannot be read. */
export interface ManifestProblem {
  readonly file: string;
  readonly reason: string;
}

/** Reads all manifests in chain order, up to the first that is damaged or does not follow the one before it. */
export async function readManifests(
  layout: Layout,
): Promise<{ manifests: Manifest[]; head: Head; problem?: ManifestProblem }> {
  const manifests: Manifest[] = [];
  let head = EMPTY_HEAD;
  for (const first of await listSegments(layout.manifests, 'json')) {
    const file = manifestName(first);
    const manifest = decodeManifest(await readFile(join(layout.directory, file)));
    const reason = typeof manifest === 'string' ? manifest : followProblem(manifest, first, head);
    if (reason !== undefined || typeof manifest === 'string') {
      return { manifests, head, problem: { file, reason: reason ?? '' } };
    }
    manifests.push(manifest);
    head = { seq: manifest.last, hash: manifest.head };
  }
  return { manifests, head };
}

function followProblem(manifest: Manifest, first: number, head: Head): string | undefined {
  if (manifest.first !== first) return `is named for seq ${first} but begins at ${manifest.first}`;
  if (first !== head.seq + 1) return `begins at seq ${first} where ${head.seq + 1} was expected`;
  if (manifest.prev !== head.hash) return 'does not carry the hash of the segment before it';
  return undefined;
}

function decodeManifest(bytes: Buffer): Manifest | string {
  if (bytes.at(-1) !== 10) return 'is incomplete';
  const checked = checkStamp(bytes.subarray(0, -1));
  if (!checked.ok) return checked.error;
  const parsed = parseJson(bytes.toString('utf8'));
  const value: Json = parsed.ok ? parsed.value : null;
  if (!isJsonObject(value) || value['format'] !== 1) return 'has a format this version does not know';
  const { first, last, prev, head, files } = value;
  const isWhole =
    typeof first === 'number' &&
    typeof last === 'number' &&
    last >= first &&
    typeof prev === 'string' &&
    typeof head === 'string' &&
    Array.isArray(files);
  if (!isWhole) return 'lacks a member';
  const decoded: SealedFile[] = [];
  for (const file of files as readonly Json[]) {
    const sealed = decodeFile(file);
    if (sealed === undefined) return 'lists a file it does not describe';
    decoded.push(sealed);
  }
  return { first, last, prev, head, files: decoded };
}

// The path goes into SQL and into the file system: nothing but the partition layout passes.
const SEALED_PATH = /^sealed\/class_uid=\d{1,16}\/day=\d{8}\/\d{15}\.parquet$/;

function decodeFile(file: Json): SealedFile | undefined {
  if (!isJsonObject(file)) return undefined;
  const { path, rows, bytes, sha256 } = file;
  if (typeof path !== 'string' || !SEALED_PATH.test(path)) return undefined;
  if (typeof rows !== 'number' || typeof bytes !== 'number' || typeof sha256 !== 'string') return undefined;
  return { path, rows, bytes, sha256 };
}
