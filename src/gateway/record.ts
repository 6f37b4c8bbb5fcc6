import { allowance, type Json } from '#base';
import { buildEvent, type Decision, type OcsfEvent, type TrustGraph, type User } from '#model';
import type { Counters, Exchange, Refusal } from './exchange.ts';
import type { Cut, LiveEntry } from './live.ts';
import { recordOf } from './passage.ts';

const ACTIVITIES = ['connect', 'delete', 'get', 'head', 'options', 'post', 'put', 'trace', 'patch'] as const;

/** Writes what the gateway did to the journal. */
export interface Recorder {
  /** A decided request. Resolves true when the event is on disk; where nobody waits for that, it may be `soon`. */
  access(exchange: Exchange, decision: Decision, urgency?: 'now' | 'soon'): Promise<boolean>;
  /** A request that a stage refused before or after the decision, or that its upstream failed. */
  refusal(exchange: Exchange, refusal: Refusal): Promise<boolean>;
  /** An open exchange that was cut. */
  cut(entry: LiveEntry, cut: Cut, correlationId: string): Promise<boolean>;
}

/** Makes the recorder. */
export function createRecorder(options: {
  readonly graph: TrustGraph;
  readonly journal: { append(event: OcsfEvent, urgency?: 'now' | 'soon'): Promise<unknown> };
  readonly now: () => number;
  readonly counters: Counters;
  readonly anonymousPerSecond: number;
}): Recorder {
  const { journal, counters, graph, now } = options;
  const mayTell = allowance(options.anonymousPerSecond, now);
  const write = async (event: OcsfEvent, urgency: 'now' | 'soon' = 'now'): Promise<boolean> => {
    try {
      await journal.append(event, urgency);
      return true;
    } catch {
      // The journal itself says why; here it only matters that the event is not there.
      counters.unrecorded += 1;
      return false;
    }
  };
  // Whoever is not signed in must not be able to fill the disk.
  const isTooMuch = (exchange: Exchange): boolean => {
    if (exchange.user !== undefined || mayTell()) return false;
    counters.unrecorded += 1;
    return true;
  };
  return {
    access: async (exchange, decision, urgency) => {
      if (isTooMuch(exchange)) return false;
      const isPermit = decision.effect === 'permit';
      const code = isPermit ? undefined : decision.reasons[0]?.code;
      const outcome = isPermit ? 'permitted' : `denied (${code ?? 'no reason'})`;
      return await write(exchangeEvent(exchange, now(), { outcome, code, cordon: recordOf(decision) }), urgency);
    },
    refusal: async (exchange, { status, reasons, cause }) => {
      if (isTooMuch(exchange)) return false;
      const code = reasons[0]?.code ?? 'internal';
      const cordon = { reasons: reasons as unknown as Json, ...(cause === undefined ? {} : { cause }) };
      return await write(exchangeEvent(exchange, now(), { outcome: `refused (${code})`, code, status, cordon }));
    },
    cut: async ({ access, view }, { reason, decision }, correlationId) => {
      const user = graph.get('user', view.userId);
      return await write(
        buildEvent({
          class: 'httpActivity',
          activity: 'cut',
          time: now(),
          message: `${view.email} cut off ${view.app} (${reason.code})`,
          severity: 'low',
          status: 'failure',
          statusCode: reason.code,
          action: 'denied',
          correlationId,
          attributes: {
            ...who(user, view.sessionId),
            src_endpoint: { ip: view.address },
            dst_endpoint: { hostname: access.host, svc_name: view.appId },
            http_request: { http_method: view.method, url: { hostname: access.host, path: view.path } },
            ...(access.device === undefined ? {} : { device: { uid: access.device.id, name: access.device.name } }),
          },
          cordon: {
            ...(decision === undefined ? { reasons: [reason as unknown as Json] } : recordOf(decision)),
            connection: view.id,
          },
        }),
      );
    },
  };
}

function exchangeEvent(
  exchange: Exchange,
  time: number,
  end: {
    readonly outcome: string;
    readonly code: string | undefined;
    readonly status?: number;
    readonly cordon?: { readonly [key: string]: Json };
  },
): OcsfEvent {
  const { client, user, session, device, app, authority } = exchange;
  const method = client.method.slice(0, 32);
  const path = exchange.path ?? '';
  const host = authority?.host ?? '';
  const isRefused = end.code !== undefined;
  const isFault = end.code === 'internal' || end.code?.startsWith('upstream-') === true;
  return buildEvent({
    class: 'httpActivity',
    activity: ACTIVITIES.find((name) => name === method.toLowerCase()) ?? 'other',
    time,
    message: `${user?.email ?? 'somebody'} ${end.outcome} ${method} ${host}${path}`,
    severity: isRefused ? 'low' : 'informational',
    status: isRefused ? 'failure' : 'success',
    ...(end.code === undefined ? {} : { statusCode: end.code }),
    ...(isFault ? {} : { action: isRefused ? 'denied' : 'allowed' }),
    correlationId: exchange.correlationId,
    attributes: {
      ...who(user, session?.id),
      src_endpoint: { ip: exchange.address },
      dst_endpoint: { hostname: host, ...(app === undefined ? {} : { svc_name: app.id }) },
      http_request: {
        http_method: method,
        // Never the query: it may hold secrets.
        url: { scheme: exchange.transport === 'tls' ? 'https' : 'http', hostname: host, path },
        user_agent: (client.header('user-agent') ?? '').slice(0, 512),
      },
      ...(end.status === undefined ? {} : { http_response: { code: end.status } }),
      ...(device === undefined ? {} : { device: { uid: device.id, name: device.name } }),
    },
    ...(end.cordon === undefined ? {} : { cordon: end.cordon }),
  });
}

function who(user: User | undefined, sessionId: string | undefined): { readonly [attribute: string]: Json } {
  if (user === undefined) return {};
  const person = { uid: user.id, email_addr: user.email, name: user.name };
  return { user: person, actor: { user: person, ...(sessionId === undefined ? {} : { session: { uid: sessionId } }) } };
}
