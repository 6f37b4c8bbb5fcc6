import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { prepareDataDirectory } from './data-directory.ts';

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'cordon-data-'));
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CordonError) return error.code;
    throw error;
  }
  return 'none';
}

describe('the data directory', () => {
  it('is made with all its parents, for its owner only', () => {
    const path = join(folder(), 'a', 'b');
    const data = prepareDataDirectory(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(data.controlSocket, join(path, 'control.sock'));
  });

  it('is closed to others when it is empty or Cordon’s own', () => {
    for (const files of [[], ['cordon.db']]) {
      const path = folder();
      for (const file of files) writeFileSync(join(path, file), '');
      chmodSync(path, 0o755);
      prepareDataDirectory(path);
      assert.equal(statSync(path).mode & 0o777, 0o700);
    }
  });

  it('is refused as `data-exposed` when others may enter it and it holds something else', () => {
    const path = folder();
    writeFileSync(join(path, 'letter.txt'), 'dear');
    chmodSync(path, 0o755);
    assert.equal(
      codeOf(() => prepareDataDirectory(path)),
      'data-exposed',
    );
    assert.equal(statSync(path).mode & 0o777, 0o755, 'somebody else’s folder is left as it was');
  });

  it('is refused as `data-unwritable` where a file stands in the way, and where the socket’s path would be too long', () => {
    const path = join(folder(), 'file');
    writeFileSync(path, '');
    assert.equal(
      codeOf(() => prepareDataDirectory(join(path, 'data'))),
      'data-unwritable',
    );
    assert.equal(
      codeOf(() => prepareDataDirectory(join(folder(), 'x'.repeat(120)))),
      'data-unwritable',
    );
  });

  it('is refused as `data-unwritable`, and at once, where the system lets nobody make one', () => {
    assert.equal(
      codeOf(() => prepareDataDirectory('/proc/cordon/data')),
      'data-unwritable',
    );
  });
});
