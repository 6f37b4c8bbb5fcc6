import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { estate } from './estate.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/offer-connections.js');

describe('more connections offered than there may be', () => {
  it('are closed, while those who are inside are served, and afterwards everybody is', async (t) => {
    const { cordon, waiting, cookie } = await estate(t, 'gateway: { limits: { connections: 300 } }');
    const answering = setInterval(() => {
      for (const response of waiting.splice(0)) response.end('served');
    }, 5);
    t.after(() => clearInterval(answering));
    const port = String(cordon.ports.http);
    const options = ['--port', port, '--count', '2000', '--hold', '1', '--host', 'wiki.localhost', '--cookie', cookie];
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, ...options]);
    const { before, meanwhile, after, accepted, refused } = JSON.parse(stdout);
    assert.deepEqual([before, after, Object.keys(meanwhile)], ['200', '200', ['200']]);
    assert.ok(accepted > 250 && accepted <= 300, `${accepted} accepted`);
    assert.equal(accepted + refused, 2000);
    const told = cordon.services.journal.recent(2000).filter((event) => event.status_code === 'connections-exhausted');
    assert.equal(told.length, 1);
  });
});
