import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashToken, newId, newToken, randomOctets, secretsEqual } from '#base';

describe('an id', () => {
  it('begins with its prefix and sorts by the time it was made', () => {
    const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, Date.UTC(2200, 0)];
    const ids = times.map((time) => newId('evt', time));
    assert.deepEqual([...ids].sort(), ids);
    for (const id of ids) assert.match(id, /^evt_[0-9a-hjkmnp-tv-z]{25}$/);
  });

  it('is another each time, at the same moment too', () => {
    assert.equal(new Set(Array.from({ length: 10_000 }, () => newId('x', 7))).size, 10_000);
  });
});

describe('a token', () => {
  it('has 256 random bits, and its hash does not show it', () => {
    const tokens = Array.from({ length: 100 }, newToken);
    assert.equal(new Set(tokens).size, 100);
    for (const token of tokens) {
      assert.match(token, /^[\w-]{43}$/);
      assert.match(hashToken(token), /^[\w-]{43}$/);
      assert.notEqual(hashToken(token), token);
    }
  });

  it('has one hash, the SHA-256 that everybody computes', () => {
    assert.equal(hashToken('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });
});

describe('secrets', () => {
  it('are compared whole, whatever their lengths', () => {
    assert.equal(secretsEqual('same', 'same'), true);
    for (const other of ['', 'sam', 'samf', 'same ', 'SAME']) assert.equal(secretsEqual('same', other), false);
    assert.equal(secretsEqual('', ''), true);
  });

  it('are made of as many bytes as were asked for', () => {
    assert.equal(randomOctets(32).length, 32);
    assert.notDeepEqual(randomOctets(32), randomOctets(32));
  });
});
