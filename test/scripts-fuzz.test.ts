import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const run = (
  script: string,
  ...args: string[]
): { readonly code: number | null; readonly stdout: string; readonly stderr: string } => {
  const file = join(import.meta.dirname, '../scripts', script);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
};

const fuzz = (...args: string[]): ReturnType<typeof run> => run('fuzz-policy.js', ...args);

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

describe('npm run fuzz:gateway', () => {
  it('says its seed, and what held', () => {
    const { code, stdout, stderr } = run('fuzz-gateway.js', '--seconds', '2', '--seed', '7');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /^seed 7\n/);
    assert.match(stdout, /mutated requests \(seed 7\)[^]*of somebody who may not[^]*of somebody who may:/);
  });

  it('refuses what it does not understand', () => {
    const { code, stderr } = run('fuzz-gateway.js', '--seconds', 'long');
    assert.equal(code, 2);
    assert.match(stderr, /^error: .+\nhint: npm run fuzz:gateway -- --seconds 60 --seed 1\n$/s);
  });
});
