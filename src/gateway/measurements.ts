import type { GatewayParts } from './exchange.ts';
import { TIME_BOUNDS_MS, type TimesByLabel } from './timings.ts';
import type { ServerHealth } from './upstreams/upstreams.ts';

/** What a gateway measures. Plain data: it travels between processes. */
export interface Measurements {
  /** Upper bounds of the classes that times are counted in, milliseconds; the last class is of what is longer. */
  readonly boundsMs: readonly number[];
  /** From the head of a request to dialling its app, by app. */
  readonly added: TimesByLabel;
  /** From dialling to the first byte of the answer, by app. */
  readonly firstByte: TimesByLabel;
  /** From a change to the end of what it cut, by reason. */
  readonly cuts: TimesByLabel;
  readonly servers: readonly ServerHealth[];
  /** Requests under way, WebSockets left out. */
  readonly underWay: number;
  /** Number of the last change that decisions are made from; the least of several gateways. */
  readonly graphSeq: number;
  /** How long ago that was known to be all, milliseconds; 0 where decisions are made from the store's own graph. */
  readonly staleMs: number;
  /** Requests that were to be traced and could not be told of. */
  readonly droppedTraces: number;
}

/** What a gateway has measured so far. */
export function measurementsOf(
  { timings, upstreams, admission, graph, tracer }: GatewayParts,
  staleMs: number,
): Measurements {
  return {
    boundsMs: TIME_BOUNDS_MS,
    added: timings.added.read(),
    firstByte: timings.firstByte.read(),
    cuts: timings.cuts.read(),
    servers: upstreams.servers(),
    underWay: admission.overload.underWay,
    graphSeq: graph.seq,
    staleMs,
    droppedTraces: tracer?.dropped ?? 0,
  };
}
