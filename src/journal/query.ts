import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CordonError, formatDuration, isJsonObject, type Json, parseJson } from '#base';
import type { OcsfEvent } from '#model';
import { extracted, linesOf, SEALED_COLUMNS, sealedRows } from './columns.ts';
import { withDuck } from './duckdb.ts';
import type { Layout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { eventOf } from './recover.ts';

/** A value for a placeholder (`$1`, `?`) of a query. */
export type QueryParameter = string | number | boolean | null;

/** What the query process is told. */
export interface QueryOrder {
  /** Every file the query may open. */
  readonly paths: readonly string[];
  /** SQL of the relation that becomes the view `events`. */
  readonly events: string;
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** One question to a journal. */
export interface Query {
  readonly layout: Layout;
  readonly manifests: readonly Manifest[];
  readonly open: readonly string[];
  readonly lastSeq: number;
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
}

const MAX_ROWS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_MILLISECONDS = 15_000;
const MAX_RESIDENT_BYTES = 1024 * 1024 * 1024;
const MAX_CONCURRENT = 2;
/** Queries that may wait; more are refused, or one person could keep everybody else waiting for hours. */
const MAX_WAITING = 16;

/**
 * Runs queries, each in a process of its own: a single SQL function can take gigabytes or run for minutes without
 * looking at an interrupt, and only a process can be stopped from outside. At most two run at once; others wait, up to a number.
 */
export class Queries {
  readonly #maxMilliseconds: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxMilliseconds: number = MAX_MILLISECONDS) {
    this.#maxMilliseconds = maxMilliseconds;
  }

  async run(query: Query): Promise<Record<string, Json>[]> {
    if (this.#running >= MAX_CONCURRENT && this.#waiting.length >= MAX_WAITING) throw busy();
    while (this.#running >= MAX_CONCURRENT) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return rowsOf(await ask(orderOf(query), this.#maxMilliseconds));
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

function orderOf({ layout, manifests, open, lastSeq, sql, parameters }: Query): QueryOrder {
  const sealed = pathsOf(layout, manifests);
  const sources = [`select * from ${extracted(linesOf(open, lastSeq))}`];
  if (sealed.length > 0) sources.push(`select * from ${sealedRows(sealed)}`);
  const events = `select seq, make_timestamp_ms("time") as time_dt, * exclude (seq, prev, hash, event), hash, event::json as event
    from (${sources.join(' union all by name ')})`;
  return { paths: [...sealed, ...open], events, sql, parameters, maxRows: MAX_ROWS, maxBytes: MAX_BYTES };
}

function pathsOf(layout: Layout, manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ files }) => files.map(({ path }) => join(layout.directory, path)));
}

/** The last `limit` sealed events, oldest first. */
export async function readSealedTail(
  layout: Layout,
  manifests: readonly Manifest[],
  limit: number,
): Promise<OcsfEvent[]> {
  const wanted: Manifest[] = [];
  for (let at = manifests.length - 1, rows = 0; at >= 0 && rows < limit; at--) {
    const manifest = manifests[at];
    if (manifest === undefined) break;
    wanted.push(manifest);
    rows += manifest.last - manifest.first + 1;
  }
  if (wanted.length === 0) return [];
  const texts = await withDuck({ threads: 1, memoryMegabytes: 512 }, async (duck) => {
    const sql = `select event from (select ${SEALED_COLUMNS} from ${sealedRows(pathsOf(layout, wanted))}) order by seq desc limit ${limit}`;
    return (await duck.runAndReadAll(sql)).getRows().map(([event]) => String(event));
  });
  return texts.reverse().map(eventOf);
}

async function ask(order: QueryOrder, maxMilliseconds: number): Promise<Json> {
  const child = fork(join(import.meta.dirname, 'query-process.ts'), [], {
    execArgv: [],
    env: { TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let refusal: CordonError | undefined;
  const stop = (error: CordonError): void => {
    refusal ??= error;
    child.kill('SIGKILL');
  };
  const deadline = setTimeout(() => stop(tooLong(maxMilliseconds)), maxMilliseconds);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) > MAX_RESIDENT_BYTES) stop(tooLarge('it needs more than 1 GiB of memory'));
  }, 50);
  try {
    return await new Promise<Json>((resolve, reject) => {
      child.once('message', (answer) => resolve(answer as Json));
      child.once('error', reject);
      child.once('exit', () => reject(refusal ?? failed('the query process ended without an answer')));
      child.send(order, (error) => {
        if (error !== null) reject(error);
      });
    });
  } catch (cause) {
    throw cause instanceof CordonError ? cause : failed(String(cause), cause);
  } finally {
    clearTimeout(deadline);
    clearInterval(watch);
    child.kill('SIGKILL');
  }
}

/** Resident memory of a process; 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}

function rowsOf(answer: Json): Record<string, Json>[] {
  if (!isJsonObject(answer)) throw failed('the query process gave no answer');
  const { rows, code, message } = answer;
  if (typeof rows === 'string') {
    const parsed = parseJson(rows);
    if (parsed.ok && Array.isArray(parsed.value)) return parsed.value as Record<string, Json>[];
  }
  const text = typeof message === 'string' ? message : 'the query process gave no answer';
  if (code === 'query-too-large') throw tooLarge(text);
  if (code === 'query-refused') {
    throw new CordonError('query-refused', `the query is refused: ${text}`, {
      hint: 'ask with one SELECT over the view `events`; `describe events` lists its columns',
    });
  }
  throw failed(text);
}

function tooLong(milliseconds: number): CordonError {
  return new CordonError(
    'query-timeout',
    `the query took longer than ${formatDuration(milliseconds)} and was stopped`,
    {
      hint: 'narrow it by `time`, `class_uid` or `seq`, or read the Parquet files with a tool of your own',
    },
  );
}

function tooLarge(reason: string): CordonError {
  return new CordonError('query-too-large', `the query was stopped: ${reason}`, {
    hint: 'add a LIMIT, select fewer columns, or narrow it by `time`',
  });
}

function failed(reason: string, cause?: unknown): CordonError {
  return new CordonError('query-failed', `the query failed: ${reason}`, {
    cause,
    hint: 'check the SQL; `describe events` lists the columns of the view',
  });
}

function busy(): CordonError {
  return new CordonError('query-busy', `${MAX_CONCURRENT} queries run and ${MAX_WAITING} wait already`, {
    hint: 'ask again in a moment',
  });
}
