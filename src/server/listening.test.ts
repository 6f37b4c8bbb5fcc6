import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { listeningOf } from './listening.ts';
import { started } from './testdata/started.ts';

describe('what is said to listen', () => {
  it('is what was configured, with the ports in use, and somebody hears at each', async (t) => {
    const cordon = await started(
      t,
      `listen: { http: "127.0.0.1:0", tls: "[::1]:0" }
forward_auth: { listen: "127.0.0.1:0", grpc: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32] }
metrics: { listen: "127.0.0.1:0" }
`,
    );
    const listening = listeningOf(cordon);
    assert.deepEqual(
      listening.map(({ what }) => what),
      ['http', 'tls', 'forward-auth', 'forward-auth grpc', 'metrics', 'control'],
    );
    assert.match(listening[1]?.address ?? '', /^\[::1\]:\d+$/);
    for (const { what, address } of listening) {
      const [, host, port] = /^\[?([0-9a-f.:]+?)\]?:(\d+)$/.exec(address) ?? [];
      const socket = host === undefined ? connect(address) : connect({ host, port: Number(port) });
      await new Promise((resolve, reject) => {
        socket.once('connect', resolve).once('error', (cause) => reject(new Error(`${what} at ${address}`, { cause })));
      });
      socket.destroy();
    }
  });

  it('is no more than that', async (t) => {
    const cordon = await started(t, 'listen: { http: "127.0.0.1:0", tls: "off" }\n');
    assert.deepEqual(
      listeningOf(cordon).map(({ what }) => what),
      ['http', 'control'],
    );
  });

  it('is not what a reload has added and only the next start opens', () => {
    const address = { host: '127.0.0.1', port: 9464 };
    const configuration = {
      listen: { http: address, tls: undefined },
      forwardAuth: { http: address },
      metrics: { listen: address },
    };
    const services = { configuration: () => configuration as never };
    const front = { askedAt: {} } as Parameters<typeof listeningOf>[0]['front'];
    const cordon = { ports: { http: 80 }, front, metricsPort: undefined, controlSocket: '/run/c.sock', services };
    assert.deepEqual(listeningOf(cordon), [
      { what: 'http', address: '127.0.0.1:80' },
      { what: 'control', address: '/run/c.sock' },
    ]);
  });
});
