import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANSWERS } from './testdata/answers.ts';
import { withControlServer } from './testdata/control-server.ts';
import { runCommand } from './testdata/run-command.ts';

const finding = {
  ...{ appId: 'wiki', host: 'wiki.localhost', kind: 'anonymous', at: 'tls' as const, status: 200 },
  detail: 'a request of nobody was answered by something else than Cordon (200, text/html)',
};

describe('cordon probe', () => {
  it('exits 1 and names each way when something else than Cordon answered', async () => {
    await withControlServer(
      () => ({ ...ANSWERS.probe, findings: [finding], unanswered: 2 }),
      async ({ socket }) => {
        const told = await runCommand(['probe', '--socket', socket]);
        assert.equal(told.code, 1);
        assert.match(told.stdout, /wiki +wiki\.localhost +tls +anonymous/);
        assert.match(told.stderr, /2 of 19 were not answered/);
        const json = await runCommand(['probe', '--json', '--socket', socket]);
        assert.deepEqual([json.code, JSON.parse(json.stdout).findings], [1, [finding]]);
      },
    );
  });
});
