import type { DuckDBConnection } from '@duckdb/node-api';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat, unlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CordonError } from '#base';
import { CONTENT_SUM, DAY, extracted, LINE_HASH, linesOf, quote, SEALED_COLUMNS, sealedRows } from './columns.ts';
import { withDuck } from './duckdb.ts';
import type { Head } from './head.ts';
import { type Layout, makeFolder, segmentName, settleFile, syncFile } from './layout.ts';
import { type Manifest, type SealedFile, writeManifest } from './manifest.ts';

/** A finished NDJSON segment. */
export interface FullSegment {
  readonly path: string;
  readonly first: number;
  /** Hash of the line before `first`. */
  readonly prev: string;
  readonly last: Head;
}

/**
 * Writes a finished segment as Parquet, reads it back, and puts its manifest in place; that rename is the commit.
 * The NDJSON stays for the caller to remove. Fails with `journal-damaged` when the segment is not what was appended.
 */
export async function sealSegment(layout: Layout, segment: FullSegment): Promise<Manifest> {
  const work = join(layout.sealing, segmentName(segment.first));
  await rm(work, { recursive: true, force: true });
  await makeFolder(work);
  const drafts = await withDuck({ threads: 1, memoryMegabytes: 512, spill: work }, async (duck) => {
    await duck.run(`create table rows as select * from ${extracted(linesOf([segment.path], segment.last.seq))}`);
    await checkRows(duck, segment);
    const written = await writeParquet(duck, work, segment);
    await checkReadBack(duck, written);
    return written;
  });
  const files: SealedFile[] = [];
  for (const { draft, path, rows } of drafts) {
    const sha256 = await hashFile(draft);
    await settleFile(draft, join(layout.directory, path));
    files.push({ path, rows, bytes: (await stat(join(layout.directory, path))).size, sha256 });
  }
  const { first, prev, last } = segment;
  const manifest: Manifest = { first, last: last.seq, prev, head: last.hash, files };
  await writeManifest(layout, manifest);
  await rm(work, { recursive: true, force: true });
  return manifest;
}

/** Removes the NDJSON of a sealed segment. */
export async function dropSegment(layout: Layout, path: string): Promise<void> {
  await unlink(path);
  await syncFile(layout.segments);
}

/** The SHA-256 of a file, base64url, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) digest.update(chunk as Buffer);
  return digest.digest('base64url');
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

/** Proves in SQL, off the main thread, that the table holds exactly the chain from `prev` to `last`. */
async function checkRows(duck: DuckDBConnection, segment: FullSegment): Promise<void> {
  const reader = await duck.runAndReadAll(`
    select min(seq), count(*) as lines, max(seq), count(*) filter (not coalesce(good, false)) as bad,
      min(seq) filter (not coalesce(good, false)) as first_bad, max_by(hash, seq) as head
    from (select seq, hash, hash = ${LINE_HASH}
        and prev = coalesce(lag(hash) over (order by seq), ${quote(segment.prev)}) as good from rows)`);
  const [first, lines, last, bad, firstBad, head] = (reader.getRows()[0] ?? []).map((value) => value?.toString());
  const wanted = segment.last.seq - segment.first + 1;
  const isWhole = Number(first) === segment.first && Number(last) === segment.last.seq && Number(lines) === wanted;
  if (isWhole && bad === '0' && head === segment.last.hash) return;
  const where = firstBad === undefined ? '' : ` at seq ${firstBad}`;
  throw new CordonError('journal-damaged', `the segment \`${segment.path}\` was changed${where} before it was sealed`, {
    hint: 'run `cordon audit verify`; the segment was left as it is',
  });
}

interface Draft {
  readonly draft: string;
  readonly path: string;
  readonly rows: number;
}

async function writeParquet(duck: DuckDBConnection, work: string, segment: FullSegment): Promise<Draft[]> {
  const partitions = await duck.runAndReadAll(
    `select class_uid, ${DAY} as day, count(*) as rows from rows group by all order by all`,
  );
  const drafts: Draft[] = [];
  for (const [classUid, day, rows] of partitions.getRows()) {
    const draft = join(work, `${drafts.length}.parquet`);
    await duck.run(`copy (select ${SEALED_COLUMNS} from rows
        where class_uid = ${String(classUid)} and ${DAY} = ${quote(String(day))} order by "time", seq)
      to ${quote(draft)} (format parquet, compression zstd)`);
    const folder = join('sealed', `class_uid=${String(classUid)}`, `day=${String(day)}`);
    drafts.push({ draft, path: join(folder, `${segmentName(segment.first)}.parquet`), rows: Number(rows) });
  }
  return drafts;
}

/** The original may go only when what was written reads back equal in every column of every row. */
async function checkReadBack(duck: DuckDBConnection, drafts: readonly Draft[]): Promise<void> {
  const [before, after] = [
    await duck.runAndReadAll(`select ${CONTENT_SUM} from rows`),
    await duck.runAndReadAll(`select ${CONTENT_SUM} from ${sealedRows(drafts.map(({ draft }) => draft))}`),
  ].map((reader) => reader.getRows()[0]?.map(String).join(' '));
  if (before !== undefined && before === after) return;
  throw new CordonError('journal-unwritable', 'a sealed segment did not read back as it was written', {
    hint: 'check the disk; the segment stays unsealed and is tried again',
  });
}
