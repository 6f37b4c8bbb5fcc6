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
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { CordonError, manualClock } from '#base';
import { openJournal, verifyJournal } from '#journal';
import { buildEvent } from '#model';
import { withDuck } from './duckdb.ts';
import { hashFile } from './layout.ts';
import { decodeLine, encodeLine, stamp } from './line.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const root = mkdtempSync(join(tmpdir(), 'cordon-verify-'));
const original = join(root, 'original');
const SEALED_LOGON = join('sealed', 'class_uid=3002', 'day=20260101', '000000000000001.parquet');
const FIRST_MANIFEST = join('manifests', '000000000000001.json');
let copies = 0;

after(() => rmSync(root, { recursive: true, force: true }));

/** Two sealed segments (1-6, 7-8) of two classes and days, and an open one (9-12). */
before(async () => {
  const journal = await openJournal({ directory: original, clock: manualClock(START) });
  for (let i = 1; i <= 12; i++) {
    const common = { time: START + i * 6 * 3_600_000, message: `event ${i}` };
    await journal.append(
      i % 2 === 0
        ? buildEvent({ class: 'authentication', activity: 'logon', ...common })
        : buildEvent({ class: 'httpActivity', activity: 'get', ...common }),
    );
    if (i === 6 || i === 8) await journal.seal();
  }
  await journal.close();
});

function copy(): string {
  const directory = join(root, String(++copies));
  cpSync(original, directory, { recursive: true });
  return directory;
}

function filesOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  return files.filter((name) => name !== 'lock' && name !== 'pid').sort();
}

describe('verifyJournal', () => {
  it('accepts what was appended, sealed and open, and prints the head', async () => {
    const report = await verifyJournal(original);
    const last = readFileSync(join(original, 'segments', '000000000000009.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .at(-1);
    assert.deepEqual(report, { ok: true, lines: 12, segments: 3, head: JSON.parse(last ?? '').hash });
  });

  it('tells how many segments it has read, of how many', async () => {
    const told: string[] = [];
    await verifyJournal(original, (done, total) => told.push(`${done}/${total}`));
    assert.deepEqual(told, ['1/3', '2/3', '3/3']);
  });

  it('names what is missing when there is no journal', async () => {
    await assert.rejects(
      verifyJournal(root),
      (error) => error instanceof CordonError && error.code === 'journal-missing',
    );
  });

  it('works while the journal is written and sealed by its owner', async () => {
    const directory = copy();
    const journal = await openJournal({ directory, clock: manualClock(START), segmentBytes: 20_000 });
    let isDone = false;
    const writing = (async () => {
      while (!isDone)
        await journal.append(buildEvent({ class: 'authentication', activity: 'logon', time: START, message: 'busy' }));
    })();
    for (let i = 0; i < 5; i++) {
      const report = await verifyJournal(directory);
      assert.deepEqual(report.problem, undefined);
    }
    isDone = true;
    await writing;
    await journal.close();
    assert.equal((await verifyJournal(directory)).ok, true);
  });

  it('finds a change of any single byte in any file and names that file', async () => {
    const files = filesOf(original);
    assert.ok(files.some((file) => file.endsWith('.parquet')) && files.includes('head.json'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        async (file, position, bit) => {
          const directory = copy();
          const bytes = readFileSync(join(directory, file));
          const at = position % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
          writeFileSync(join(directory, file), bytes);
          const report = await verifyJournal(directory);
          rmSync(directory, { recursive: true });
          assert.equal(report.ok, false);
          // A head that was made to lie shows at the line it lies about.
          if (file !== 'head.json') assert.equal(report.problem?.file, file);
          if (file.endsWith('.ndjson')) {
            assert.equal(report.problem?.line, bytes.subarray(0, at).filter((byte) => byte === 10).length + 1);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('finds a removed, repeated or moved line in any random journal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 12 }),
        fc.constantFrom('remove', 'repeat', 'swap', 'insert'),
        fc.nat(),
        async (messages, change, position) => {
          const directory = join(root, String(++copies));
          const journal = await openJournal({ directory, clock: manualClock(START) });
          for (const message of messages) {
            await journal.append(buildEvent({ class: 'authentication', activity: 'logon', time: START, message }));
          }
          await journal.close();
          const whole = await verifyJournal(directory);
          assert.deepEqual([whole.ok, whole.lines], [true, messages.length]);
          const path = join(directory, 'segments', '000000000000001.ndjson');
          const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
          const at = position % (lines.length - 1);
          const [one = '', two = ''] = lines.slice(at, at + 2);
          const forged = decodeLine(Buffer.from(one));
          assert.ok(forged.ok);
          const inserted = encodeLine({ seq: forged.value.seq + 1, prev: forged.value.hash }, '{"forged":true}').text;
          const edits = { remove: [two], repeat: [one, one, two], swap: [two, one], insert: [one, inserted, two] };
          writeFileSync(path, `${lines.toSpliced(at, 2, ...edits[change]).join('\n')}\n`);
          const report = await verifyJournal(directory);
          rmSync(directory, { recursive: true });
          assert.equal(report.ok, false);
          assert.equal(report.problem?.file, 'segments/000000000000001.ndjson');
        },
      ),
      { numRuns: 40 },
    );
  });

  const attacks: readonly (readonly [
    string,
    { file: string; reason: RegExp },
    (directory: string) => void | Promise<void>,
  ])[] = [
    [
      'the last segment removed',
      { file: 'head.json', reason: /ends at seq 8, but head\.json records seq 12/ },
      (d) => rmSync(join(d, 'segments', '000000000000009.ndjson')),
    ],
    ['a sealed file removed', { file: SEALED_LOGON, reason: /is missing/ }, (d) => rmSync(join(d, SEALED_LOGON))],
    [
      'a sealed segment removed with its manifest',
      { file: 'manifests/000000000000007.json', reason: /begins at seq 7 where 1/ },
      (d) => rmSync(join(d, FIRST_MANIFEST)),
    ],
    [
      'Parquet added beside',
      { file: 'sealed/class_uid=3002/day=20260101/forged.parquet', reason: /listed in no manifest/ },
      (d) => cpSync(join(d, SEALED_LOGON), join(d, dirname(SEALED_LOGON), 'forged.parquet')),
    ],
    [
      'a segment put over a sealed one',
      { file: 'segments/000000000000002.ndjson', reason: /inside a sealed/ },
      (d) => writeFileSync(join(d, 'segments', '000000000000002.ndjson'), ''),
    ],
    ['the head removed', { file: 'head.json', reason: /is missing/ }, (d) => rmSync(join(d, 'head.json'))],
    [
      'a column that contradicts its event, with the manifest made to match',
      { file: SEALED_LOGON, reason: /a column that its event does not say/ },
      async (d) => await forge(d, `message = 'nothing happened'`),
    ],
    [
      'an event rewritten, with the manifest made to match',
      { file: SEALED_LOGON, reason: /does not have the hash it claims/ },
      async (d) => await forge(d, `event = replace(event, 'event 2', 'event 0'), message = 'event 0'`),
    ],
    [
      'a file moved to another day, with the manifest made to match',
      {
        file: 'sealed/class_uid=3002/day=20260109/000000000000001.parquet',
        reason: /a column that its event does not say/,
      },
      (d) => {
        const moved = SEALED_LOGON.replace('20260101', '20260109');
        mkdirSync(join(d, dirname(moved)));
        renameSync(join(d, SEALED_LOGON), join(d, moved));
        restamp(d, (text) => text.replace(SEALED_LOGON, moved));
      },
    ],
    [
      'rows left out, with the manifest made to match',
      { file: FIRST_MANIFEST, reason: /has seq 3 where 2 was expected/ },
      (d) =>
        restamp(d, (text) =>
          text.replace(/\{"path":"sealed\/class_uid=3002\/day=20260101[^}]*\},?/, '').replace(',]', ']'),
        ),
    ],
  ];
  for (const [name, expected, attack] of attacks) {
    it(`finds ${name}`, async () => {
      const directory = copy();
      await attack(directory);
      if (name.startsWith('rows left out')) rmSync(join(directory, SEALED_LOGON));
      const report = await verifyJournal(directory);
      assert.equal(report.ok, false);
      assert.equal(report.problem?.file, expected.file);
      assert.match(report.problem?.reason ?? '', expected.reason);
    });
  }
});

/** Rewrites a sealed file and everything that vouches for it except the chain. */
async function forge(directory: string, assignment: string): Promise<void> {
  const path = join(directory, SEALED_LOGON);
  await withDuck({ threads: 1, memoryMegabytes: 256 }, async (duck) => {
    await duck.run(`create table t as select * from read_parquet('${path}', hive_partitioning = false)`);
    await duck.run(`update t set ${assignment} where seq = 2`);
    await duck.run(`copy t to '${path}' (format parquet, compression zstd)`);
  });
  const sha256 = await hashFile(path);
  restamp(directory, (text) => {
    const at = text.indexOf(SEALED_LOGON);
    return text.slice(0, at) + text.slice(at).replace(/"sha256":"[^"]+"/, `"sha256":"${sha256}"`);
  });
}

function restamp(directory: string, change: (text: string) => string): void {
  const path = join(directory, FIRST_MANIFEST);
  assert.ok(existsSync(path));
  const body = readFileSync(path, 'utf8').trimEnd().slice(0, -54);
  writeFileSync(path, `${stamp(change(body)).text}\n`);
}
