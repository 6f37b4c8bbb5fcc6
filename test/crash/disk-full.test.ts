import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { verifyJournal } from '#journal';

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

describe('journal on a full disk', () => {
  it('rejects what does not fit, leaves no half line, and goes on when there is space', {
    skip: hasPrlimit ? false : 'needs prlimit (util-linux)',
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cordon-full-'));
    // The signal that comes with the limit is ignored, so that the write fails with an error like on a full disk.
    const script = `trap '' XFSZ; ulimit -S -f 80; exec "$0" "$1" "$2"`;
    const child = join(import.meta.dirname, 'disk-full-child.ts');
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', script, process.execPath, child, directory]);
    assert.equal(String(stderr), '');
    assert.deepEqual(JSON.parse(String(stdout)), [
      '1 first',
      'writable',
      'journal-unwritable',
      'not writable',
      'journal-unwritable',
      'not writable',
      '2 short',
      'writable',
      'journal-unwritable',
      'not writable',
      '3 now fits',
      'writable',
    ]);
    assert.deepEqual((await verifyJournal(directory)).lines, 3);
    const text = readFileSync(join(directory, 'segments', '000000000000001.ndjson'), 'utf8');
    assert.equal(text.split('\n').length, 4);
    rmSync(directory, { recursive: true });
  });
});
