import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { manualClock } from '#base';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { ANSWERS } from './testdata/answers.ts';
import { startControlServer } from './testdata/control-server.ts';
import { runCommand } from './testdata/run-command.ts';

describe('cordon ca', () => {
  it('prints nothing that is no certificate, whatever lines it has', async () => {
    for (const more of ['error: forged\n', '\u001b]0;owned\u0007\n', '-----BEGIN CERTIFICATE-----\nAAAA\n']) {
      const certificate = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${more}`;
      const server = await startControlServer(() => undefined, {
        ...ANSWERS,
        authority: { certificate, fingerprint: '' },
      });
      const { code, stdout, stderr } = await runCommand(['ca'], { controlSocket: server.socket });
      await server.close();
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /server-answer-invalid/);
    }
  });

  it('prints a file that programs can read', async () => {
    const clock = manualClock(Date.UTC(2026, 10, 24));
    const store = await openStore({ path: ':memory:', clock });
    const { certificate, fingerprint } = await createAuthority({ store, clock });
    const server = await startControlServer(() => undefined, { ...ANSWERS, authority: { certificate, fingerprint } });
    const { code, stdout } = await runCommand(['ca'], { controlSocket: server.socket });
    await server.close();
    await store.close();
    assert.equal(code, 0);
    assert.equal(stdout.trim(), certificate.trim());
    assert.equal(new X509Certificate(stdout).fingerprint256.replaceAll(':', '').toLowerCase(), fingerprint);
  });
});
