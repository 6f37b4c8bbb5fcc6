import { isIP, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { Decision } from '#model';
import type { Limits } from './limits.ts';
import { grantedRequest } from './passage.ts';
import { dial } from './upstreams/dial.ts';

/** What goes to an upstream beside what was decided on. */
export interface Outgoing {
  /** Query with its `?`; empty when there is none. Policies do not see it. */
  readonly query: string;
  /** Alternating names and values, `host` and the assertion among them. */
  readonly headers: string[];
  readonly body: Readable | null;
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
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * Makes the only way out. INVARIANT: no path through the gateway reaches an upstream without a decision whose effect is `permit` and
 * which `decideAccess` made in this process: the dispatcher lives in this function and nothing else can reach it.
 */
export function createUpstreams(limits: Limits): Upstreams {
  const connect = buildConnector({ timeout: limits.connectTimeoutMs });
  const agent = new Agent({
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    connect: (options, callback) => {
      // The certificate must be for the upstream, not for the public name in the `host` field.
      connect({ ...options, servername: isIP(options.hostname) === 0 ? options.hostname : '' }, callback);
    },
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: limits.idleTimeoutMs,
    maxHeaderSize: 65_536,
  });
  return {
    send: (decision, { query, headers, body, isWebSocket }, handler) => {
      const { app, method, path } = grantedRequest(decision);
      if (app.upstream === undefined) throw new Error(`the app \`${app.id}\` has no upstream`);
      const options: Dispatcher.DispatchOptions = {
        origin: new URL(app.upstream).origin,
        method,
        path: path + query,
        headers,
        body,
        ...(isWebSocket ? { upgrade: 'websocket', headersTimeout: limits.upgradeTimeoutMs } : {}),
      };
      agent.dispatch(options, handler);
    },
    connect: async (decision) => {
      const { app } = grantedRequest(decision);
      const url = app.upstream?.startsWith('tcp:') === true ? new URL(app.upstream) : undefined;
      if (url === undefined) throw new Error(`the app \`${app.id}\` has no TCP upstream`);
      const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
      return await dial({ hostname, port: Number(url.port), timeoutMs: limits.connectTimeoutMs });
    },
    close: async () => {
      await agent.destroy();
    },
  };
}
