import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfiguration } from '#config';
import { gatewayLimits } from './gateway-limits.ts';
import type { Cordon } from './start.ts';
import { started } from './testdata/started.ts';

/** Plain HTTP alone, and no probes that would count. */
const QUIET = 'listen: { http: "127.0.0.1:0", tls: off }\nprobe: { every: off }\n';

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
    const cordon = await started(t, `${QUIET}gateway: { limits: { requests_per_second_per_address: 0.2 } }\n`);
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

describe('the connections of a listener', () => {
  it('are closed beyond what there may be, with one event, and taken again when there is room', async (t) => {
    const cordon = await started(t, `${QUIET}gateway: { limits: { connections: 5 } }\n`);
    const open = Array.from({ length: 5 }, () => connect(cordon.ports.http ?? 0, '127.0.0.1'));
    for (const socket of open) await new Promise((resolve) => socket.once('connect', resolve));
    for (let i = 0; i < 20; i++) {
      await assert.rejects(statusOf(cordon, 'verify.localhost'), /hang up|ECONNRESET/);
    }
    const told = (): number =>
      cordon.services.journal.recent(50).filter(({ status_code: code }) => code === 'connections-exhausted').length;
    for (let waited = 0; waited < 100 && told() === 0; waited++) await sleep(20);
    assert.equal(told(), 1);
    for (const socket of open.slice(2)) socket.destroy();
    await sleep(100);
    assert.equal(await statusOf(cordon, 'verify.localhost'), 401);
    assert.equal(told(), 1);
    for (const socket of open) socket.destroy();
  });

  it('of thousands that do nothing keep nobody else waiting', async (t) => {
    const cordon = await started(t, `${QUIET}gateway: { limits: { connections: 1500 } }\n`);
    const open: Socket[] = [];
    for (let i = 0; i < 2000; i++) {
      const socket = connect(cordon.ports.http ?? 0, '127.0.0.1').on('error', () => undefined);
      open.push(socket);
      if (i % 100 === 99) await sleep(1);
    }
    await sleep(300);
    const alive = open.filter(({ destroyed, readyState }) => !destroyed && readyState === 'open');
    assert.ok(alive.length <= 1500, `${alive.length}`);
    for (const socket of alive.slice(0, 300)) socket.destroy();
    await sleep(200);
    const began = performance.now();
    assert.equal(await statusOf(cordon, 'verify.localhost'), 401);
    assert.ok(performance.now() - began < 1000);
    for (const socket of open) socket.destroy();
  });

  it('carry a head of as many bytes as there may be, and no more', async (t) => {
    const cordon = await started(t, `${QUIET}gateway: { limits: { header_bytes: 4096 } }\n`);
    const head = async (bytes: number): Promise<string> => {
      const socket = connect(cordon.ports.http ?? 0, '127.0.0.1');
      socket.end(`GET / HTTP/1.1\r\nhost: verify.localhost\r\nx-long: ${'x'.repeat(bytes)}\r\n\r\n`);
      let answer = '';
      for await (const chunk of socket) answer += String(chunk);
      return answer.slice(0, 12);
    };
    assert.deepEqual([await head(3000), await head(5000)], ['HTTP/1.1 401', 'HTTP/1.1 431']);
  });
});
