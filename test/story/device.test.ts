// A person on an enrolled device: in while it is well, out the moment it is not. Runs in a network namespace, whose packet filter it changes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { labObstacle, openLab } from '../network/lab.ts';
import { browserObstacle } from './browser.ts';

describe('a device', { skip: labObstacle() ?? browserObstacle() ?? false, timeout: 200_000 }, () => {
  it('opens an app that asks for a healthy one while it is, and is cut off with what to fix when it is not', async (context) => {
    const lab = openLab(1);
    try {
      const [host] = lab.hosts;
      // Everything in the namespace, the driver of the browser too: it dials for the browser where a client certificate is needed.
      const script = ['netns', 'exec', host?.space ?? '', process.execPath, `${import.meta.dirname}/device-child.ts`];
      const child = spawn('ip', script, { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(code, 0, output);
      context.diagnostic(output.trim());
    } finally {
      lab.close();
    }
  });
});
