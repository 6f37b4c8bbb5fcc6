import { appendFile, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CordonError, isJsonObject, type Json, parseJson } from '#base';
import type { OcsfEvent } from '#model';
import { EMPTY_HEAD, type Head, readHead } from './head.ts';
import { hashFile, type Layout, listSegments, makeFolder, namesIn, segmentName, syncFile } from './layout.ts';
import { type Manifest, readManifests } from './manifest.ts';
import { type Scan, scanSegment } from './scan.ts';
import { dropSegment, listParquet } from './seal.ts';
import type { FullSegment } from './segment.ts';

/** An end that an interrupted write left and that was cut off. */
export interface TornTail {
  readonly cutBytes: number;
  /** Where the cut bytes are kept. */
  readonly file: string;
}

/** A segment as found at open. */
export interface FoundSegment extends FullSegment {
  readonly bytes: number;
  /** `time` of its first event; undefined while it is empty. */
  readonly firstTime: number | undefined;
}

/** What a journal's directory holds once it has been checked and made fit for appending. */
export interface Recovered {
  readonly head: Head;
  readonly manifests: readonly Manifest[];
  /** Unsealed segments in chain order. */
  readonly segments: readonly FoundSegment[];
  /** Texts of the last events of the unsealed segments, oldest first. */
  readonly recent: readonly OcsfEvent[];
  readonly torn: TornTail | undefined;
}

/** Checks the chain of all that is unsealed, cuts a torn end, and finishes or undoes an interrupted seal. Fails with `journal-damaged`. */
export async function recoverJournal(layout: Layout, recentLimit: number): Promise<Recovered> {
  const recorded = await readHead(layout);
  if (typeof recorded === 'string') throw damaged('head.json', undefined, recorded);
  const { manifests, head: sealedHead, problem } = await readManifests(layout);
  if (problem !== undefined) throw damaged(problem.file, undefined, problem.reason);
  await finishSeals(layout, manifests);
  const firsts = await listSegments(layout.segments, 'ndjson');
  if (recorded === undefined && (manifests.length > 0 || firsts.length > 0)) {
    // The head is written before the first segment. Were its absence accepted, whoever cuts lines off the end would
    // only have to remove the record of how many there were.
    throw damaged('head.json', undefined, 'is missing');
  }
  const walk = new Walk(layout, recorded ?? EMPTY_HEAD, recentLimit);
  walk.head = sealedHead;
  for (const [index, first] of firsts.entries()) await walk.segment(first, index === firsts.length - 1);
  const at = recorded ?? EMPTY_HEAD;
  if (walk.head.seq < at.seq) {
    const last = firsts.at(-1);
    const file = last === undefined ? 'head.json' : join('segments', `${segmentName(last)}.ndjson`);
    throw damaged(file, walk.lines + 1, `ends at seq ${walk.head.seq}, but head.json records seq ${at.seq}`);
  }
  // Lines that a killed process had written but not synced are good: they must be on disk before anything follows them.
  for (const { path } of walk.segments) await syncFile(path);
  return { head: walk.head, manifests, segments: walk.segments, recent: walk.recent, torn: walk.torn };
}

class Walk {
  readonly #layout: Layout;
  readonly #recorded: Head;
  readonly #limit: number;
  readonly segments: FoundSegment[] = [];
  recent: OcsfEvent[] = [];
  head: Head = EMPTY_HEAD;
  lines = 0;
  torn: TornTail | undefined;

  constructor(layout: Layout, recorded: Head, limit: number) {
    this.#layout = layout;
    this.#recorded = recorded;
    this.#limit = limit;
  }

  async segment(first: number, isLast: boolean): Promise<void> {
    const file = join('segments', `${segmentName(first)}.ndjson`);
    const path = join(this.#layout.directory, file);
    const start = this.head;
    if (first !== start.seq + 1) throw damaged(file, 1, `begins at seq ${first} where ${start.seq + 1} was expected`);
    const texts: string[] = [];
    let firstText: string | undefined;
    const scan = await scanSegment(path, start, (line) => {
      if (line.seq === this.#recorded.seq && line.hash !== this.#recorded.hash) {
        throw damaged(file, line.seq - first + 1, 'is not the line that head.json records');
      }
      const text = line.event.toString();
      firstText ??= text;
      texts.push(text);
      if (texts.length > 2 * this.#limit) texts.splice(0, texts.length - this.#limit);
    });
    if (scan.break !== undefined) await this.#break(file, scan, isLast);
    this.head = scan.head;
    this.lines = scan.lines;
    this.recent = [...this.recent, ...texts.slice(-this.#limit).map(eventOf)].slice(-this.#limit);
    const firstTime = firstText === undefined ? undefined : eventOf(firstText).time;
    this.segments.push({ path, first, prev: start.hash, last: scan.head, bytes: scan.bytes, firstTime });
  }

  /** Only a torn end of the last segment that holds nothing recorded as committed may be cut. */
  async #break(file: string, scan: Scan, isLast: boolean): Promise<void> {
    const at = scan.break;
    if (at === undefined) return;
    if (!isLast || !at.torn || scan.head.seq < this.#recorded.seq) throw damaged(file, at.line, at.reason);
    this.torn = await cutTail(this.#layout, file, at.offset);
  }
}

async function cutTail(layout: Layout, file: string, offset: number): Promise<TornTail> {
  const path = join(layout.directory, file);
  await makeFolder(layout.torn);
  const handle = await open(path, 'r+');
  try {
    const tail = Buffer.alloc((await handle.stat()).size - offset);
    await handle.read(tail, 0, tail.length, offset);
    const kept = join(layout.torn, `${file.slice('segments/'.length, -'.ndjson'.length)}-${offset}.torn`);
    // Kept before it is cut, and appended: two crashes at one place lose neither tail.
    await appendFile(kept, tail, { mode: 0o600, flush: true });
    await syncFile(layout.torn);
    await handle.truncate(offset);
    await handle.sync();
    return { cutBytes: tail.length, file: kept };
  } finally {
    await handle.close();
  }
}

/** Segments with a manifest are sealed: their NDJSON goes. Parquet without a manifest is a seal that never happened: it goes. */
async function finishSeals(layout: Layout, manifests: readonly Manifest[]): Promise<void> {
  const listed = new Map(manifests.flatMap(({ files }) => files.map((file) => [file.path, file] as const)));
  for (const file of listed.values()) {
    const found = await stat(join(layout.directory, file.path)).catch(() => undefined);
    if (found === undefined) throw damaged(file.path, undefined, 'is missing');
    if (found.size !== file.bytes)
      throw damaged(file.path, undefined, `has ${found.size} bytes where ${file.bytes} were sealed`);
  }
  const firsts = await listSegments(layout.segments, 'ndjson');
  for (const manifest of manifests) {
    if (!firsts.includes(manifest.first)) continue;
    for (const file of manifest.files) {
      if ((await hashFile(join(layout.directory, file.path))) !== file.sha256) {
        throw damaged(file.path, undefined, 'is not the file that was sealed');
      }
    }
    await dropSegment(layout, join(layout.segments, `${segmentName(manifest.first)}.ndjson`));
  }
  const unsealed = new Set(firsts.map((first) => `${segmentName(first)}.parquet`));
  for (const path of await listParquet(layout)) {
    if (!listed.has(path) && unsealed.has(path.slice(path.lastIndexOf('/') + 1)))
      await rm(join(layout.directory, path));
  }
  for (const folder of [layout.directory, layout.manifests]) {
    for (const name of await namesIn(folder)) if (name.endsWith('.tmp')) await rm(join(folder, name));
  }
  // Again when it is not empty: the sealing process of a killed one may live a moment longer, and make a file there.
  await rm(layout.sealing, { recursive: true, force: true, maxRetries: 5 });
}

/** Restores an event from text whose hash was checked, so that its shape is the one that was appended. */
export function eventOf(text: string): OcsfEvent {
  const parsed = parseJson(text);
  const value: Json = parsed.ok ? parsed.value : null;
  if (!isJsonObject(value)) throw new CordonError('journal-damaged', 'an event is not a JSON object');
  return value as unknown as OcsfEvent;
}

function damaged(file: string, line: number | undefined, reason: string): CordonError {
  const place = line === undefined ? `\`${file}\`` : `\`${file}\` line ${line}`;
  return new CordonError('journal-damaged', `the journal is damaged: ${place} ${reason}`, {
    hint: 'keep the directory as evidence, run `cordon audit verify`, and restore a backup or start with an empty directory',
  });
}
