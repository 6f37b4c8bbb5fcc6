import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CordonError } from '#base';
import { readPrivate, removePrivate, writePrivate } from './private-files.ts';

describe('a private file', () => {
  let folder: string;
  before(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'cordon-private-')), 'not-yet');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const isUnusable = (error: unknown): boolean =>
    error instanceof CordonError && error.code === 'private-file-unusable';

  it('is written for its owner alone, in a directory for its owner alone, and leaves no draft', async () => {
    await writePrivate(folder, 'tokens/a.json', { text: 'secret' });
    assert.deepEqual(await readPrivate(folder, 'tokens/a.json'), { text: 'secret' });
    const modes = ['', 'tokens', 'tokens/a.json'].map((name) => statSync(join(folder, name)).mode & 0o777);
    assert.deepEqual(modes, [0o700, 0o700, 0o600]);
    assert.deepEqual(readdirSync(join(folder, 'tokens')), ['a.json']);
  });

  it('is replaced whole', async () => {
    await writePrivate(folder, 'b.json', { text: 'a long one' });
    await writePrivate(folder, 'b.json', { x: 1 });
    assert.deepEqual(await readPrivate(folder, 'b.json'), { x: 1 });
  });

  it('that others may read is refused', async () => {
    await writePrivate(folder, 'c.json', {});
    for (const mode of [0o640, 0o604, 0o622]) {
      chmodSync(join(folder, 'c.json'), mode);
      await assert.rejects(readPrivate(folder, 'c.json'), isUnusable, mode.toString(8));
    }
  });

  it('that is not there, or damaged, is none', async () => {
    assert.equal(await readPrivate(folder, 'none.json'), undefined);
    for (const text of ['', '{', '[]', 'null', '"x"']) {
      writeFileSync(join(folder, 'd.json'), text, { mode: 0o600 });
      assert.equal(await readPrivate(folder, 'd.json'), undefined, text);
    }
  });

  it('that cannot be written says where', async () => {
    await writePrivate(folder, 'file', {});
    await assert.rejects(writePrivate(folder, 'file/below.json', {}), isUnusable);
  });

  it('is removed, and so is one that is not there', async () => {
    await writePrivate(folder, 'gone/e.json', {});
    await removePrivate(folder, 'gone');
    assert.equal(await readPrivate(folder, 'gone/e.json'), undefined);
    await removePrivate(folder, 'gone');
  });
});
