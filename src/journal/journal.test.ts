import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { spawnSync } from 'node:child_process';
import { CordonError, manualClock } from '#base';
import { type Journal, openJournal, verifyJournal } from '#journal';
import { buildEvent, type OcsfEvent } from '#model';

const START = Date.parse('2026-01-01T00:00:00Z');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-journal-'));
  folders.push(folder);
  return folder;
}

function event(message: string, time = START): OcsfEvent {
  return buildEvent({ class: 'authentication', activity: 'logon', time, message });
}

async function open(directory: string, extra: { segmentBytes?: number; segmentAgeMs?: number } = {}): Promise<Journal> {
  return await openJournal({ directory, clock: manualClock(START), ...extra });
}

async function fill(directory: string, count: number): Promise<void> {
  const journal = await open(directory);
  await Promise.all(Array.from({ length: count }, async (_, i) => await journal.append(event(`event ${i}`))));
  await journal.close();
}

const first = join('segments', '000000000000001.ndjson');

function isError(code: string, text?: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof CordonError && error.code === code && (text === undefined || text.test(error.message));
}

describe('journal', () => {
  it('chains concurrent appends in call order and resolves when they are in the file', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const receipts = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => await journal.append(event(`e${i}`))),
    );
    assert.deepEqual(
      receipts.map(({ seq }) => seq),
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
    const lines = readFileSync(join(directory, first), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map((line) => line.event.message),
      Array.from({ length: 300 }, (_, i) => `e${i}`),
    );
    assert.deepEqual(
      lines.map((line) => line.hash),
      receipts.map(({ hash }) => hash),
    );
    await journal.close();
    const report = await verifyJournal(directory);
    assert.deepEqual(report, { ok: true, lines: 300, segments: 1, head: receipts.at(-1)?.hash });
  });

  it('writes what is to be written soon by itself, in one write, and in call order', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const path = join(directory, first);
    const order: string[] = [];
    const soon = ['a', 'b', 'c'].map(async (name) => {
      const { seq } = await journal.append(event(name), 'soon');
      order.push(`${name}${seq}`);
      assert.equal(
        readFileSync(path, 'utf8').split('\n').length,
        4,
        'all three are on disk when the first is acknowledged',
      );
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(statSync(path).size, 0, 'it waits for more');
    await Promise.all(soon);
    assert.deepEqual(order, ['a1', 'b2', 'c3']);
    await journal.close();
  });

  it('takes an event that is written already, in turn with the others, and tells it as an object', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const told: OcsfEvent[] = [];
    journal.subscribe((heard) => told.push(heard));
    const written = { ...event('wrïtten'), text: '' };
    const text = JSON.stringify(event('wrïtten \ud800'));
    const receipts = await Promise.all([
      journal.append(event('before')),
      journal.appendWritten({ ...written, text }, 'soon'),
      journal.append(event('after')),
    ]);
    assert.deepEqual(
      receipts.map(({ seq }) => seq),
      [1, 2, 3],
    );
    const messages = ['before', 'wrïtten \ufffd', 'after'];
    assert.deepEqual(
      told.map(({ message }) => message),
      messages,
    );
    assert.deepEqual(
      journal.recent(9).map(({ message }) => message),
      messages,
    );
    await journal.close();
    assert.equal((await verifyJournal(directory)).ok, true);
  });

  it('refuses a written event that could not be partitioned, or that is more than a line', async () => {
    const journal = await open(newFolder());
    const good = { time: START, class_uid: 3002, text: '{}' };
    for (const wrong of [{ time: 1.5 }, { time: -1 }, { class_uid: Number.NaN }, { text: '{}\n{}' }])
      await assert.rejects(journal.appendWritten({ ...good, ...wrong }), isError('event-invalid'));
    await journal.close();
  });

  it('takes one that nobody waits for, and says when it was not recorded', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const lost: string[] = [];
    const note = (change: object): void =>
      journal.note({ time: START, class_uid: 3002, text: JSON.stringify(event('noted')), ...change }, (error) =>
        lost.push((error as CordonError).code),
      );
    note({});
    note({ text: '{}\n{}' });
    assert.deepEqual(lost, ['event-invalid'], 'at once');
    assert.equal((await journal.append(event('after'))).seq, 2);
    assert.deepEqual(
      journal.recent(9).map(({ message }) => message),
      ['noted', 'after'],
    );
    unlinkSync(join(directory, first));
    note({});
    await assert.rejects(journal.append(event('gone')), isError('journal-unwritable'));
    assert.deepEqual(lost.slice(1), ['journal-unwritable']);
    await journal.close();
    note({});
    assert.deepEqual(lost.slice(2), ['journal-unwritable'], 'it is closed');
  });

  it('lets an event that somebody waits for take along what was to be written soon', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const soon = journal.append(event('a'), 'soon');
    assert.equal((await journal.append(event('b'))).seq, 2);
    assert.equal((await soon).seq, 1);
    assert.equal((await journal.append(event('c'), 'soon')).seq, 3, 'the next one waits anew, and is written');
    await journal.close();
  });

  it('writes what was to be written soon when it is closed', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const soon = journal.append(event('a'), 'soon');
    await journal.close();
    assert.equal((await soon).seq, 1);
    assert.equal((await verifyJournal(directory)).lines, 1);
  });

  it('touches nothing any more once it is closed, whatever was to be written soon', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const directory = newFolder();
    const clock = manualClock(START);
    const journal = await openJournal({ directory, clock, segmentAgeMs: 1000 });
    const soon = journal.append(event('a'), 'soon');
    // Sealing writes what waits before its time has come.
    await Promise.all([journal.seal(), soon]);
    await journal.close();
    clock.advance(5000);
    t.mock.timers.tick(50);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(readdirSync(join(directory, 'segments')), ['000000000000001.ndjson']);
  });

  it('tells listeners in chain order, after the write, whatever one of them throws', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const seen: number[] = [];
    journal.subscribe(() => {
      throw new Error('listener');
    });
    const stop = journal.subscribe((_, receipt) => seen.push(receipt.seq));
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', onWarning);
    await Promise.all([journal.append(event('a')), journal.append(event('b'))]);
    stop();
    await journal.append(event('c'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    assert.deepEqual(seen, [1, 2]);
    assert.match(warnings.join(), /a journal listener failed/);
    await journal.close();
  });

  it('keeps the newest 2000 events at hand, also after a reopen and from sealed segments', async () => {
    const directory = newFolder();
    let journal = await open(directory);
    await Promise.all(Array.from({ length: 1500 }, async (_, i) => await journal.append(event(`${i}`))));
    await journal.seal();
    await Promise.all(Array.from({ length: 1000 }, async (_, i) => await journal.append(event(`${1500 + i}`))));
    const before = journal.recent(9999).map(({ message }) => message);
    assert.deepEqual(
      before,
      Array.from({ length: 2000 }, (_, i) => `${500 + i}`),
    );
    assert.deepEqual(
      journal.recent(2).map(({ message }) => message),
      ['2498', '2499'],
    );
    assert.deepEqual(journal.recent(0), []);
    await journal.close();
    journal = await open(directory);
    assert.deepEqual(
      journal.recent(9999).map(({ message }) => message),
      before,
    );
    await journal.close();
  });

  it('keeps them right while memory is used again, however much is written', async () => {
    const journal = await open(newFolder());
    const message = (number: number): string => `${number} ${'é'.repeat(600)}`;
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 500 }, async (_, i) => await journal.append(event(message(round * 500 + i)))),
      );
      const newest = journal.recent(round === 19 ? 2000 : 7).map((kept) => kept.message);
      assert.deepEqual(
        newest,
        Array.from(newest, (_, i) => message((round + 1) * 500 - newest.length + i)),
      );
    }
    await journal.close();
  });

  it('refuses an event that could not be filed, and records the next one', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    const good = event('x');
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const bad of [
      { ...good, time: 1.5 },
      { ...good, time: -1 },
      { ...good, class_uid: Number.NaN },
      { ...good, message: 'x'.repeat(1024 * 1024) },
      { ...good, user: circular as never },
    ]) {
      await assert.rejects(journal.append(bad), isError('event-invalid'));
    }
    assert.equal((await journal.append(good)).seq, 1);
    await journal.close();
  });

  it('makes files that only their owner can read', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    await journal.append(event('x'));
    await journal.seal();
    await journal.close();
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(join(entry.parentPath, entry.name));
      assert.equal(mode & 0o077, 0, entry.name);
    }
  });

  it('lets one writer in, names its process to others, and takes over from a dead one', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    await assert.rejects(open(directory), isError('journal-in-use', new RegExp(`process ${process.pid}`)));
    const other = `import { openJournal } from '#journal';
      import { systemClock } from '#base';
      const [directory] = process.argv.slice(-1);
      try { await openJournal({ directory, clock: systemClock }); process.kill(process.pid, 'SIGKILL'); }
      catch (error) { console.log(error.code, error.message); }`;
    const run = (): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, ['--input-type=module', '-e', other, directory], {
        cwd: join(import.meta.dirname, '../..'),
      });
    assert.match(String(run().stdout), new RegExp(`journal-in-use .* process ${process.pid}`));
    await journal.close();
    assert.equal(run().signal, 'SIGKILL', 'the other opened it and died without closing');
    await (await open(directory)).close();
  });

  it('refuses appends after close by name', async () => {
    const journal = await open(newFolder());
    await journal.close();
    await assert.rejects(journal.append(event('x')), isError('journal-unwritable'));
    await assert.rejects(journal.seal(), isError('journal-unwritable'));
  });

  it('names a directory that cannot be made', async () => {
    await assert.rejects(open(join(import.meta.filename, 'journal')), isError('journal-unwritable'));
  });

  it('rejects while a new segment cannot be made and goes on when it can, without a gap', async () => {
    const directory = newFolder();
    const journal = await open(directory, { segmentBytes: 500 });
    await journal.append(event('a'.repeat(500)));
    renameSync(join(directory, 'segments'), join(directory, 'away'));
    await assert.rejects(journal.append(event('lost')), isError('journal-unwritable'));
    assert.equal(journal.writable, false);
    await assert.rejects(journal.append(event('lost')), isError('journal-unwritable'));
    renameSync(join(directory, 'away'), join(directory, 'segments'));
    assert.equal((await journal.append(event('b'))).seq, 2);
    assert.equal(journal.writable, true);
    await journal.close();
    assert.equal((await verifyJournal(directory)).lines, 2);
  });

  it('rejects when the open segment was deleted under it', async () => {
    const directory = newFolder();
    const journal = await open(directory);
    await journal.append(event('a'));
    rmSync(join(directory, first));
    await assert.rejects(journal.append(event('b')), isError('journal-unwritable', /deleted/));
    await journal.close();
  });

  it('starts a new segment by age', async () => {
    const directory = newFolder();
    const clock = manualClock(START);
    const journal = await openJournal({ directory, clock, segmentAgeMs: 1000 });
    await journal.append(event('a'));
    clock.advance(1000);
    const receipt = await journal.append(event('b', clock.now()));
    assert.match(receipt.segment, /000000000000002\.ndjson$/);
    await journal.seal();
    await journal.close();
    assert.deepEqual(readdirSync(join(directory, 'manifests')).length, 2);
  });
});

describe('journal recovery', () => {
  it('cuts a torn last line, keeps it aside, says so, and goes on', async () => {
    const directory = newFolder();
    await fill(directory, 3);
    appendFileSync(join(directory, first), '{"seq":4,"prev":"torn');
    const journal = await open(directory);
    assert.equal(journal.recovered?.cutBytes, 21);
    assert.equal(readFileSync(journal.recovered?.file ?? '', 'utf8'), '{"seq":4,"prev":"torn');
    assert.equal((await journal.append(event('next'))).seq, 4);
    await journal.close();
    assert.equal((await verifyJournal(directory)).ok, true);
    const again = await open(directory);
    assert.equal(again.recovered, undefined);
    await again.close();
  });

  it('cuts pages of zeros that a power loss left', async () => {
    const directory = newFolder();
    await fill(directory, 3);
    appendFileSync(join(directory, first), Buffer.concat([Buffer.alloc(5000), Buffer.from('"rest of a line"}\n')]));
    const journal = await open(directory);
    assert.equal(journal.recovered?.cutBytes, 5018);
    await journal.close();
  });

  it('keeps whole lines that were written but not yet counted in the head', async () => {
    const directory = newFolder();
    await fill(directory, 3);
    const head = readFileSync(join(directory, 'head.json'));
    const journal = await open(directory);
    await journal.append(event('4'));
    await journal.close();
    writeFileSync(join(directory, 'head.json'), head);
    const again = await open(directory);
    assert.equal(again.recovered, undefined);
    assert.equal((await again.append(event('5'))).seq, 5);
    await again.close();
  });

  const cases: readonly (readonly [string, RegExp, (directory: string) => void])[] = [
    [
      'a changed line in the middle',
      /line 2 does not have the hash/,
      (d) => edit(d, first, (t) => t.replace('event 1', 'event 9')),
    ],
    ['a changed last line', /line 3/, (d) => edit(d, first, (t) => t.replace('event 2', 'event 9'))],
    ['a removed line', /line 2 has seq 3/, (d) => edit(d, first, (t) => t.split('\n').toSpliced(1, 1).join('\n'))],
    [
      'lines cut off at the end',
      /line 3 ends at seq 2, but head\.json records seq 3/,
      (d) => edit(d, first, (t) => `${t.split('\n').slice(0, 2).join('\n')}\n`),
    ],
    ['a recorded line cut in half', /line 3 is incomplete/, (d) => edit(d, first, (t) => t.slice(0, -20))],
    ['a missing head', /head\.json` is missing/, (d) => rmSync(join(d, 'head.json'))],
    ['a changed head', /head\.json/, (d) => edit(d, 'head.json', (t) => t.replace('"seq":3', '"seq":2'))],
    ['a missing segment', /head\.json/, (d) => rmSync(join(d, first))],
    [
      'a segment in the wrong place',
      /begins at seq 9/,
      (d) => writeFileSync(join(d, 'segments', '000000000000009.ndjson'), ''),
    ],
  ];
  for (const [name, message, damage] of cases) {
    it(`refuses ${name} by name and changes nothing`, async () => {
      const directory = newFolder();
      await fill(directory, 3);
      damage(directory);
      const before = snapshot(directory);
      await assert.rejects(open(directory), isError('journal-damaged', message));
      assert.deepEqual(snapshot(directory), before);
      assert.equal((await verifyJournal(directory)).ok, false);
    });
  }
});

function edit(directory: string, file: string, change: (text: string) => string): void {
  const path = join(directory, file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

function snapshot(directory: string): Record<string, string> {
  const names = [first, 'head.json'].filter((name) => existsSync(join(directory, name)));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}
