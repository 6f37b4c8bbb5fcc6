import { readdir, rm, unlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { randomOctets } from '#base';
import { type Layout, makeFolder, segmentName, settleFile, syncFile } from './layout.ts';
import { type Manifest, type SealedFile, writeManifest } from './manifest.ts';
import type { FullSegment } from './segment.ts';
import type { Draft } from './write-parquet.ts';

/** Writes a segment as Parquet into a folder, and reads it back. */
export type ParquetWriter = (segment: FullSegment, work: string) => Promise<readonly Draft[]>;

/**
 * Has a finished segment written as Parquet, and puts that and its manifest in place; the manifest's rename is the commit.
 * The NDJSON stays for the caller to remove.
 */
export async function sealSegment(layout: Layout, segment: FullSegment, write: ParquetWriter): Promise<Manifest> {
  // A folder of its own for each try: whatever an earlier one left running writes elsewhere.
  const work = join(layout.sealing, `${segmentName(segment.first)}-${randomOctets(6).toString('hex')}`);
  await makeFolder(work);
  try {
    const files: SealedFile[] = [];
    for (const { path: draft, classUid, day, rows, bytes, sha256 } of await write(segment, work)) {
      const path = join('sealed', `class_uid=${classUid}`, `day=${day}`, `${segmentName(segment.first)}.parquet`);
      await settleFile(draft, join(layout.directory, path));
      files.push({ path, rows, bytes, sha256 });
    }
    const { first, prev, last } = segment;
    const manifest: Manifest = { first, last: last.seq, prev, head: last.hash, files };
    await writeManifest(layout, manifest);
    return manifest;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Removes the NDJSON of a sealed segment. */
export async function dropSegment(layout: Layout, path: string): Promise<void> {
  await unlink(path);
  await syncFile(layout.segments);
}

/** Paths below `sealed/`, relative to the journal's directory. */
export async function listParquet(layout: Layout): Promise<string[]> {
  try {
    const entries = await readdir(layout.sealed, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    return files.map((entry) => relative(layout.directory, join(entry.parentPath, entry.name)));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw cause;
  }
}
