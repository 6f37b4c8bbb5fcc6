import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { join } from 'node:path';
import { CordonError } from '#base';
import { EXTRACTED_COLUMNS, extracted, LINE_HASH, sealedRows } from './columns.ts';
import { withDuck } from './duckdb.ts';
import { EMPTY_HEAD, type Head, readHead } from './head.ts';
import { hasCode, hashFile, type Layout, layoutOf, listSegments, namesIn, segmentName } from './layout.ts';
import { type Manifest, manifestName, readManifests } from './manifest.ts';
import { breakOf, scanSegment } from './scan.ts';
import { listParquet } from './seal.ts';

/** The first place where the chain is broken. */
export interface VerifyProblem {
  /** Relative to the journal's directory. */
  readonly file: string;
  /** Line in an NDJSON file, counting from 1; the event's `seq` in a sealed one; 1 where the file as a whole is wrong. */
  readonly line: number;
  readonly reason: string;
}

/** What verifying found. */
export interface VerifyReport {
  readonly ok: boolean;
  /** Good lines, up to the first problem. */
  readonly lines: number;
  readonly segments: number;
  /** Hash of the last good line. Kept elsewhere, it proves later that nothing up to here was rewritten. */
  readonly head?: string;
  readonly problem?: VerifyProblem;
}

class Broken extends Error {
  readonly problem: VerifyProblem;

  constructor(file: string, line: number, reason: string) {
    super(reason);
    this.problem = { file, line, reason };
  }
}

/**
 * Walks the whole chain in `directory`, sealed and open, and finds the first line that was changed, removed, added or
 * moved. Reads only; the journal may be in use. Fails with `journal-missing` when there is none. `onProgress` is told how many
 * segments are read, of how many.
 */
export async function verifyJournal(
  directory: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<VerifyReport> {
  const layout = layoutOf(directory);
  // A segment that is sealed while we read it is gone under its old name; from the beginning, then.
  for (let attempt = 1; ; attempt++) {
    const walk = new Verification(layout, onProgress);
    try {
      await withDuck({ threads: 2, memoryMegabytes: 512 }, async (duck) => await walk.run(duck));
      return { ok: true, ...walk.counts() };
    } catch (cause) {
      if (cause instanceof Broken) return { ok: false, ...walk.counts(), problem: cause.problem };
      if (!hasCode(cause, 'ENOENT') || attempt === 5) throw cause;
    }
  }
}

class Verification {
  readonly #layout: Layout;
  #recorded: Head = EMPTY_HEAD;
  #head: Head = EMPTY_HEAD;
  #segments = 0;
  readonly #onProgress: (done: number, total: number) => void;

  constructor(layout: Layout, onProgress: (done: number, total: number) => void) {
    this.#layout = layout;
    this.#onProgress = onProgress;
  }

  counts(): { lines: number; segments: number; head?: string } {
    const { seq, hash } = this.#head;
    return { lines: seq, segments: this.#segments, ...(seq === 0 ? {} : { head: hash }) };
  }

  async run(duck: DuckDBConnection): Promise<void> {
    // The order matters when a journal is in use: the head before the lines it counts; files before the manifests that
    // list them; segments before the manifests that replace them.
    await this.#readHead();
    const parquet = await listParquet(this.#layout);
    const firsts = await listSegments(this.#layout.segments, 'ndjson');
    const { manifests, problem } = await readManifests(this.#layout);
    const sealed = new Set(manifests.map(({ first }) => first));
    const total = manifests.length + firsts.filter((first) => !sealed.has(first)).length;
    for (const manifest of manifests) {
      await this.#sealed(duck, manifest);
      this.#onProgress(this.#segments, total);
    }
    if (problem !== undefined) throw new Broken(problem.file, 1, problem.reason);
    checkUnlisted(parquet, manifests, firsts);
    const open = firsts.filter((first) => first > this.#head.seq);
    for (const first of firsts) {
      if (!open.includes(first)) await this.#leftover(first, manifests);
    }
    for (const [index, first] of open.entries()) {
      await this.#openOrSealed(duck, first, index === open.length - 1);
      this.#onProgress(this.#segments, total);
    }
    if (this.#head.seq < this.#recorded.seq) {
      const last = open.at(-1);
      const reason = `ends at seq ${this.#head.seq}, but head.json records seq ${this.#recorded.seq}`;
      if (last === undefined) throw new Broken('head.json', 1, `the journal ${reason}`);
      throw new Broken(fileOf(last), this.#head.seq - last + 2, reason);
    }
  }

  async #readHead(): Promise<void> {
    const head = await readHead(this.#layout);
    if (typeof head === 'string') throw new Broken('head.json', 1, head);
    if (head !== undefined) {
      this.#recorded = head;
      return;
    }
    const names = await namesIn(this.#layout.directory);
    if (!['segments', 'manifests', 'sealed'].some((name) => names.includes(name))) {
      throw new CordonError('journal-missing', `there is no journal in \`${this.#layout.directory}\``, {
        hint: 'name the directory that holds `head.json` and `segments`',
      });
    }
    throw new Broken('head.json', 1, 'is missing');
  }

  /** A segment of a journal in use may be sealed, and its NDJSON gone, before we come to it. */
  async #openOrSealed(duck: DuckDBConnection, first: number, isLast: boolean): Promise<void> {
    try {
      await this.#open(first, isLast);
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT')) throw cause;
      const { manifests } = await readManifests(this.#layout);
      const manifest = manifests.find((candidate) => candidate.first === first);
      if (manifest === undefined) throw cause;
      await this.#sealed(duck, manifest);
    }
  }

  async #open(first: number, isLast: boolean): Promise<void> {
    const scan = await this.#scan(first, this.#head);
    const from = this.#head.seq;
    this.#head = scan.head;
    this.#segments++;
    const at = scan.break;
    if (at === undefined) return;
    // The end of a line that is being written, or was when the process died. It was never acknowledged.
    if (isLast && at.torn && at.reason === 'is incomplete' && scan.head.seq >= this.#recorded.seq) return;
    throw new Broken(fileOf(first), from - first + 1 + at.line, at.reason);
  }

  /** A sealed segment whose NDJSON is still there must hold the same lines. */
  async #leftover(first: number, manifests: readonly Manifest[]): Promise<void> {
    const manifest = manifests.find((candidate) => candidate.first === first);
    if (manifest === undefined) throw new Broken(fileOf(first), 1, 'lies inside a sealed segment');
    const scan = await this.#scan(first, { seq: first - 1, hash: manifest.prev });
    if (scan.break !== undefined) throw new Broken(fileOf(first), scan.break.line, scan.break.reason);
    if (scan.head.hash !== manifest.head) throw new Broken(fileOf(first), scan.lines, 'is not what was sealed');
  }

  async #scan(first: number, start: Head): ReturnType<typeof scanSegment> {
    if (first !== start.seq + 1) {
      throw new Broken(fileOf(first), 1, `begins at seq ${first} where ${start.seq + 1} was expected`);
    }
    return await scanSegment(join(this.#layout.directory, fileOf(first)), start, (line) => {
      if (line.seq === this.#recorded.seq && line.hash !== this.#recorded.hash) {
        throw new Broken(fileOf(first), line.seq - first + 1, 'is not the line that head.json records');
      }
    });
  }

  async #sealed(duck: DuckDBConnection, manifest: Manifest): Promise<void> {
    for (const file of manifest.files) {
      try {
        if ((await hashFile(join(this.#layout.directory, file.path))) === file.sha256) continue;
      } catch (cause) {
        if (!hasCode(cause, 'ENOENT')) throw cause;
        throw new Broken(file.path, 1, 'is missing');
      }
      throw new Broken(
        file.path,
        await this.#firstChanged(duck, manifest, file.path),
        'is not the file that was sealed',
      );
    }
    const found = await this.#walkSealed(duck, manifest);
    if (found !== undefined) throw new Broken(found.file, found.seq, found.reason);
    if (manifest.first <= this.#recorded.seq && this.#recorded.seq <= manifest.last)
      await this.#checkRecorded(duck, manifest);
    this.#head = { seq: manifest.last, hash: manifest.head };
    this.#segments++;
  }

  /** The first event that differs in a changed file, as far as the file can still be read; else the segment's first. */
  async #firstChanged(duck: DuckDBConnection, manifest: Manifest, path: string): Promise<number> {
    try {
      return (
        (
          await this.#walkSealed(
            duck,
            { ...manifest, files: manifest.files.filter((file) => file.path === path) },
            true,
          )
        )?.seq ?? manifest.first
      );
    } catch {
      return manifest.first;
    }
  }

  /**
   * Rebuilds every line from its row, and checks its hash, its place in the chain, and that the columns beside the
   * event say what the event says. With `isPart`, the place in the chain is left out.
   */
  async #walkSealed(duck: DuckDBConnection, manifest: Manifest, isPart = false): Promise<SealedBreak | undefined> {
    const paths = manifest.files.map(({ path }) => join(this.#layout.directory, path));
    for (const [index, { path: file }] of manifest.files.entries()) {
      const rows = sealedRows([paths[index] ?? '']);
      const forged = await firstValue(duck, `select min(seq) from ${rows} where hash is distinct from ${LINE_HASH}`);
      if (forged !== null) return { file, seq: Number(forged), reason: 'does not have the hash it claims' };
      const wrong = await firstValue(duck, columnCheck(rows, file));
      if (wrong !== null) return { file, seq: Number(wrong), reason: 'has a column that its event does not say' };
    }
    if (isPart) return undefined;
    const file = manifestName(manifest.first);
    let head: Head = { seq: manifest.first - 1, hash: manifest.prev };
    const chain = await duck.stream(`select seq, prev, hash from ${sealedRows(paths)} order by seq`);
    for await (const chunk of chain.yieldRows()) {
      for (const [seq, prev, hash] of chunk) {
        const reason = breakOf({ seq: Number(seq), prev: String(prev) }, head);
        if (reason !== undefined) return { file, seq: head.seq + 1, reason };
        head = { seq: Number(seq), hash: String(hash) };
      }
    }
    if (head.seq === manifest.last && head.hash === manifest.head) return undefined;
    return { file, seq: head.seq, reason: 'does not end where its manifest says' };
  }

  async #checkRecorded(duck: DuckDBConnection, manifest: Manifest): Promise<void> {
    const { seq, hash } = this.#recorded;
    const rows = sealedRows(manifest.files.map(({ path }) => join(this.#layout.directory, path)));
    const found = await firstValue(duck, `select max(hash) from ${rows} where seq = ${seq}`);
    if (found !== hash) throw new Broken('head.json', 1, `does not record the hash of seq ${seq}`);
  }
}

interface SealedBreak {
  readonly file: string;
  readonly seq: number;
  readonly reason: string;
}

async function firstValue(duck: DuckDBConnection, sql: string): Promise<DuckDBValue> {
  return (await duck.runAndReadAll(sql)).getRows()[0]?.[0] ?? null;
}

/** The first row whose columns, or whose folder, disagree with its event. */
function columnCheck(rows: string, file: string): string {
  const [, classUid, day] = /class_uid=(\d+)\/day=(\d+)/.exec(file) ?? [];
  const differs = EXTRACTED_COLUMNS.map((name) => `stored."${name}" is distinct from again."${name}"`).join(' or ');
  return `select min(stored.seq) from ${rows} as stored
    join ${extracted(`(select seq, prev, event, hash from ${rows})`)} as again using (seq)
    where ${differs} or stored.class_uid <> ${classUid} or strftime(make_timestamp_ms(stored."time"), '%Y%m%d') <> '${day}'`;
}

/** Parquet that no manifest lists was put there by someone else, unless its segment is still waiting to be sealed. */
function checkUnlisted(parquet: readonly string[], manifests: readonly Manifest[], firsts: readonly number[]): void {
  const listed = new Set(manifests.flatMap(({ files }) => files.map(({ path }) => path)));
  for (const path of parquet) {
    const isWaiting = firsts.some((first) => path.endsWith(`/${segmentName(first)}.parquet`));
    if (!listed.has(path) && !isWaiting) throw new Broken(path, 1, 'is listed in no manifest');
  }
}

function fileOf(first: number): string {
  return join('segments', `${segmentName(first)}.ndjson`);
}
