import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CordonError } from '#base';
import { buildEvent } from '#model';
import { EMPTY_HEAD } from './head.ts';
import { encodeLines } from './line.ts';
import { Sealer } from './sealer.ts';
import type { FullSegment } from './segment.ts';

const LOWEST = constants.priority.PRIORITY_LOW;
const root = mkdtempSync(join(tmpdir(), 'cordon-sealer-'));
const onLinux = { skip: process.platform === 'linux' ? false : 'processes and their threads are read from /proc' };
const sealers: Sealer[] = [];
let folders = 0;

after(() => {
  for (const sealer of sealers) sealer.stop();
  rmSync(root, { recursive: true, force: true });
});

function newSealer(): Sealer {
  const sealer = new Sealer();
  sealers.push(sealer);
  return sealer;
}

function newFolder(): string {
  const folder = join(root, String(++folders));
  mkdirSync(folder);
  return folder;
}

function segmentOf(count: number): FullSegment {
  const path = join(newFolder(), 'segment.ndjson');
  const event = JSON.stringify(
    buildEvent({ class: 'authentication', activity: 'logon', time: 1, message: 'x'.repeat(500) }),
  );
  const { bytes, lines } = encodeLines(
    EMPTY_HEAD,
    Array.from({ length: count }, () => event),
  );
  writeFileSync(path, bytes);
  return { path, first: 1, prev: EMPTY_HEAD.hash, last: { seq: count, hash: lines.at(-1)?.hash ?? '' } };
}

function prioritiesOf(pid: number): Set<number> {
  return new Set(readdirSync(`/proc/${pid}/task`).map((thread) => getPriority(Number(thread))));
}

async function until(isReached: () => boolean): Promise<void> {
  for (let tries = 0; !isReached(); tries++) {
    assert.ok(tries < 10_000, 'it never came to that');
    await delay(1);
  }
}

describe('the sealing process', () => {
  it('writes one segment after another, with what each came to', async () => {
    const sealer = newSealer();
    assert.equal(sealer.pid, undefined, 'none before there is work');
    const work = newFolder();
    const [draft] = await sealer.write(segmentOf(3), work, 'lowest');
    const { pid } = sealer;
    assert.deepEqual([draft?.path, draft?.classUid, draft?.rows], [join(work, '0.parquet'), '3002', 3]);
    await sealer.write(segmentOf(3), newFolder(), 'lowest');
    assert.equal(sealer.pid, pid);
  });

  it('has the lowest priority in all its threads, unless it is to hurry', {
    skip: process.platform === 'linux' ? false : 'priorities of threads are read from /proc',
  }, async () => {
    const own = getPriority();
    const sealer = newSealer();
    for (const [priority, expected] of [
      ['lowest', LOWEST],
      ['normal', own],
      ['lowest', LOWEST],
    ] as const) {
      await sealer.write(segmentOf(3), newFolder(), priority);
      assert.ok(sealer.pid !== undefined);
      assert.deepEqual([...prioritiesOf(sealer.pid)], [expected]);
    }
    assert.equal(getPriority(), own, 'the process that appends keeps its own');
  });

  it('passes on what is wrong with a segment by its code, and goes on', async () => {
    const sealer = newSealer();
    const segment = segmentOf(3);
    await assert.rejects(
      sealer.write({ ...segment, last: { seq: 4, hash: 'x' } }, newFolder(), 'lowest'),
      (error) =>
        error instanceof CordonError &&
        error.code === 'journal-damaged' &&
        /was changed/.test(error.message) &&
        /audit verify/.test(error.hint ?? ''),
    );
    await assert.rejects(sealer.write({ ...segment, path: join(root, 'none') }, newFolder(), 'lowest'), /ENOENT/);
    assert.equal((await sealer.write(segment, newFolder(), 'lowest')).length, 1);
  });

  const moments: readonly (readonly [string, (work: string) => boolean])[] = [
    ['before it has begun', () => true],
    ['while it reads', (work) => existsSync(join(work, 'fields'))],
    ['while it writes', (work) => existsSync(join(work, '0.parquet'))],
  ];
  for (const [name, isReached] of moments) {
    it(`fails when the process is killed ${name}, keeps the segment, and can be asked again`, async () => {
      const sealer = newSealer();
      const segment = segmentOf(30_000);
      const before = readFileSync(segment.path);
      const work = newFolder();
      const writing = assert.rejects(sealer.write(segment, work, 'normal'), /the sealing process ended \(SIGKILL\)/);
      await until(() => sealer.pid !== undefined && isReached(work));
      process.kill(sealer.pid ?? 0, 'SIGKILL');
      await writing;
      assert.equal(sealer.pid, undefined);
      assert.ok(readFileSync(segment.path).equals(before));
      assert.equal((await sealer.write(segment, newFolder(), 'normal'))[0]?.rows, 30_000);
    });
  }

  it('ends with the process that appends, however that dies', onLinux, async () => {
    const sealerFile = JSON.stringify(join(import.meta.dirname, 'sealer.ts'));
    const order = `${JSON.stringify(segmentOf(30_000))}, ${JSON.stringify(newFolder())}, 'lowest'`;
    const script = `import(${sealerFile}).then(({ Sealer }) => {
      const sealer = new Sealer();
      void sealer.write(${order});
      console.log(sealer.pid);
    })`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(parent.stdout, 'data');
    const commandLine = `/proc/${Number(line)}/cmdline`;
    assert.match(readFileSync(commandLine, 'utf8'), /seal-process/);
    parent.kill('SIGKILL');
    // Until somebody has asked how it ended, a dead process has an empty command line.
    await until(() => !existsSync(commandLine) || readFileSync(commandLine, 'utf8') === '');
  });

  it('is not ended by the signals that end the process that appends', async () => {
    const sealer = newSealer();
    await sealer.write(segmentOf(3), newFolder(), 'normal');
    const { pid = 0 } = sealer;
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGTERM');
    await sealer.write(segmentOf(3), newFolder(), 'normal');
    assert.equal(sealer.pid, pid);
  });

  it('fails what it is writing when it is stopped, and is gone', async () => {
    const sealer = newSealer();
    const writing = assert.rejects(sealer.write(segmentOf(3), newFolder(), 'normal'), /ended \(SIGKILL\)/);
    const { pid = 0 } = sealer;
    sealer.stop();
    await writing;
    assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });
});
