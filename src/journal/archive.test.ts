import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { manualClock } from '#base';
import { openJournal, verifyJournal } from '#journal';
import { buildEvent } from '#model';
import { Archive } from './archive.ts';
import { type Layout, layoutOf } from './layout.ts';
import { recoverJournal } from './recover.ts';
import type { FullSegment } from './segment.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const root = mkdtempSync(join(tmpdir(), 'cordon-archive-'));
const onLinux = { skip: process.platform === 'linux' ? false : 'other processes are read from /proc' };
let folders = 0;

after(() => rmSync(root, { recursive: true, force: true }));

/** A closed journal with `count` segments of one event, none of them sealed, and one that is empty. */
async function unsealed(count: number): Promise<{ layout: Layout; waiting: readonly FullSegment[] }> {
  const layout = layoutOf(join(root, String(++folders)));
  const journal = await openJournal({ directory: layout.directory, clock: manualClock(START), segmentBytes: 1 });
  // A file where Parquet would go: nothing is sealed.
  rmSync(layout.sealed, { recursive: true });
  writeFileSync(layout.sealed, 'in the way');
  for (let i = 0; i <= count; i++) {
    await journal.append(buildEvent({ class: 'authentication', activity: 'logon', time: START + i, message: `${i}` }));
  }
  await journal.close();
  rmSync(layout.sealed);
  const { segments } = await recoverJournal(layout, 10);
  assert.equal(segments.length, count + 1);
  return { layout, waiting: segments.slice(0, count) };
}

/** The sealing processes that run now. */
function sealers(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
  const pids = children === '' ? [] : children.split(' ').map(Number);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('seal-process');
    } catch {
      return false;
    }
  });
}

async function until(isReached: () => boolean): Promise<void> {
  for (let tries = 0; !isReached(); tries++) {
    assert.ok(tries < 10_000, 'it never came to that');
    await delay(2);
  }
}

describe('the archive of a journal', () => {
  it('loses nothing when the sealing process is killed, and says so', onLinux, async () => {
    const { layout, waiting } = await unsealed(2);
    const archive = new Archive(layout, { manifests: [], segments: waiting });
    const sealing = assert.rejects(archive.sealAll(), {
      code: 'journal-unwritable',
      message: /cannot seal `.*000000000000001\.ndjson`: the sealing process ended \(SIGKILL\)/,
    });
    await until(() => sealers().length > 0);
    for (const pid of sealers()) process.kill(pid, 'SIGKILL');
    await sealing;
    assert.deepEqual(readdirSync(layout.sealing), []);
    assert.deepEqual(readdirSync(layout.manifests), []);
    const report = await verifyJournal(layout.directory);
    assert.deepEqual([report.ok, report.lines], [true, 3]);
    await archive.sealAll();
    assert.deepEqual(readdirSync(layout.segments), ['000000000000003.ndjson']);
    const after = await verifyJournal(layout.directory);
    assert.deepEqual([after.ok, after.head], [true, report.head]);
    await archive.close();
  });

  it('warns of a failure in the background and tries again by itself', async () => {
    const { layout, waiting } = await unsealed(1);
    writeFileSync(layout.sealed, 'in the way');
    const archive = new Archive(layout, { manifests: [], segments: waiting }, { retryMs: 300, closeMs: 5000 });
    const warned = once(process, 'warning');
    archive.sealInBackground();
    const [warning] = await warned;
    assert.equal(warning.code, 'CORDON_JOURNAL_SEAL');
    assert.match(warning.message, /cannot seal .*000000000000001\.ndjson/);
    assert.ok(existsSync(waiting[0]?.path ?? ''));
    renameSync(layout.sealed, `${layout.sealed}.away`);
    await until(() => !existsSync(waiting[0]?.path ?? ''));
    await archive.close();
    assert.equal((await verifyJournal(layout.directory)).ok, true);
  });

  it('seals at the priority of everything else while many segments wait, then at the lowest', onLinux, async () => {
    const { layout, waiting } = await unsealed(10);
    const own = getPriority();
    const archive = new Archive(layout, { manifests: [], segments: waiting });
    // By process: it is lowered right after its start, and what was seen before that is of no interest.
    const seen = new Map<number, number>();
    const watch = setInterval(() => {
      for (const pid of sealers()) seen.set(pid, getPriority(pid));
    }, 2);
    await archive.sealAll();
    clearInterval(watch);
    await archive.close();
    assert.deepEqual([...seen.values()], [own, 19], 'one process each');
    await until(() => sealers().length === 0); // none is left behind
  });

  it('waits for the seal under way when it is closed, but not for ever', onLinux, async () => {
    const { layout, waiting } = await unsealed(3);
    const archive = new Archive(layout, { manifests: [], segments: waiting }, { retryMs: 60_000, closeMs: 60_000 });
    archive.sealInBackground();
    await archive.close();
    assert.equal(readdirSync(layout.segments).length, 3, 'the first is sealed, and no other');
    const hasty = new Archive(layout, { manifests: [], segments: waiting.slice(1) }, { retryMs: 60_000, closeMs: 200 });
    hasty.sealInBackground();
    await until(() => sealers().length > 0);
    for (const pid of sealers()) process.kill(pid, 'SIGSTOP');
    await hasty.close();
    assert.deepEqual(sealers(), []);
    assert.equal(readdirSync(layout.segments).length, 3);
    assert.equal((await verifyJournal(layout.directory)).ok, true);
  });
});
