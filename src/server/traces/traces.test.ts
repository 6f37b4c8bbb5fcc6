import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { systemClock } from '#base';
import type { TracedRequest } from '#gateway';
import { createTraceExporter } from './exporter.ts';

const id = (letters: number): z.ZodString => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${letters}}$`));
const nanoseconds = z.string().regex(/^\d{19}$/);
const attribute = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^\d+$/) }),
  ]),
});
/** What `opentelemetry-proto` says of the JSON of an ExportTraceServiceRequest, as far as it is used. */
const exportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: id(32),
              spanId: id(16),
              parentSpanId: id(16).optional(),
              name: z.string().min(1),
              kind: z.number().int().min(1).max(5),
              startTimeUnixNano: nanoseconds,
              endTimeUnixNano: nanoseconds,
              attributes: z.array(attribute),
              links: z.array(z.strictObject({ traceId: id(32), spanId: id(16) })).optional(),
              status: z.strictObject({ code: z.literal([0, 1, 2]).optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});
type Span = z.infer<typeof exportRequest>['resourceSpans'][number]['scopeSpans'][number]['spans'][number];

interface Collector {
  readonly url: string;
  readonly spans: Span[];
  status: number;
  messages: number;
}

async function collector(t: TestContext, answerAfterMs = 0): Promise<Collector> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      made.messages += 1;
      const { status } = made; // what it says and what it keeps must not differ when a test changes it in between
      const { resourceSpans } = exportRequest.parse(JSON.parse(text));
      assert.equal(request.headers['content-type'], 'application/json');
      if (status === 200) made.spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans[0]?.spans ?? []));
      setTimeout(() => response.writeHead(status).end('{}'), answerAfterMs).unref();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const made = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans: [] as Span[],
    status: 200,
    messages: 0,
  };
  return made;
}

const request: TracedRequest = {
  trace: {
    ...{ traceId: 'a'.repeat(32), spanId: 'f'.repeat(16), upstreamSpanId: 'c'.repeat(16), isSampled: true },
    link: { traceId: 'd'.repeat(32), spanId: 'e'.repeat(16) },
    steps: [
      { name: 'decide', from: 1, to: 2 },
      { name: 'upstream', from: 3, to: 9 },
    ],
  },
  ...{ from: 0, to: 10, method: 'GET', protocol: 'h2', host: 'wiki.example.org', app: 'wiki' },
  ...{ outcome: 'denied', reason: 'no-permit', status: 403 },
};

function exporterTo(url: string): { exporter: ReturnType<typeof createTraceExporter>; logged: string[] } {
  const logged: string[] = [];
  const note = (_fields: object, message: string): void => void logged.push(message);
  const log = { info: note, warn: note, error: note };
  const settings = { endpoint: url, sample: 1 };
  return {
    exporter: createTraceExporter(settings, { clock: systemClock, log, resource: { version: '1', pid: 1 } }),
    logged,
  };
}

describe('traces', () => {
  it('are sent as OTLP, a span for the request and one for each part, and what the client said as a link', async (t) => {
    const { url, spans } = await collector(t);
    const { exporter } = exporterTo(url);
    exporter.take(request);
    await exporter.close();
    const [whole, decide, upstream] = spans;
    assert.equal(spans.length, 3);
    assert.deepEqual([whole?.name, whole?.kind, whole?.parentSpanId], ['GET wiki.example.org', 2, undefined]);
    assert.deepEqual(whole?.links, [request.trace.link]);
    const said = Object.fromEntries((whole?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
    assert.deepEqual(said, {
      ...{ 'http.request.method': 'GET', 'network.protocol.version': '2', 'server.address': 'wiki.example.org' },
      ...{ 'cordon.app': 'wiki', 'cordon.outcome': 'denied', 'cordon.reason': 'no-permit' },
      'http.response.status_code': '403',
    });
    assert.deepEqual([decide?.name, decide?.parentSpanId], ['decide', whole?.spanId]);
    assert.notEqual(decide?.spanId, whole?.spanId);
    assert.deepEqual([upstream?.kind, upstream?.spanId, upstream?.parentSpanId], [3, 'c'.repeat(16), whole?.spanId]);
    const lasted = BigInt(upstream?.endTimeUnixNano ?? 0) - BigInt(upstream?.startTimeUnixNano ?? 0);
    assert.ok(lasted >= 5_999_000n && lasted <= 6_001_000n, String(lasted));
  });

  it('are sent in batches, and nothing is lost that fits', async (t) => {
    const { spans, url, ...made } = await collector(t);
    const { exporter } = exporterTo(url);
    for (let at = 0; at < 1000; at++) exporter.take(request);
    await exporter.close();
    assert.deepEqual([spans.length, exporter.dropped], [3000, 0]);
    assert.equal(made.status, 200);
  });

  it('are dropped and counted when there are more than wait, or nobody takes them, and that is logged once', async (t) => {
    const made = await collector(t);
    made.status = 503;
    const { exporter, logged } = exporterTo(made.url);
    for (let at = 0; at < 3000; at++) exporter.take(request);
    assert.equal(exporter.dropped, 3000 - 2048);
    while (made.messages < 2) await sleep(20);
    assert.equal(logged.length, 1);
    made.status = 200;
    await exporter.close(); // while the second message is still on its way
    assert.ok(made.spans.length > 0, 'and sent again when somebody takes them');
    assert.equal(exporter.dropped + made.spans.length / 3, 3000);
  });

  it('hold up nobody for a collector that does not answer', async (t) => {
    const { url } = await collector(t, 60_000);
    const { exporter } = exporterTo(url);
    exporter.take(request);
    const start = performance.now();
    await exporter.close();
    assert.ok(performance.now() - start < 3000);
    assert.equal(exporter.dropped, 1);
  });
});
