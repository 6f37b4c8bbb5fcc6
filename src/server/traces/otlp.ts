import type { TracedRequest } from '#gateway';

/** Who sends. */
export interface Resource {
  readonly version: string;
  readonly pid: number;
}

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
};

/** A span as OTLP writes it in JSON: ids in hexadecimal, numbers of 64 bits as text. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

const KIND = { internal: 1, server: 2, client: 3 } as const;
const ERROR = { code: 2 } as const;
const NANOSECONDS = 1_000_000;

/**
 * Requests as an `ExportTraceServiceRequest`. `originMs` is when `performance.now()` was zero, by the clock.
 * @see https://opentelemetry.io/docs/specs/otlp/
 */
export function otlpOf(requests: readonly TracedRequest[], { version, pid }: Resource, originMs: number): object {
  const resource = [
    text('service.name', 'cordon'),
    text('service.version', version),
    text('service.instance.id', String(pid)),
  ];
  const spans = requests.flatMap((request) => spansOf(request, originMs));
  return {
    resourceSpans: [
      { resource: { attributes: resource }, scopeSpans: [{ scope: { name: 'cordon.gateway', version }, spans }] },
    ],
  };
}

function spansOf({ trace, ...request }: TracedRequest, originMs: number): Span[] {
  const { traceId, spanId, upstreamSpanId, steps, link } = trace;
  const { method, protocol, host, app, outcome, reason, status } = request;
  const during = ({
    from,
    to,
  }: {
    readonly from: number;
    readonly to: number;
  }): Pick<Span, 'startTimeUnixNano' | 'endTimeUnixNano'> => ({
    startTimeUnixNano: nanoseconds(originMs + from),
    endTimeUnixNano: nanoseconds(originMs + to),
  });
  const children = steps.map((step, at): Span => {
    const isUpstream = step.name === 'upstream';
    return {
      traceId,
      // Only the app hears of one of these; the others need no more than to differ.
      spanId: isUpstream ? upstreamSpanId : nextId(spanId, at + 1),
      parentSpanId: spanId,
      name: isUpstream ? 'upstream time to first byte' : step.name,
      kind: isUpstream ? KIND.client : KIND.internal,
      ...during(step),
      attributes: [],
      status: {},
    };
  });
  const whole: Span = {
    traceId,
    spanId,
    name: host === undefined ? method : `${method} ${host}`,
    kind: KIND.server,
    ...during(request),
    attributes: [
      text('http.request.method', method),
      text('network.protocol.version', protocol === 'h2' ? '2' : '1.1'),
      ...(host === undefined ? [] : [text('server.address', host)]),
      ...(app === undefined ? [] : [text('cordon.app', app)]),
      text('cordon.outcome', outcome),
      ...(reason === undefined ? [] : [text('cordon.reason', reason)]),
      ...(status === undefined ? [] : [{ key: 'http.response.status_code', value: { intValue: String(status) } }]),
    ],
    ...(link === undefined ? {} : { links: [link] }),
    status: outcome === 'failed' ? ERROR : {},
  };
  return [whole, ...children];
}

function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

/** Whole microseconds are all that the clock of a process can say; a number of 64 bits is text in OTLP. */
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * BigInt(NANOSECONDS / 1000));
}

/** Another id of the same trace, never zero. */
function nextId(id: string, by: number): string {
  const next = BigInt.asUintN(64, BigInt(`0x${id}`) + BigInt(by));
  return (next === 0n ? 1n : next).toString(16).padStart(16, '0');
}
