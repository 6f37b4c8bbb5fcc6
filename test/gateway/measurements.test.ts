import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estate } from './estate.ts';
import { ask, until } from './wire.ts';
import { ADA, world } from './world.ts';

function total(counts: readonly number[] | undefined): number {
  return (counts ?? []).reduce((sum, count) => sum + count, 0);
}

describe('what a gateway measures', () => {
  it('is what it adds to a request that goes on, and how long the app takes; not what it refuses', async () => {
    const made = await world();
    const cookie = made.signIn();
    for (let at = 0; at < 3; at++) await made.ask({ cookie });
    await made.ask({});
    const { added, firstByte, servers, underWay } = made.gateway.measure();
    const [app = ''] = Object.keys(added);
    assert.ok(made.graph.get('app', app));
    assert.deepEqual([total(added[app]?.counts), total(firstByte[app]?.counts)], [3, 3]);
    assert.ok((added[app]?.sumMs ?? 0) > 0 && (firstByte[app]?.sumMs ?? 0) > 0);
    assert.deepEqual([servers.map(({ isHealthy }) => isHealthy), underWay], [[true], 0]);
  });

  it('is how long after a change what it cuts has ended; time that passes is no change', async () => {
    const made = await world();
    const cookie = made.signIn();
    const client = await made.webSocket({ cookie });
    made.patch('user', ADA.id, { status: 'disabled' });
    await client.closed;
    await until(() => Object.keys(made.gateway.measure().cuts).length > 0, 'the cut');
    const [[reason, times] = []] = Object.entries(made.gateway.measure().cuts);
    assert.equal(reason, 'user-disabled');
    assert.equal(total(times?.counts), 1);
    assert.ok((times?.sumMs ?? -1) >= 0 && (times?.sumMs ?? 1000) < 1000);

    const aged = await world();
    const open = await aged.webSocket({ cookie: aged.signIn() });
    aged.clock.advance(24 * 3_600_000);
    aged.gateway.sweep();
    await open.closed;
    await until(() => aged.gateway.counters.cut === 1, 'the cut');
    assert.deepEqual(aged.gateway.measure().cuts, {});
  });
});

describe('the metrics of a gateway', () => {
  it('show times as histograms of Prometheus, each class with the shorter ones', async (t) => {
    const { cordon, waiting, cookie } = await estate(t, 'metrics: { listen: "127.0.0.1:0" }');
    const asking = ask(cordon.ports.http ?? 0, { cookie });
    await until(() => waiting.length === 1, 'the request at the app');
    waiting[0]?.end('x');
    await asking;
    const text = await (await fetch(`http://127.0.0.1:${cordon.metricsPort}/metrics`)).text();
    for (const name of ['cordon_gateway_added_seconds', 'cordon_upstream_first_byte_seconds']) {
      assert.ok(text.includes(`# TYPE ${name} histogram\n`));
      const found = [...text.matchAll(new RegExp(`^${name}_bucket\\{app="wiki",le="([^"]+)"\\} (\\d+)$`, 'gm'))];
      const values = found.map(([, , value]) => Number(value));
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
      );
      assert.deepEqual([found.at(-1)?.[1], values.at(-1)], ['+Inf', 1]);
      assert.match(text, new RegExp(`^${name}_count\\{app="wiki"\\} 1$`, 'm'));
      assert.match(text, new RegExp(`^${name}_sum\\{app="wiki"\\} [\\d.e-]+$`, 'm'));
    }
    assert.match(text, /^cordon_upstream_healthy\{app="wiki",server="127\.0\.0\.1:\d+"\} 1$/m);
    assert.match(text, /^cordon_replica_lag_changes 0$/m);
    assert.match(text, /^cordon_replica_staleness_seconds 0$/m);
    assert.match(text, /^cordon_journal_queued_events \d+$/m);
    assert.match(text, /^cordon_requests_under_way 0$/m);
  });
});
