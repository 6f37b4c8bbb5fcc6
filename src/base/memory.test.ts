import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

describe('the engine', () => {
  it('knows all that it is told about memory', () => {
    const work = `import { tuneMemory } from ${JSON.stringify(join(import.meta.dirname, 'memory.ts'))}; tuneMemory();`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', work], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']); // a flag that is unknown is named on stderr, and ignored
  });
});
