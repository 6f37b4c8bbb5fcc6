/**
 * Upstreams as the gateway has them, with real decisions, and handlers that note what becomes of a request.
 */
import { after } from 'node:test';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { manualClock } from '#base';
import { type App, type Decision, type OcsfEvent, TrustGraph } from '#model';
import { GATEWAY_LIMITS, type Limits } from '../../limits.ts';
import { decide } from '../../passage.ts';
import { device, NOW, policies, session, user } from '../../testdata/people.ts';
import { createUpstreams, type Outgoing, type Upstreams } from '../upstreams.ts';

/** An app, with whatever is said; `others` are more servers. */
export function appAt(upstream: string, upstreamOptions?: App['upstreamOptions']): App {
  return {
    id: 'a1',
    name: 'Wiki',
    host: 'wiki.example.org',
    upstream,
    tier: 3,
    device: 'any',
    allowedOrigins: [],
    ...(upstreamOptions === undefined ? {} : { upstreamOptions }),
  };
}

/** Upstreams of one app, closed after the tests of the file. */
export interface Reach {
  readonly upstreams: Upstreams;
  readonly events: OcsfEvent[];
  /** Changes or withdraws the app. */
  put(app: App | undefined): void;
  permit(method?: string, path?: string): Decision;
  /** Sends a request and waits for its end. */
  ask(asking?: Asking): Promise<Outcome>;
  /** Sends a request and lets the test drive it. */
  begin(asking?: Asking): Begun;
}

/** What to ask. */
export interface Asking extends Partial<Outgoing> {
  readonly method?: string;
  readonly path?: string;
}

/** What became of a request. */
export interface Outcome {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly trailers: readonly string[];
  /** How it failed; undefined when it ended well. */
  readonly error: Error | undefined;
}

/** A request under way. */
export interface Begun {
  readonly outcome: Promise<Outcome>;
  readonly head: Promise<number>;
  readonly controller: () => Dispatcher.DispatchController;
  /** Bytes of the answer so far. */
  readonly bytes: () => number;
  readonly upgraded: Promise<{
    readonly status: number;
    readonly accept: string;
    readonly socket: Duplex;
  }>;
}

/** Makes what reaches an app. */
export function reach(app: App, limits: Partial<Limits> = {}): Reach {
  const graph = new TrustGraph();
  graph.load({
    seq: 7,
    entities: [
      { kind: 'group', id: 'staff', body: { id: 'staff', name: 'staff', parents: [] } },
      { kind: 'user', id: 'u1', body: user },
      { kind: 'device', id: 'd1', body: device },
      { kind: 'session', id: 's1', body: session },
      { kind: 'app', id: app.id, body: app },
    ],
  });
  const events: OcsfEvent[] = [];
  const upstreams = createUpstreams({
    limits: { ...GATEWAY_LIMITS, ...limits },
    graph,
    clock: manualClock(NOW),
    journal: {
      append: async (event) => {
        await Promise.resolve();
        events.push(event);
      },
    },
    counters: { unrecorded: 0 },
  });
  after(async () => {
    await upstreams.close();
  });
  const permit = (method = 'GET', path = '/'): Decision => {
    const current = graph.get('app', app.id) ?? app;
    const { host } = current;
    const request = {
      session,
      device,
      app: current,
      method,
      path,
      host,
      address: '192.0.2.1',
      secure: true,
    };
    return decide({ policies, graph, now: NOW }, request);
  };
  const begin = ({ method, path, ...outgoing }: Asking = {}): Begun => {
    const noted = note();
    upstreams.send(
      permit(method, path),
      { query: '', headers: ['host', app.host], body: null, isWebSocket: false, ...outgoing },
      noted.handler,
    );
    return noted.begun;
  };
  return {
    upstreams,
    events,
    permit,
    begin,
    ask: async (asking) => await begin(asking).outcome,
    put: (changed) => {
      const seq = graph.seq + 1;
      const op = changed === undefined ? 'delete' : 'put';
      const change = { seq, time: NOW, kind: 'app', id: app.id, op, actor: 'test' } as const;
      graph.apply({ change, ...(changed === undefined ? {} : { entity: { kind: 'app', id: app.id, body: changed } }) });
    },
  };
}

function note(): { handler: Dispatcher.DispatchHandler; begun: Begun } {
  const outcome = Promise.withResolvers<Outcome>();
  const head = Promise.withResolvers<number>();
  const upgraded = Promise.withResolvers<Awaited<Begun['upgraded']>>();
  let control: Dispatcher.DispatchController | undefined;
  let [status, length] = [0, 0];
  let headers: Outcome['headers'] = {};
  const chunks: string[] = [];
  const ended = (error?: Error, trailers: readonly string[] = []): void => {
    outcome.resolve({ status, headers, body: chunks.join(''), trailers, error });
    if (error !== undefined) head.resolve(0);
  };
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      control = controller;
    },
    onResponseStart: (_controller, code, fields) => {
      if (code < 200) return;
      [status, headers] = [code, fields];
      head.resolve(code);
    },
    onResponseData: (_controller, chunk) => {
      length += chunk.length;
      if (length < 1_000_000) chunks.push(chunk.toString('latin1'));
    },
    onResponseEnd: ({ rawTrailers }) => {
      ended(undefined, Array.isArray(rawTrailers) ? rawTrailers.map(String) : []);
    },
    onResponseError: (_controller, error) => {
      ended(error);
    },
    onRequestUpgrade: (_controller, code, fields, socket) => {
      upgraded.resolve({ status: code, accept: String(fields['sec-websocket-accept']), socket });
    },
  };
  const controller = (): Dispatcher.DispatchController => {
    if (control === undefined) throw new Error('nothing was begun');
    return control;
  };
  return {
    handler,
    begun: {
      outcome: outcome.promise,
      head: head.promise,
      upgraded: upgraded.promise,
      controller,
      bytes: () => length,
    },
  };
}
