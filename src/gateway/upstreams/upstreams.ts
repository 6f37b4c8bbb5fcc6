import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '#base';
import type { App, Decision, OcsfEvent, TrustGraph } from '#model';
import type { Limits } from '../limits.ts';
import { grantedRequest } from '../passage.ts';
import { Backend } from './backend.ts';
import { turnEvent } from './events.ts';
import { UpstreamFault } from './fault.ts';

/** What goes to an upstream beside what was decided on. */
export interface Outgoing {
  /** Query with its `?`; empty when there is none. Policies do not see it. */
  readonly query: string;
  /** Alternating names and values, `host` and the assertion among them. */
  readonly headers: readonly string[];
  readonly body: Readable | null;
  /** Fields after the body, asked for when it has ended; HTTP/1.1 upstreams do not get them. */
  readonly trailers?: () => readonly string[];
  readonly isWebSocket: boolean;
}

/** Connections to the apps' upstreams. */
export interface Upstreams {
  /** Sends a request. Throws, and sends nothing, without a proven permit. Method, path and upstream are those the permit is for. */
  send(decision: Decision | undefined, outgoing: Outgoing, handler: Dispatcher.DispatchHandler): void;
  /**
   * Opens the TCP connection that a proven permit was given for, at an app whose upstream is `tcp:`. Throws without one. Rejects with a
   * fault that `upstreamRefusal` names.
   */
  connect(decision: Decision | undefined): Promise<Socket>;
  /** The servers of apps that were asked for something, or are asked how they are, and whether they are well. */
  servers(): readonly ServerHealth[];
  /** Ends all connections. */
  close(): Promise<void>;
}

/** What is thought of one server of an app. */
export interface ServerHealth {
  readonly appId: string;
  /** Name or address, and port. */
  readonly server: string;
  readonly isHealthy: boolean;
}

/** What upstreams are reached with. */
export interface UpstreamsOptions {
  readonly limits: Limits;
  readonly graph: TrustGraph;
  readonly clock: Clock;
  readonly journal: { append(event: OcsfEvent, urgency?: 'now' | 'soon'): Promise<unknown> };
  /** Events that were not written. */
  readonly counters: { unrecorded: number };
}

const CLOSED = new UpstreamFault('upstream-unreachable', 'the gateway has closed its connections');

/** How often what is due is looked for, milliseconds. */
const TICK_MS = 500;

/**
 * Makes the only way out. INVARIANT: no path through the gateway reaches an upstream without a decision whose effect is `permit` and
 * which `decideAccess` made in this process: the connections live in this function and nothing else can reach them. What Cordon asks by
 * itself is only how a server is (`health_path`), without any client's data and without an assertion.
 */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { limits, graph } = options;
  const backends = new Map<string, Backend>();
  let isClosed = false;
  const make = (app: App): Backend => {
    backends.get(app.id)?.retire();
    const backend = new Backend(app, { deadlines: limits, now: () => performance.now(), onTurn: noteTurn(options) });
    backends.set(app.id, backend);
    return backend;
  };
  const backendOf = (app: App): Backend => {
    const known = backends.get(app.id);
    return known?.serves(app) === true ? known : make(app);
  };
  const timer = setInterval(
    () => {
      for (const [id, backend] of backends) {
        const app = graph.get('app', id);
        if (app?.upstream !== undefined && backend.serves(app)) continue;
        backends.delete(id);
        backend.retire();
      }
      for (const app of graph.all('app')) if (isChecked(app)) backendOf(app);
      for (const backend of backends.values()) backend.tick();
    },
    Math.min(TICK_MS, limits.healthIntervalMs),
  ).unref();
  return {
    send: (decision, { query, ...outgoing }, handler) => {
      const { app, method, path } = grantedRequest(decision);
      if (app.upstream?.startsWith('http') !== true)
        throw new Error(`the app \`${app.id}\` has no upstream that speaks HTTP`);
      if (isClosed)
        handler.onResponseError?.(undefined as never, CLOSED); // nothing was begun
      else backendOf(app).send({ ...outgoing, method, path: path + query }, handler);
    },
    connect: async (decision) => {
      const { app } = grantedRequest(decision);
      if (app.upstream?.startsWith('tcp:') !== true)
        throw new Error(`the app \`${app.id}\` has no upstream that is TCP`);
      if (isClosed) throw CLOSED;
      return await backendOf(app).connect();
    },
    servers: () =>
      [...backends].flatMap(([appId, backend]) => backend.servers().map((server) => ({ appId, ...server }))),
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await Promise.all([...backends.values()].map(async (backend) => await backend.destroy()));
    },
  };
}

/** True for an app whose servers are asked how they are. What is no URL is not asked: a request to it says so. */
function isChecked({ upstream, upstreamOptions: { healthPath, others = [] } = {} }: App): boolean {
  if (upstream === undefined || healthPath === undefined) return false;
  return [upstream, ...others].every((url) => URL.canParse(url));
}

function noteTurn({ journal, clock, counters }: UpstreamsOptions): ConstructorParameters<typeof Backend>[1]['onTurn'] {
  return (turn) => {
    journal.append(turnEvent(turn, clock.now()), 'soon').catch(() => (counters.unrecorded += 1));
  };
}
