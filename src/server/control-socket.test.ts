import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { closeControl, listenControl, refuseSecond } from './control-socket.ts';

describe('the control socket', () => {
  const path = (): string => join(mkdtempSync(join(tmpdir(), 'cordon-socket-')), 'control.sock');

  it('may be opened by its owner only, and goes when it is closed', async () => {
    const at = path();
    const server = createServer();
    await listenControl(server, at);
    assert.equal(statSync(at).mode & 0o777, 0o600);
    await closeControl(server, at);
    assert.equal(existsSync(at), false);
  });

  it('replaces what a killed process left', async () => {
    const at = path();
    writeFileSync(at, '');
    await refuseSecond(at);
    const server = createServer();
    await listenControl(server, at);
    await closeControl(server, at);
  });

  it('is refused to a second Cordon on the same data as `already-running`', async () => {
    const at = path();
    const first = createServer();
    await listenControl(first, at);
    await assert.rejects(refuseSecond(at), { code: 'already-running' });
    await assert.rejects(listenControl(createServer(), at), { code: 'already-running' });
    await closeControl(first, at);
  });
});
