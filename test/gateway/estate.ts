/** A whole running Cordon in front of an app that answers when it is told to, and a person whom the policies let in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { hashToken, newToken, systemClock } from '#base';
import { type Cordon, startCordon, textSource } from '#server';

const CONSOLE = join(import.meta.dirname, '../../console/dist');
const log = { info: () => {}, warn: () => {}, error: () => {} };
const POLICY = '@id("all") permit (principal, action == Action::"access", resource);';

/** What a test gets of it. */
export interface Estate {
  readonly cordon: Cordon;
  /** Requests that have reached the app. */
  readonly waiting: ServerResponse[];
  /** Of Ada, for the wiki. */
  readonly cookie: string;
}

/** Starts one that ends with the test; `text` is more of its configuration. */
export async function estate(t: TestContext, text = ''): Promise<Estate> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-drain-'));
  const waiting: ServerResponse[] = [];
  const upstream = createServer((_request, response) => waiting.push(response));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const source = textSource(
    {
      text: `listen: { http: "127.0.0.1:0", tls: "127.0.0.1:0" }\nprobe: { every: off }\n${text}
apps: { wiki: { upstream: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}", tier: T3 } }\n`,
      policies: { 'a.cedar': POLICY },
    },
    join(folder, 'data'),
  );
  const cordon = await startCordon({
    version: '0',
    clock: systemClock,
    uid: 0,
    log,
    consoleDirectory: CONSOLE,
    source,
  });
  t.after(async () => {
    await cordon.stop();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const now = systemClock.now();
  const token = newToken();
  await cordon.services.store.transact('system', async (tx) => {
    await tx.put('user', {
      id: 'ada',
      email: 'ada@example.org',
      name: 'Ada',
      groups: [],
      status: 'active',
      createdAt: now,
    });
    await tx.put('device', {
      id: 'dev',
      name: 'x',
      form: 'browser',
      ownerId: 'ada',
      status: 'active',
      managed: false,
      enrolledAt: now,
    });
    await tx.put('session', {
      ...{ id: 'ses', userId: 'ada', tokenHash: hashToken(newToken()), acr: 'urn:cordon:aal3', amr: ['hwk', 'mfa'] },
      ...{
        authenticatedAt: now,
        createdAt: now,
        expiresAt: now + 3_600_000,
        deviceId: 'dev',
        address: '127.0.0.1',
        userAgent: '',
      },
    });
    await tx.put('appSession', {
      id: 'app',
      tokenHash: hashToken(token),
      sessionId: 'ses',
      host: 'wiki.localhost',
      createdAt: now,
    });
  });
  return { cordon, waiting, cookie: `__Host-cordon_app=${token}` };
}
