import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_FINDINGS, openApiBench } from '../testdata/api-bench.ts';
import { callLocal } from '../testdata/browser.ts';

describe('probing over the API', () => {
  it('shows the last round in the status, and does another when asked', async () => {
    let rounds = 0;
    const finding = {
      ...{ appId: 'wiki', host: 'wiki.localhost', kind: 'anonymous', at: 'tls' as const, status: 200 },
      detail: 'open',
    };
    const last = { ...NO_FINDINGS, findings: [finding], notProbed: ['shop'] };
    const prober = {
      last: () => (rounds === 0 ? undefined : last),
      run: async () => {
        rounds += 1;
        return await Promise.resolve(last);
      },
    };
    const bench = await openApiBench({ wrap: (services) => ({ ...services, prober }) });
    try {
      const before = await callLocal(bench, '/api/status');
      assert.equal(before.json()['probe'], undefined);
      const asked = await callLocal(bench, '/api/probe', { method: 'POST' });
      assert.deepEqual([asked.status, asked.json(), rounds], [200, last, 1]);
      const after = await callLocal(bench, '/api/status');
      assert.deepEqual(after.json()['probe'], last);
    } finally {
      await bench.close();
    }
  });
});
