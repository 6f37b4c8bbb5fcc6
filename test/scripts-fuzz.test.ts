import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const fuzz = (...args: string[]): { code: number | null; stdout: string; stderr: string } => {
  const file = join(import.meta.dirname, '../scripts/fuzz-policy.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
};

describe('npm run fuzz:policy', () => {
  it('says its seed, how much it compared and of what kind, and that nothing differs', () => {
    const { code, stdout, stderr } = fuzz('--decisions', '200', '--seed', '7');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /^seed 7\n/);
    assert.match(stdout, /^2\d\d decisions \(.* with a schema\) in \d+ worlds/);
    assert.match(stdout, /allow .* %, deny by forbid .* %, default deny .* %, refused .* %, with errors .* %/);
    assert.match(stdout, /^ {2}permit: \d+, \d+, \d+$/m);
    assert.match(stdout, /seed 7: 0 divergences in \d+ s\n$/);
  });

  it('ends after the seconds it was given', () => {
    const { code, stdout } = fuzz('--seconds', '1', '--seed', '8');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /seed 8: 0 divergences/);
  });

  it('refuses what it does not understand', () => {
    for (const args of [['--seed', 'x'], ['--seconds', '-1'], ['--fast']]) {
      const { code, stdout, stderr } = fuzz(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^error: .+\nhint: npm run fuzz:policy -- --seconds 60 --seed 1\n$/s);
    }
  });
});
