import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { manualClock } from '#base';
import { openJournal } from '#journal';
import { buildEvent } from '#model';
import { NOW } from './testdata/answers.ts';
import { withControlServer } from './testdata/control-server.ts';
import { runCommand } from './testdata/run-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
const journal = join(cwd, 'data', 'journal');
const SEGMENT = join('segments', '000000000000001.ndjson');

before(async () => {
  const open = await openJournal({ directory: journal, clock: manualClock(NOW) });
  for (let i = 0; i < 5; i++) {
    await open.append(buildEvent({ class: 'authentication', activity: 'logon', time: NOW + i, message: `event ${i}` }));
  }
  await open.close();
  cpSync(journal, join(cwd, 'broken'), { recursive: true });
  const file = join(cwd, 'broken', SEGMENT);
  writeFileSync(file, readFileSync(file, 'utf8').replace('event 2', 'event 7'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

describe('cordon audit verify', () => {
  it('reads the journal of the data directory when no server answers, and prints the head', async () => {
    const { code, stdout, stderr } = await runCommand(['audit', 'verify'], { cwd });
    assert.equal(code, 0, stderr);
    const { hash } = JSON.parse(readFileSync(join(journal, SEGMENT), 'utf8').trimEnd().split('\n').at(-1) ?? '');
    assert.equal(stdout, `intact: 5 lines in 1 segment\nhead: ${hash}\n`);
    assert.equal(stderr, `no server answers; reading ${journal}\n`);
  });

  it('names file and line of one changed byte, and exits 1', async () => {
    const { code, stdout, stderr } = await runCommand(['audit', 'verify', '--journal', 'broken'], { cwd });
    assert.equal(code, 1);
    assert.match(stdout, /^broken: broken\/segments\/000000000000001\.ndjson:3: /);
    assert.match(stderr, /^hint: keep the directory as evidence/m);
    const json = await runCommand(['audit', 'verify', '--journal', 'broken', '--json'], { cwd });
    assert.equal(json.code, 1);
    assert.partialDeepStrictEqual(JSON.parse(json.stdout), {
      ok: false,
      lines: 2,
      problem: { file: SEGMENT, line: 3 },
    });
  });

  it('reads the files that are named even when a server answers', async () => {
    await withControlServer(
      () => undefined,
      async ({ socket, asked }) => {
        const { code } = await runCommand(['audit', 'verify', '--journal', 'broken'], { cwd, controlSocket: socket });
        assert.deepEqual([code, asked], [1, []]);
      },
    );
  });

  it('does not fall back to files when a server was named that does not answer', async () => {
    const { code, stderr } = await runCommand(['audit', 'verify', '--socket', 'other.sock'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /no Cordon answers at `.*other\.sock`/);
  });

  it('says when there is no journal', async () => {
    const { code, stderr } = await runCommand(['audit', 'verify', '--journal', 'none'], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /^error: there is no journal in `.*none` \(journal-missing\)\nhint: /);
  });
});
