import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CordonError, manualClock } from '#base';
import { type Journal, openJournal, verifyJournal } from '#journal';
import { buildEvent } from '#model';
import { sealedRows } from './columns.ts';
import { withDuck } from './duckdb.ts';
import { encodeLine } from './line.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const SEGMENT = join('segments', '000000000000001.ndjson');
const MANIFEST = join('manifests', '000000000000001.json');
const PARQUET = join('sealed', 'class_uid=3002', 'day=20260101', '000000000000001.parquet');
const root = mkdtempSync(join(tmpdir(), 'cordon-seal-'));
const unsealed = join(root, 'unsealed');
const sealed = join(root, 'sealed');
let copies = 0;

after(() => rmSync(root, { recursive: true, force: true }));

async function open(directory: string): Promise<Journal> {
  return await openJournal({ directory, clock: manualClock(START) });
}

before(async () => {
  const journal = await open(unsealed);
  for (let i = 1; i <= 5; i++) {
    const message = `naïve "quoted" \\ud800 \t${i}`;
    await journal.append(buildEvent({ class: 'authentication', activity: 'logon', time: START + i, message }));
  }
  await journal.close();
  cpSync(unsealed, sealed, { recursive: true });
  const again = await open(sealed);
  await again.seal();
  await again.close();
});

function copy(from: string): string {
  const directory = join(root, `copy-${++copies}`);
  cpSync(from, directory, { recursive: true });
  return directory;
}

async function linesIn(directory: string): Promise<string[]> {
  return await withDuck({ threads: 1, memoryMegabytes: 256 }, async (duck) => {
    const reader = await duck.runAndReadAll(
      `select seq, prev, event from ${sealedRows([join(directory, PARQUET)])} order by seq`,
    );
    return reader
      .getRows()
      .map(([seq, prev, event]) => encodeLine({ seq: Number(seq), prev: String(prev) }, String(event)).text);
  });
}

describe('sealing', () => {
  it('keeps every line exactly recoverable and removes the original', async () => {
    assert.deepEqual(await linesIn(sealed), readFileSync(join(unsealed, SEGMENT), 'utf8').trimEnd().split('\n'));
    assert.equal(existsSync(join(sealed, SEGMENT)), false);
    assert.equal(existsSync(join(sealed, 'sealing', '000000000000001')), false);
  });

  it('does nothing while there is nothing to seal', async () => {
    const directory = join(root, 'empty');
    const journal = await open(directory);
    await journal.seal();
    await journal.seal();
    assert.deepEqual(readdirSync(join(directory, 'manifests')), []);
    await journal.close();
  });

  it('goes on appending while it seals', async () => {
    const directory = copy(unsealed);
    const journal = await open(directory);
    const done = journal.seal();
    const receipts = await Promise.all(
      Array.from(
        { length: 100 },
        async () =>
          await journal.append(
            buildEvent({ class: 'authentication', activity: 'logon', time: START, message: 'during' }),
          ),
      ),
    );
    await done;
    assert.equal(receipts.at(-1)?.seq, 105);
    const [row] = await journal.query('select count(*) as n, count(distinct seq) as distinct_n from events');
    assert.deepEqual(row, { n: 105, distinct_n: 105 });
    await journal.close();
    assert.equal((await verifyJournal(directory)).lines, 105);
  });

  it('refuses to seal a segment that was changed behind its back, keeps it, and says so', async () => {
    const directory = copy(unsealed);
    const journal = await open(directory);
    const path = join(directory, SEGMENT);
    writeFileSync(path, readFileSync(path, 'utf8').replace('\\t3', '\\t9'));
    await assert.rejects(
      journal.seal(),
      (error) => error instanceof CordonError && error.code === 'journal-damaged' && /at seq 3/.test(error.message),
    );
    await journal.close();
    assert.equal(existsSync(path), true);
    assert.deepEqual((await verifyJournal(directory)).problem?.line, 3);
  });

  // The states a crash can leave between two steps of a seal; each is made from real files of both sides.
  const crashes: readonly (readonly [string, (directory: string) => void])[] = [
    [
      'while Parquet was being written',
      (d) => {
        mkdirSync(join(d, 'sealing', '000000000000001'), { recursive: true });
        writeFileSync(join(d, 'sealing', '000000000000001', '0.parquet'), 'PAR1 half a file');
      },
    ],
    ['after the Parquet was in place, before the manifest', (d) => place(d, PARQUET)],
    [
      'while the manifest was being written',
      (d) => {
        place(d, PARQUET);
        writeFileSync(join(d, `${MANIFEST}.1234.tmp`), '{"format":1,"fir');
      },
    ],
    [
      'after the manifest, before the original was removed',
      (d) => {
        place(d, PARQUET);
        place(d, MANIFEST);
      },
    ],
  ];
  for (const [name, leave] of crashes) {
    it(`survives a crash ${name}`, async () => {
      const directory = copy(unsealed);
      leave(directory);
      assert.equal((await verifyJournal(directory)).problem, undefined, 'verifies as it was left');
      const journal = await open(directory);
      assert.deepEqual(
        readdirSync(join(directory, 'manifests')).filter((file) => file.endsWith('.tmp')),
        [],
      );
      const rows = await journal.query('select seq from events order by seq');
      assert.deepEqual(
        rows.map(({ seq }) => seq),
        [1, 2, 3, 4, 5],
      );
      await journal.seal();
      await journal.close();
      assert.deepEqual(await linesIn(directory), await linesIn(sealed));
      assert.equal(existsSync(join(directory, SEGMENT)), false);
      const report = await verifyJournal(directory);
      assert.deepEqual([report.ok, report.lines], [true, 5]);
    });
  }

  it('does not remove the original when its Parquet was changed before the removal', async () => {
    const directory = copy(unsealed);
    place(directory, PARQUET);
    place(directory, MANIFEST);
    const bytes = readFileSync(join(directory, PARQUET));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(join(directory, PARQUET), bytes);
    await assert.rejects(open(directory), (error) => error instanceof CordonError && error.code === 'journal-damaged');
    assert.equal(existsSync(join(directory, SEGMENT)), true);
  });

  it('tries again when the sealed folder was not writable', async () => {
    const directory = copy(unsealed);
    const journal = await open(directory);
    rmSync(join(directory, 'sealed'), { recursive: true });
    writeFileSync(join(directory, 'sealed'), 'in the way');
    await assert.rejects(
      journal.seal(),
      (error) => error instanceof CordonError && error.code === 'journal-unwritable',
    );
    assert.equal(journal.writable, true, 'appending does not depend on sealing');
    renameSync(join(directory, 'sealed'), join(directory, 'away'));
    await journal.seal();
    assert.equal(existsSync(join(directory, SEGMENT)), false);
    await journal.close();
  });
});

function place(directory: string, file: string): void {
  mkdirSync(join(directory, dirname(file)), { recursive: true });
  cpSync(join(sealed, file), join(directory, file));
}
