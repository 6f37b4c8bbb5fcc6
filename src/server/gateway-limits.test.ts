import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '#base';
import { parseConfiguration } from '#config';
import { textSource } from './configuration-source.ts';
import { gatewayLimits } from './gateway-limits.ts';
import { type Cordon, startCordon } from './start.ts';

const CONSOLE = join(import.meta.dirname, '../../console/dist');
const log = { info: () => {}, warn: () => {}, error: () => {} };

async function started(t: TestContext, text: string): Promise<Cordon> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-limits-'));
  const source = textSource(
    { text: `listen: { http: "127.0.0.1:0", tls: off }\nprobe: { every: off }\n${text}`, policies: {} },
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
    rmSync(folder, { recursive: true, force: true });
  });
  return cordon;
}

async function statusOf({ ports }: Cordon, host: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: ports.http, headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('the limits of cordon.yaml', () => {
  it('are what the gateway counts, and none of them binds Cordon’s own hosts', async (t) => {
    const cordon = await started(t, 'gateway: { limits: { requests_per_second_per_address: 0.2 } }\n');
    assert.deepEqual(
      [await statusOf(cordon, 'verify.localhost'), await statusOf(cordon, 'verify.localhost')],
      [401, 429],
    );
    assert.equal(await statusOf(cordon, 'id.localhost'), 200);
  });

  it('that are off bound nothing', () => {
    const text = 'gateway: { limits: { requests_per_second_per_address: off } }';
    const parsed = parseConfiguration({ file: 'cordon.yaml', text, directory: '/', policies: {} });
    assert.ok(parsed.ok);
    const limits = gatewayLimits(parsed.value.gateway.limits);
    assert.equal(limits.requestsPerSecondPerAddress, Number.POSITIVE_INFINITY);
    assert.equal(limits.requestsPerSecondPerAccount, 2000);
    // A worker is told of them as text, in which what is off is absent.
    assert.deepEqual(gatewayLimits(JSON.parse(JSON.stringify(parsed.value.gateway.limits))), limits);
  });
});
