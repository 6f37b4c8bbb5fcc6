import { type TrustGraph, writeEvent, type WrittenEvent } from '#model';
import { decisionText } from '#policy';
import type { Ending } from './flow.ts';
import type { Cut, LiveEntry } from './live.ts';
import { deviceText, whoText } from './who.ts';

/** What an event about an open exchange is made with. */
interface About {
  readonly graph: TrustGraph;
  readonly now: number;
}

/** The event of an open exchange that was cut. */
export function cutEvent(
  entry: LiveEntry,
  { reason, decision }: Cut,
  about: About & { readonly latencyMs: number | undefined },
): WrittenEvent {
  const { view, correlationId } = entry;
  const why = decision === undefined ? JSON.stringify({ reasons: [reason] }) : decisionText(decision);
  const latency = about.latencyMs === undefined ? '' : `,"cutLatencyMs":${about.latencyMs.toFixed(3)}`;
  return writeEvent({
    class: 'httpActivity',
    activity: 'cut',
    time: about.now,
    message: `${view.email} cut off ${view.app} (${reason.code})`,
    severity: 'low',
    status: 'failure',
    statusCode: reason.code,
    action: 'denied',
    correlationId,
    attributes: attributesOf(entry, about),
    cordon: `${why.slice(0, -1)},"connection":${JSON.stringify(view.id)}${latency}}`,
  });
}

/** The event of an exchange that was open for long, or was a tunnel, and has ended by itself. */
export function endEvent(entry: LiveEntry, { by, isWhole, code }: Ending, about: About): WrittenEvent {
  const { view, correlationId } = entry;
  const seconds = Math.round(Math.max(0, about.now - view.since) / 1000);
  return writeEvent({
    class: 'httpActivity',
    activity: 'end',
    time: about.now,
    message: `${view.email} had ${view.app} open for ${seconds} s (${view.kind}, ended by ${WORDS[by]})`,
    status: code === undefined && (by === 'client' || isWhole) ? 'success' : 'failure',
    ...(code === undefined ? {} : { statusCode: code }),
    correlationId,
    attributes: attributesOf(entry, about),
    cordon: JSON.stringify({ end: { by, whole: isWhole }, kind: view.kind, connection: view.id }),
  });
}

const WORDS = { client: 'the client', app: 'the app', deadline: 'a deadline' } as const;

function attributesOf({ access, view, flow }: LiveEntry, { graph, now }: About): string {
  const user = graph.get('user', view.userId);
  const who = user === undefined ? '' : `${whoText(user, view.sessionId)},`;
  const device = access.device === undefined ? '' : `,${deviceText(access.device)}`;
  const request = { http_method: view.method, url: { hostname: access.host, path: view.path } };
  const time = `"start_time":${view.since},"end_time":${now},"duration":${Math.max(0, now - view.since)}`;
  // As OCSF has it: "out" is from the source, who is the client.
  const traffic =
    flow === undefined ? '' : `,"cumulative_traffic":{"bytes_out":${flow.fromClient},"bytes_in":${flow.toClient}}`;
  return `${who}"src_endpoint":${JSON.stringify({ ip: view.address })},"dst_endpoint":${JSON.stringify({ hostname: access.host, svc_name: view.appId })},"http_request":${JSON.stringify(request)}${device},${time}${traffic}`;
}
