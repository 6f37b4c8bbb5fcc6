import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TracedRequest, Tracer } from '#gateway';
import { estate } from './estate.ts';
import { ask, until } from './wire.ts';
import { type World, world } from './world.ts';

const CLIENTS = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

async function traced(
  sample: number,
  apps?: Parameters<typeof world>[0],
): Promise<{ made: World; told: TracedRequest[] }> {
  const told: TracedRequest[] = [];
  const tracer: Tracer = { sample, dropped: 0, take: (request) => void told.push(request) };
  return { made: await world({ ...apps, options: { tracer } }), told };
}

describe('the trace of a request through the gateway', () => {
  it('tells app, outcome, status and protocol and each part, and nothing of person, path or address', async () => {
    const { made, told } = await traced(1, { apps: [{ tier: 1, device: 'any' }] });
    const answer = await made.ask({
      cookie: made.signIn(),
      path: '/secret-path?secret-query',
      headers: { traceparent: CLIENTS, tracestate: 'x=y' },
    });
    assert.equal(answer.status, 200);
    await until(() => told.length === 1, 'the trace');
    const [request] = told;
    assert.ok(request);
    const { trace, outcome, status, protocol, method } = request;
    assert.deepEqual([outcome, status, protocol, method], ['permitted', 200, 'http/1.1', 'GET']);
    assert.ok(made.graph.get('app', request.app ?? ''));
    assert.deepEqual(trace.link, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    assert.deepEqual(
      trace.steps.map(({ name }) => name),
      ['decide', 'journal', 'upstream'],
    );
    for (const { from, to } of trace.steps) assert.ok(request.from <= from && from <= to && to <= request.to);
    assert.doesNotMatch(JSON.stringify(request), /secret|ada@|usr_|127\.0\.0\.1/);
    const [arrival] = made.arrivals;
    assert.equal(arrival?.headers['traceparent'], `00-${trace.traceId}-${trace.upstreamSpanId}-01`);
    assert.equal(arrival?.headers['tracestate'], undefined);
  });

  it('tells why it was refused, and nothing of an app that is not there', async () => {
    const { made, told } = await traced(1);
    await made.ask({});
    await made.ask({ host: 'nowhere.example.org' });
    await until(() => told.length === 2, 'the traces');
    const of = ({ outcome, reason, status, app, host }: TracedRequest): unknown[] => [
      outcome,
      reason,
      status,
      app,
      host,
    ];
    assert.deepEqual(of(told[0] as TracedRequest).slice(0, 3), ['denied', 'not-authenticated', 401]);
    assert.deepEqual(of(told[1] as TracedRequest), ['denied', 'app-unknown', 404, undefined, undefined]);
  });

  it('is not told of when it is not sampled, and the app is told that it is not', async () => {
    const { made, told } = await traced(0);
    await made.ask({ cookie: made.signIn(), headers: { traceparent: CLIENTS } });
    assert.deepEqual(told, []);
    const said = String(made.arrivals[0]?.headers['traceparent']);
    assert.match(said, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.ok(!said.includes('a'.repeat(32)));
  });

  it('leaves what clients say of theirs as it is where none are made', async () => {
    const made = await world();
    await made.ask({ cookie: made.signIn(), headers: { traceparent: CLIENTS } });
    assert.equal(made.arrivals[0]?.headers['traceparent'], CLIENTS);
  });
});

describe('the traces of a running Cordon', () => {
  it('reach the collector that the configuration names', async (t) => {
    const bodies: string[] = [];
    const collector = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on('end', () => response.end('{}'));
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      collector.closeAllConnections();
      collector.close();
    });
    const { port } = collector.address() as AddressInfo;
    const { cordon } = await estate(t, `traces: { endpoint: "http://127.0.0.1:${port}/v1/traces", sample: 1 }`);
    assert.equal((await ask(cordon.ports.http ?? 0)).status, 401);
    await until(() => bodies.length > 0, 'the traces');
    const { resourceSpans } = JSON.parse(bodies.join(''));
    assert.equal(resourceSpans[0].scopeSpans[0].spans[0].name, 'GET wiki.localhost');
  });
});
