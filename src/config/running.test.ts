import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Configuration } from './configuration.ts';
import { parseConfiguration } from './load.ts';

function read(text: string): Configuration {
  const parsed = parseConfiguration({ file: 'cordon.yaml', text, directory: '/srv', policies: {} });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function problemOf(text: string): string {
  const parsed = parseConfiguration({ file: 'cordon.yaml', text, directory: '/srv', policies: {} });
  assert.equal(parsed.ok, false);
  return parsed.error.map(({ message }) => message).join('; ');
}

const SHOP = 'apps: { shop: { enforced_by: forward-auth } }\nforward_auth: { listen: "127.0.0.1:9091" }\n';

describe('how the process runs', () => {
  it('has defaults for everything', () => {
    const { gateway, probe, metrics, traces } = read('');
    assert.deepEqual(traces, { endpoint: undefined, sample: 0.1 });
    assert.deepEqual(probe, { everyMs: 60_000, public: {} });
    assert.deepEqual(metrics, { listen: undefined });
    assert.equal(gateway.drainMs, 10_000);
    assert.deepEqual(gateway.limits, {
      connections: 20_000,
      requestsAtOnce: 20_000,
      requestsAtOncePerAddress: 4096,
      requestsAtOncePerSession: 512,
      streamsPerConnection: 100,
      requestsPerSecondPerConnection: 2000,
      requestsPerSecondPerAddress: 10_000,
      requestsPerSecondPerAccount: 2000,
      requestsPerSecondPerApp: undefined,
      headerBytes: 16_384,
      bodyBytes: undefined,
      headerTimeoutMs: 10_000,
      idleTimeoutMs: 120_000,
      slowClientBytesPerSecond: 1024,
      slowClientMs: 60_000,
    });
  });

  it('takes what is written, and `off` for no bound', () => {
    const { gateway, probe, metrics } = read(`${SHOP}
gateway: { drain: 1m30s, limits: { requests_per_second_per_account: off, body_bytes: 1000, slow_client: { for: 10s } } }
probe: { every: off, public: { shop: "https://shop.example.org" } }
metrics: { listen: "127.0.0.1:9464" }
`);
    assert.deepEqual(
      [
        gateway.drainMs,
        gateway.limits.requestsPerSecondPerAccount,
        gateway.limits.bodyBytes,
        gateway.limits.slowClientMs,
      ],
      [90_000, undefined, 1000, 10_000],
    );
    assert.deepEqual(probe, { everyMs: undefined, public: { shop: 'https://shop.example.org' } });
    assert.deepEqual(metrics, { listen: { host: '127.0.0.1', port: 9464 } });
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['probes that would be a load', 'probe: { every: 1s }', /`probe.every` must be at least `10s`/],
    [
      'a public address of an app that Cordon serves itself',
      'probe: { public: { verify: "https://a.example" } }',
      /names `verify`/,
    ],
    [
      'a public address of an app that is not there',
      `${SHOP}probe: { public: { shopp: "https://a.example" } }`,
      /names `shopp`/,
    ],
    ['a stop that is none', 'gateway: { drain: 11m }', /`gateway.drain` must be at most `10m`/],
    ['a deadline that nobody meets', 'gateway: { limits: { header_timeout: 10ms } }', /at least `1s`/],
    ['no connections at all', 'gateway: { limits: { connections: 0 } }', />=1/],
    ['heads too short for a browser, or for a probe', 'gateway: { limits: { header_bytes: 2048 } }', />=4096/],
    ['a rate of nothing', 'gateway: { limits: { requests_per_second_per_app: 0 } }', /./],
    ['a limit it does not know', 'gateway: { limits: { request_per_second: 1 } }', /request_per_second/],
    ['a duration without a unit', 'gateway: { drain: 10 }', /./],
    ['traces to no URL', 'traces: { endpoint: "127.0.0.1:4318" }', /traces/],
    ['more than all traces', 'traces: { endpoint: "http://127.0.0.1:4318", sample: 2 }', /sample/],
    ['metrics nowhere', 'metrics: { listen: "9464" }', /address:port/],
  ];
  for (const [what, text, message] of wrong) {
    it(`refuses ${what}`, () => {
      assert.match(problemOf(text), message);
    });
  }
});
