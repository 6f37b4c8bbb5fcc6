import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashRecoveryCode, newRecoveryCodes, useRecoveryCode } from './recovery.ts';

describe('recovery codes', () => {
  const codes = newRecoveryCodes();
  const hashes = codes.map(hashRecoveryCode);

  it('are ten different ones of 24 letters, 120 bits each', () => {
    assert.equal(new Set(codes).size, 10);
    for (const code of codes) assert.match(code, /^([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}$/);
  });

  it('work once', () => {
    const left = useRecoveryCode(hashes, codes[3] ?? '');
    assert.equal(left?.length, 9);
    assert.equal(useRecoveryCode(left ?? [], codes[3] ?? ''), undefined);
    assert.equal(useRecoveryCode(left ?? [], codes[4] ?? '')?.length, 8);
  });

  it('do not mind case, spaces and letters that look like digits', () => {
    const typed = (codes[0] ?? '').toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l');
    assert.equal(useRecoveryCode(hashes, typed)?.length, 9);
  });

  it('are nothing else', () => {
    for (const code of ['', '-', hashes[0] ?? '', (codes[0] ?? '').slice(1)])
      assert.equal(useRecoveryCode(hashes, code), undefined);
  });
});
