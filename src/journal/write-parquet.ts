import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { closeSync, openSync, writeSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CordonError } from '#base';
import {
  CONTENT_SUM,
  DAY,
  extracted,
  FIELD_END,
  fieldsOf,
  LINE_HASH,
  quote,
  ROW_HASH,
  SEALED_COLUMNS,
  sealedRows,
} from './columns.ts';
import { withDuck } from './duckdb.ts';
import { hashFile } from './layout.ts';
import { type Line, MAX_LINE_BYTES } from './line.ts';
import { scanSegment } from './scan.ts';
import type { FullSegment } from './segment.ts';

/** A Parquet file that is finished, but not in its place. */
export interface Draft {
  readonly path: string;
  readonly classUid: string;
  /** `YYYYMMDD` */
  readonly day: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the whole file, base64url. */
  readonly sha256: string;
}

/**
 * Writes a finished segment as Parquet into the folder `work`, one file for each class and day, and reads it back. Fails with
 * `journal-damaged` when the segment is not what was appended, with `journal-unwritable` when not all of it reads back.
 */
export async function writeParquet(segment: FullSegment, work: string): Promise<Draft[]> {
  const fields = join(work, 'fields');
  const eventBytes = await writeFields(segment, fields);
  return await withDuck({ threads: 1, memoryMegabytes: 512, spill: work }, async (duck) => {
    await duck.run(`create table rows as select * from ${extracted(fieldsOf(fields))}`);
    await rm(fields);
    const drafts: Draft[] = [];
    for (const part of await partsOf(duck, segment, eventBytes)) {
      drafts.push(await writePart(duck, part, join(work, `${drafts.length}.parquet`)));
    }
    return drafts;
  });
}

const FLUSH_BYTES = 1024 * 1024;
/**
 * Of so many lines, one is rebuilt from what reads back and hashed again: as SQL that is dear, and a fault of reading or writing
 * that neither sums nor lengths show would not choose its lines.
 */
const SAMPLE = 16;

/**
 * Proves that the file is the chain from `prev` to `last`, and writes its lines for DuckDB, split into fields: both cost DuckDB
 * several times what they cost here. Resolves with the bytes of all events.
 */
async function writeFields(segment: FullSegment, path: string): Promise<number> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const buffer = Buffer.allocUnsafe(FLUSH_BYTES + MAX_LINE_BYTES);
    let used = 0;
    let eventBytes = 0;
    const flush = (): void => {
      for (let done = 0; done < used; ) done += writeSync(fd, buffer, done, used - done);
      used = 0;
    };
    const scan = await scanSegment(segment.path, { seq: segment.first - 1, hash: segment.prev }, (line: Line) => {
      const { seq, prev, hash, event } = line;
      used += buffer.write(`${seq}${FIELD_END}${prev}${FIELD_END}${hash}${FIELD_END}`, used, 'latin1');
      used += event.copy(buffer, used);
      buffer[used++] = 10;
      eventBytes += event.length;
      if (used >= FLUSH_BYTES) flush();
    });
    flush();
    if (scan.break !== undefined) throw changed(segment, ` at seq ${segment.first + scan.break.line - 1}`);
    if (scan.head.seq !== segment.last.seq || scan.head.hash !== segment.last.hash) throw changed(segment, '');
    return eventBytes;
  } finally {
    closeSync(fd);
  }
}

function changed(segment: FullSegment, where: string): CordonError {
  return new CordonError(
    'journal-damaged',
    `the segment \`${segment.path}\` was changed${where} before it was sealed`,
    {
      hint: 'run `cordon audit verify`; the segment was left as it is',
    },
  );
}

/** The events of one class and day. */
interface Part {
  readonly classUid: string;
  readonly day: string;
  readonly rows: number;
  /** What its rows hold. */
  readonly sum: string;
  /** True when they stand in the order of their time already. */
  readonly isSorted: boolean;
}

/** The files to be written; proves that the table holds as many bytes of events, and the chain, as the file did. */
async function partsOf(duck: DuckDBConnection, segment: FullSegment, eventBytes: number): Promise<Part[]> {
  const { first, prev, last } = segment;
  const reader = await duck.runAndReadAll(`
    select class_uid, ${DAY} as day, bool_and(follows) as whole,
      bool_or(seq = ${last.seq} and hash = ${quote(last.hash)}) as final,
      bool_or(late) as unsorted, sum(strlen(event)) as bytes, ${CONTENT_SUM}
    from (select *, ${ROW_HASH}, coalesce("time" < lag("time") over (), false) as late,
        coalesce(seq = lag(seq) over () + 1 and prev = lag(hash) over (), seq = ${first} and prev = ${quote(prev)}, false) as follows
      from rows)
    group by all order by all`);
  let rows = 0;
  let bytes = 0;
  let hasEnd = false;
  const parts = reader.getRows().map(([classUid, day, whole, final, unsorted, size, count, ...sums]) => {
    if (classUid === null || day === null) throw unplaced(segment);
    if (whole !== true) throw unlike();
    hasEnd ||= final === true;
    rows += Number(count);
    bytes += Number(size);
    const sum = sumOf([count, ...sums]);
    return { classUid: String(classUid), day: String(day), rows: Number(count), sum, isSorted: unsorted === false };
  });
  if (!hasEnd || rows !== last.seq - first + 1 || bytes !== eventBytes) throw unlike();
  return parts;
}

function sumOf(values: readonly (DuckDBValue | undefined)[]): string {
  return values.map(String).join(' ');
}

async function writePart(duck: DuckDBConnection, part: Part, path: string): Promise<Draft> {
  const { classUid, day, rows, sum, isSorted } = part;
  const order = isSorted ? '' : 'order by "time", seq';
  // Level 1 takes less time than the default, 3, and what it leaves of events is as small.
  await duck.run(`copy (select ${SEALED_COLUMNS} from rows where class_uid = ${classUid} and ${DAY} = ${quote(day)} ${order})
    to ${quote(path)} (format parquet, compression zstd, compression_level 1, row_group_size 8192)`);
  const reader = await duck.runAndReadAll(`
    select bool_or(case when seq % ${SAMPLE} = 0 then hash is distinct from ${LINE_HASH} end), ${CONTENT_SUM}
    from (select *, ${ROW_HASH} from ${sealedRows([path])})`);
  const [isForged, ...sums] = reader.getRows()[0] ?? [];
  // The original may go only when what was written reads back equal in every column of every row.
  if (isForged === true || sumOf(sums) !== sum) throw unlike();
  return { path, classUid, day, rows, bytes: (await stat(path)).size, sha256: await hashFile(path) };
}

function unplaced({ path }: FullSegment): CordonError {
  return new CordonError('journal-unwritable', `the segment \`${path}\` holds an event without class or time`, {
    hint: 'this is a fault in the part of Cordon that wrote the event; report it. The segment stays unsealed',
  });
}

function unlike(): CordonError {
  return new CordonError('journal-unwritable', 'a sealed segment did not read back as it was written', {
    hint: 'check the disk; the segment stays unsealed and is tried again',
  });
}
