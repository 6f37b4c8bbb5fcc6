import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readAccountToken } from './account-token.ts';

const folder = mkdtempSync(join(tmpdir(), 'cordon-token-'));
after(() => rmSync(folder, { recursive: true }));
const read = (path: string): string => {
  const found = readAccountToken(path);
  return found.ok ? found.value : `error: ${found.error.replaceAll(folder, '')}`;
};

describe('the token of an account', () => {
  it('is what the file holds, without the line end', () => {
    const path = join(folder, 'plain');
    writeFileSync(path, 'abc.def\n');
    assert.equal(read(path), 'abc.def');
  });

  it('is read again when the file is written, replaced or removed', () => {
    const path = join(folder, 'changing');
    writeFileSync(path, 'one');
    assert.equal(read(path), 'one');
    writeFileSync(path, 'second');
    assert.equal(read(path), 'second');
    writeFileSync(`${path}.new`, 'third2');
    renameSync(`${path}.new`, path);
    assert.equal(read(path), 'third2');
    unlinkSync(path);
    assert.match(read(path), /^error: ENOENT/);
  });

  it('follows the link that Kubernetes sets anew with each renewal', () => {
    for (const name of ['v1', 'v2']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'token'), `${name}-token`);
    }
    symlinkSync('v1', join(folder, 'data'));
    assert.equal(read(join(folder, 'data', 'token')), 'v1-token');
    symlinkSync('v2', join(folder, 'data.new'));
    renameSync(join(folder, 'data.new'), join(folder, 'data'));
    assert.equal(read(join(folder, 'data', 'token')), 'v2-token');
  });

  for (const [name, content] of Object.entries({
    'an empty file': '',
    'blank lines': '\n\n',
    'two lines, the second of which would be a field of its own': 'abc\r\nimpersonate-group: system:masters',
    'two words': 'abc def',
    'other bytes': 'abc\u0000',
  })) {
    it(`is never taken from ${name}`, () => {
      const path = join(folder, 'bad');
      writeFileSync(path, content);
      assert.equal(read(path), 'error: `/bad` holds no token');
    });
  }

  it('is never taken from a file that is too long', () => {
    const path = join(folder, 'long');
    writeFileSync(path, 'a'.repeat(70_000));
    assert.match(read(path), /too long/);
  });
});
