import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

/** One request as it goes to a server. */
export interface UpstreamRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Alternating names and values, `host` among them. */
  readonly headers: readonly string[];
  /** Its chunks are given away: their memory is used again once they have left. */
  readonly body: Readable | null;
  /** Fields after the body; asked for when it has ended. Absent: none. */
  readonly trailers?: (() => readonly string[]) | undefined;
  readonly isWebSocket: boolean;
}

/** Connections to one server that speak one protocol. */
export interface Transport {
  /** Sends a request; what becomes of it is told by the callbacks of undici, exactly one of which is the last. */
  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void;
  /** Takes nothing new, and ends when what is under way has ended. */
  retire(): void;
  /** Ends at once. */
  destroy(): Promise<void>;
}

/** How long a server may take, milliseconds. */
export interface Deadlines {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
}
