import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beginTrace, tracedFields } from './trace.ts';

const CLIENTS = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

describe('the trace of a request', () => {
  it('has ids of its own, whatever the client says, and links to what it says', () => {
    const trace = beginTrace({ sample: 1 }, CLIENTS);
    assert.match(trace.traceId, /^[0-9a-f]{32}$/);
    assert.match(trace.spanId, /^[0-9a-f]{16}$/);
    assert.notEqual(trace.traceId, 'a'.repeat(32));
    assert.deepEqual(trace.link, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    const ids = Array.from({ length: 300 }, () => beginTrace({ sample: 1 }, undefined));
    const all = ids.flatMap(({ traceId, spanId, upstreamSpanId }) => [traceId, spanId, upstreamSpanId]);
    assert.equal(new Set(all).size, 900);
  });

  for (const said of [
    CLIENTS.toUpperCase(),
    CLIENTS.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
    `${CLIENTS}-more`,
    `${CLIENTS}, ${CLIENTS}`,
    '',
  ]) {
    it(`links to nothing when a client says \`${said.slice(0, 70)}\``, () => {
      assert.equal(beginTrace({ sample: 1 }, said).link, undefined);
    });
  }

  it('is sampled as often as configured, and never because a client wants it', () => {
    const part = (sample: number): number =>
      Array.from({ length: 4000 }, () => beginTrace({ sample }, CLIENTS)).filter(({ isSampled }) => isSampled).length /
      4000;
    assert.equal(part(0), 0);
    assert.equal(part(1), 1);
    assert.ok(Math.abs(part(0.25) - 0.25) < 0.05);
  });

  it('replaces what a client says towards the app, in any case of letters', () => {
    const trace = beginTrace({ sample: 0 }, undefined);
    const fields = ['accept', '*/*', 'Traceparent', CLIENTS, 'TRACESTATE', 'x=y', 'traceparent', CLIENTS];
    const ours = `00-${trace.traceId}-${trace.upstreamSpanId}-00`;
    assert.deepEqual(tracedFields(fields, trace), ['accept', '*/*', 'traceparent', ours]);
    assert.equal(tracedFields(fields, undefined), fields, 'without traces nothing is ours to change');
  });
});
