import assert from 'node:assert/strict';
import { DuckDBConnection } from '@duckdb/node-api';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { CordonError } from '#base';
import { buildEvent } from '#model';
import { sealedRows } from './columns.ts';
import { withDuck } from './duckdb.ts';
import { encodeEvent } from './encode-event.ts';
import { EMPTY_HEAD } from './head.ts';
import { hashFile } from './layout.ts';
import { encodeLine, encodeLines, MAX_EVENT_BYTES } from './line.ts';
import type { FullSegment } from './segment.ts';
import { type Draft, writeParquet } from './write-parquet.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const root = mkdtempSync(join(tmpdir(), 'cordon-parquet-'));
let folders = 0;

after(() => rmSync(root, { recursive: true, force: true }));

function logon(time: number, message: string): string {
  return encodeEvent(buildEvent({ class: 'authentication', activity: 'logon', time, message }));
}

/** A segment of these events behind `start`, and an empty folder to work in. */
function segmentOf(events: readonly string[], start = EMPTY_HEAD): { segment: FullSegment; work: string } {
  const work = join(root, String(++folders));
  mkdirSync(work);
  const path = `${work}.ndjson`;
  const { bytes, lines } = encodeLines(start, events);
  writeFileSync(path, bytes);
  const last = lines.at(-1);
  assert.ok(last);
  return { segment: { path, first: start.seq + 1, prev: start.hash, last: { seq: last.seq, hash: last.hash } }, work };
}

/** The lines that files hold, as they stand in them. */
async function linesIn(drafts: readonly Draft[]): Promise<{ seq: number; text: string }[]> {
  return await withDuck({ threads: 1, memoryMegabytes: 256 }, async (duck) => {
    const reader = await duck.runAndReadAll(
      `select seq, prev, event from ${sealedRows(drafts.map(({ path }) => path))}`,
    );
    return reader.getRows().map(([seq, prev, event]) => {
      return {
        seq: Number(seq),
        text: encodeLine({ seq: Number(seq), prev: String(prev) }, String(event)).text,
      };
    });
  });
}

describe('writing a segment as Parquet', () => {
  it('keeps every line byte for byte, whatever an event holds', async () => {
    const message = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string({ unit: 'grapheme-composite' }));
    const start = { seq: 41, hash: 'x'.repeat(43) };
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 40 }), async (messages) => {
        const { segment, work } = segmentOf(
          messages.map((text, index) => logon(START + index, text)),
          start,
        );
        const lines = await linesIn(await writeParquet(segment, work));
        assert.equal(lines.map(({ text }) => `${text}\n`).join(''), readFileSync(segment.path, 'utf8'));
      }),
      {
        numRuns: 10,
        examples: [[['\r\n', '\u0001\u0000', '\ufeff"\\u0001\\', '\u007f\u0085\u2028', '\ud800', '#', '', "';--"]]],
      },
    );
  });

  it('takes the largest event there can be', async () => {
    const frame = logon(START, '').length;
    const { segment, work } = segmentOf([
      logon(START, 'ÿ'.repeat((MAX_EVENT_BYTES - frame) / 2)),
      logon(START, 'x'.repeat(MAX_EVENT_BYTES - frame)),
    ]);
    const lines = await linesIn(await writeParquet(segment, work));
    assert.equal(lines.map(({ text }) => `${text}\n`).join(''), readFileSync(segment.path, 'utf8'));
  });

  it('makes one file for each class and day, in order of time and then of seq, and describes it', async () => {
    const day = 24 * 3_600_000;
    const get = encodeEvent(buildEvent({ class: 'httpActivity', activity: 'get', time: START, message: 'get' }));
    const times = [START + 2, START + 1, START + 2, START + day, START + day + 1];
    const { segment, work } = segmentOf([...times.map((time) => logon(time, 'logon')), get]);
    const drafts = await writeParquet(segment, work);
    assert.deepEqual(
      drafts.map(({ classUid, day: when, rows }) => [classUid, when, rows]),
      [
        ['3002', '20260101', 3],
        ['3002', '20260102', 2],
        ['4002', '20260101', 1],
      ],
    );
    const order = await Promise.all(drafts.map(async (draft) => (await linesIn([draft])).map(({ seq }) => seq)));
    assert.deepEqual(order, [[2, 1, 3], [4, 5], [6]]);
    for (const { path, bytes, sha256 } of drafts) {
      assert.equal(readFileSync(path).length, bytes);
      assert.equal(await hashFile(path), sha256);
    }
    assert.deepEqual(
      readdirSync(work).sort(),
      ['0.parquet', '1.parquet', '2.parquet'],
      'what it needed on the way is gone',
    );
  });

  const changes: readonly (readonly [string, RegExp, (text: string, segment: FullSegment) => string])[] = [
    ['a changed event', /changed at seq 3 before/, (text) => text.replace('event 3', 'event 9')],
    ['a changed hash', /changed at seq 3 before/, (text) => text.replace(/("event 3.*"hash":".)./, '$1_')],
    ['a line less in the middle', /changed at seq 3 before/, (text) => text.replace(/^.*event 3.*\n/m, '')],
    ['a line less at the end', /was changed before/, (text) => text.replace(/^.*event 5.*\n/m, '')],
    ['an end without a newline', /changed at seq 5 before/, (text) => text.trimEnd()],
    ['nothing any more', /was changed before/, () => ''],
    ['something behind the last line', /changed at seq 6 before/, (text) => `${text}{"seq":6`],
    [
      'one more line that continues the chain',
      /was changed before/,
      (text, { last }) => `${text}${encodeLine({ seq: 6, prev: last.hash }, logon(START, 'more')).text}\n`,
    ],
    [
      'another chain of as many lines',
      /was changed before/,
      () =>
        encodeLines(
          EMPTY_HEAD,
          Array.from({ length: 5 }, () => logon(START, 'forged')),
        ).bytes.toString(),
    ],
  ];
  for (const [name, expected, change] of changes) {
    it(`refuses a segment with ${name}`, async () => {
      const { segment, work } = segmentOf([1, 2, 3, 4, 5].map((n) => logon(START + n, `event ${n}`)));
      const before = readFileSync(segment.path, 'utf8');
      const text = change(before, segment);
      assert.notEqual(text, before);
      writeFileSync(segment.path, text);
      await assert.rejects(
        writeParquet(segment, work),
        (error) => error instanceof CordonError && error.code === 'journal-damaged' && expected.test(error.message),
      );
      assert.equal(readFileSync(segment.path, 'utf8'), text);
    });
  }

  for (const [name, event] of [
    ['no class', '{"time":1}'],
    ['no time', '{"class_uid":3002}'],
    ['a time that is none', '{"class_uid":3002,"time":"noon"}'],
  ] as const) {
    it(`fails on an event with ${name}, and names it`, async () => {
      const { segment, work } = segmentOf([logon(START, 'a'), event]);
      await assert.rejects(
        writeParquet(segment, work),
        (error) =>
          error instanceof CordonError && error.code === 'journal-unwritable' && /class or time/.test(error.message),
      );
    });
  }

  // What a fault on the way would do, put into the SQL.
  const faults: readonly (readonly [string, string, string])[] = [
    ['a line is not read', 'create table rows as select * from', 'where seq <> 2'],
    ['lines are read in another order', 'create table rows as select * from', 'order by seq desc'],
    [
      'an event is read with a character more',
      'create table rows as select * replace (event || seq as event) from',
      '',
    ],
    ['another character is read', "create table rows as select * replace (replace(event, 'a', 'b') as event) from", ''],
    [
      'the last hash is read wrongly',
      'create table rows as select * replace (case seq when 16 then prev else hash end as hash) from',
      '',
    ],
    ['a hash is read wrongly', "create table rows as select * replace (replace(hash, 'a', 'b') as hash) from", ''],
    ['a row is not written', 'copy (select * from rows where seq <> 2 and', ''],
    ['a row is written twice', 'copy (select * from rows where seq = 2 union all from rows where', ''],
    ['a column is written wrongly', "copy (select * replace ('x' as message) from rows where", ''],
    ['an event is written wrongly', "copy (select * replace (replace(event, 'a', 'b') as event) from rows where", ''],
  ];
  for (const [name, instead, behind] of faults) {
    it(`fails when ${name}`, async (t) => {
      const { segment, work } = segmentOf(Array.from({ length: 16 }, (_, n) => logon(START + n, `a ${n}`)));
      const run = DuckDBConnection.prototype.run;
      let changes = 0;
      t.mock.method(DuckDBConnection.prototype, 'run', async function (this: DuckDBConnection, sql: string) {
        const start = instead.startsWith('copy')
          ? /^copy \(select .* from rows where/
          : /^create table rows as select \* from/;
        if (!start.test(sql)) return await run.call(this, sql);
        changes++;
        return await run.call(this, `${sql.replace(start, instead)} ${behind}`);
      });
      await assert.rejects(
        writeParquet(segment, work),
        (error) =>
          error instanceof CordonError && error.code === 'journal-unwritable' && /read back/.test(error.message),
      );
      assert.equal(changes, 1);
    });
  }

  it('fails when a file cannot be written', async () => {
    const { segment, work } = segmentOf([logon(START, 'a')]);
    mkdirSync(join(work, '0.parquet'));
    await assert.rejects(writeParquet(segment, work), /0\.parquet/);
  });
});
