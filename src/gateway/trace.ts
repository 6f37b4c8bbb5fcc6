import { randomOctets } from '#base';
import { type Exchange, isFault } from './exchange.ts';
import { withoutNames } from './headers.ts';

/** One request in a trace (W3C Trace Context). Ids are lower-case hexadecimal. */
export interface Trace {
  readonly traceId: string;
  /** Of the request as a whole. */
  readonly spanId: string;
  /** Of the way to the app and back: what the app takes for its parent. */
  readonly upstreamSpanId: string;
  readonly isSampled: boolean;
  /** What the client said its own trace is. Nothing is believed of it. */
  readonly link: { readonly traceId: string; readonly spanId: string } | undefined;
  readonly steps: Step[];
}

/** A part of a request's time. Times are of `performance.now()`. */
export interface Step {
  readonly name: 'decide' | 'journal' | 'upstream';
  readonly from: number;
  readonly to: number;
}

/** A request that has ended, as much of it as a trace may hold: no person, no path, no address. */
export interface TracedRequest {
  readonly trace: Trace;
  readonly from: number;
  readonly to: number;
  readonly method: string;
  readonly protocol: string;
  /** Host of the app; absent when there is no such app. */
  readonly host?: string;
  readonly app?: string;
  readonly outcome: 'permitted' | 'denied' | 'failed';
  readonly reason?: string;
  readonly status?: number;
}

/** Who takes traces. */
export interface Tracer {
  /** Part of the requests that are told of, 0 to 1. */
  readonly sample: number;
  /** Told of each sampled request when it has ended. Never throws, never waits. */
  take(request: TracedRequest): void;
  /** Requests that were sampled and could not be told of. */
  readonly dropped: number;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;
/** Names of the fields that hold a trace. */
const TRACE_NAMES: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);
/** Octets of the three ids. */
const OCTETS = 32;
/** Octets are made for this many requests at once. */
const AT_ONCE = 64;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT']);

let octets = '';
let used = 0;

/** Begins the trace of a request. Whether it is sampled follows from its own id, never from what a client says. */
export function beginTrace({ sample }: Pick<Tracer, 'sample'>, said: string | undefined): Trace {
  if (used === octets.length) {
    octets = randomOctets(OCTETS * AT_ONCE).toString('hex');
    used = 0;
  }
  const ids = octets.slice(used, used + OCTETS * 2);
  used += OCTETS * 2;
  const isSampled = Number.parseInt(ids.slice(0, 8), 16) < sample * 0x1_0000_0000;
  const [, traceId, spanId] = (isSampled && said !== undefined ? TRACEPARENT.exec(said) : null) ?? [];
  return {
    traceId: ids.slice(0, 32),
    spanId: ids.slice(32, 48),
    upstreamSpanId: ids.slice(48, 64),
    isSampled,
    link: traceId === undefined || spanId === undefined ? undefined : { traceId, spanId },
    steps: [],
  };
}

/** The fields for an app: the client's without its trace, and ours. Without a trace of ours they pass as they are. */
export function tracedFields(fields: readonly string[], trace: Trace | undefined): readonly string[] {
  if (trace === undefined) return fields;
  const ours = withoutNames(fields, TRACE_NAMES);
  ours.push('traceparent', `00-${trace.traceId}-${trace.upstreamSpanId}-${trace.isSampled ? '01' : '00'}`);
  return ours;
}

/** What is told of an exchange that has ended. */
export function tracedRequest(exchange: Exchange, trace: Trace, to: number): TracedRequest {
  const { client, app, access, startedAt, dialledAt, firstByteAt, refusedFor, status } = exchange;
  const reason = exchange.cut?.reason.code ?? refusedFor;
  const method = access?.method ?? client.method;
  return {
    trace:
      dialledAt === undefined
        ? trace
        : { ...trace, steps: [...trace.steps, { name: 'upstream', from: dialledAt, to: firstByteAt ?? to }] },
    from: startedAt,
    to,
    protocol: client.protocol,
    method: METHODS.has(method) ? method : '_OTHER',
    ...(app === undefined ? {} : { app: app.id, host: app.host }),
    outcome: reason === undefined ? 'permitted' : isFault(reason) ? 'failed' : 'denied',
    ...(reason === undefined ? {} : { reason }),
    ...(status === undefined ? {} : { status }),
  };
}
