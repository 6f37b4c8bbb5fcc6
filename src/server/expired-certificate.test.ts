import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { createAuthority } from '#devices';
import { openStore } from '#store';
import { keepCertificates } from './certificates.ts';
import { textSource } from './configuration-source.ts';
import { type Cordon, startCordon } from './start.ts';

const DAY = 86_400_000;
const CONSOLE = join(import.meta.dirname, '../../console/dist');
const log = { info: () => {}, warn: () => {}, error: () => {} };

/** A clock that is set; the clients of the tests have the machine's. */
function setClock(shiftMs: number): { now: () => number; shiftMs: number } {
  const clock = { shiftMs, now: (): number => Date.now() + clock.shiftMs };
  return clock;
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-expired-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a client that trusts Cordon's authority meets: `answered`, or why it went away. */
async function visit({ services, ports }: Cordon): Promise<string> {
  return await new Promise((resolve) => {
    const servername = 'console.localhost';
    const options = { host: '127.0.0.1', port: ports.tls ?? 0, servername, ca: services.authority.certificate };
    const socket = connect(options, () => {
      socket.write(`GET / HTTP/1.1\r\nhost: ${servername}:${ports.tls}\r\nconnection: close\r\n\r\n`);
      socket.once('data', () => {
        resolve('answered');
        socket.destroy();
      });
    });
    socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isSo()) return;
    await sleep(50);
  }
  assert.fail('it did not come to that within five seconds');
}

describe('a certificate of the own authority that has ended', () => {
  it('is refused by clients, told of once, and made anew without a restart, also when the clock is set back', async (t) => {
    const clock = setClock(-40 * DAY);
    const cordon = await startCordon({
      ...{ version: '0', clock, uid: 0, log, consoleDirectory: CONSOLE },
      source: textSource(
        { text: 'listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\nprobe: { every: off }\n', policies: {} },
        folderOf(t),
      ),
    });
    t.after(async () => await cordon.stop());
    const told = (): number =>
      cordon.services.journal.recent(50).filter(({ status_code: code }) => code === 'certificate-expired').length;
    assert.equal(await visit(cordon), 'CERT_HAS_EXPIRED');
    assert.equal(told(), 0, 'by the clock of Cordon it is good');
    clock.shiftMs = 0;
    await until(async () => (await visit(cordon)) === 'answered');
    await until(() => told() === 1);
    clock.shiftMs = 40 * DAY; // valid from then, for now
    await until(async () => (await visit(cordon)) === 'CERT_NOT_YET_VALID');
    clock.shiftMs = 0;
    await until(async () => (await visit(cordon)) === 'answered');
    await until(() => told() === 2);
  });
});

describe('what is shown after its end', () => {
  it('is told once, of the own certificate and of files, and an authority that has ended certifies nothing', async (t) => {
    const folder = folderOf(t);
    const clock = setClock(0);
    const store = await openStore({ path: ':memory:', clock });
    t.after(async () => await store.close());
    const [certificate, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')];
    const authority = await createAuthority({ store, clock });
    const issued = await authority.issueServer(['wiki.example.org']);
    writeFileSync(certificate, issued.certificate);
    writeFileSync(key, issued.key);
    const told: string[] = [];
    const certificates = await keepCertificates({
      ...{ authority, clock, agentHost: 'agent.localhost' },
      hosts: () => ['wiki.localhost'],
      files: () => ({ certificate, key }),
      onExpired: (which) => told.push(which),
    });
    t.after(async () => await certificates.close());
    const shown = (): object => certificates.contextFor(undefined);
    const first = shown();
    await certificates.renew();
    assert.equal(shown(), first, 'nothing is made anew that is good');
    clock.shiftMs = 31 * DAY;
    await certificates.renew();
    await certificates.renew();
    assert.notEqual(shown(), first);
    assert.deepEqual(told, ['of the own authority', 'named under `tls`']);
    const second = shown();
    clock.shiftMs = 11 * 365 * DAY;
    await assert.rejects(certificates.renew(), { code: 'authority-expired' });
    await assert.rejects(certificates.renew(), { code: 'authority-expired' });
    assert.equal(shown(), second, 'the last one stays');
    assert.equal(told.length, 3);
    clock.shiftMs = 31 * DAY;
    await certificates.renew();
    assert.equal(told.length, 3, 'and nothing needs a restart');
  });
});
