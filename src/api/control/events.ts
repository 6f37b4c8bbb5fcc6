import type { ServerResponse } from 'node:http';
import type { OcsfEvent } from '#model';
import type { ApiServices } from '../services.ts';
import { STREAMING } from '../register.ts';

/** How often a comment is sent on an idle stream, so that a dead client is noticed. */
const HEARTBEAT_MS = 15_000;
/** A client that reads this many bytes slower than events come is let go; it reconnects and catches up by the list. */
const MAX_BUFFERED_BYTES = 1_000_000;

/** The newest events, filtered; newest first. */
export function recentEvents(
  services: ApiServices,
  filter: { limit: number; correlation?: string | undefined; class?: number | undefined },
): OcsfEvent[] {
  const found: OcsfEvent[] = [];
  const events = services.journal.recent(2000);
  for (let index = events.length - 1; index >= 0 && found.length < filter.limit; index--) {
    const event = events[index];
    if (event === undefined) continue;
    if (filter.class !== undefined && event.class_uid !== filter.class) continue;
    if (filter.correlation !== undefined && event.metadata.correlation_uid !== filter.correlation) continue;
    found.push(event);
  }
  return found;
}

/** Finds events by correlation id beyond the recent ones, in the whole journal. */
export async function findByCorrelation(
  services: ApiServices,
  correlation: string,
  limit: number,
): Promise<OcsfEvent[]> {
  const recent = recentEvents(services, { limit, correlation });
  if (recent.length > 0) return recent;
  const rows = await services.journal.query(
    'select event from events where correlation_uid = ? order by time desc limit ?',
    [correlation, limit],
  );
  return rows.map((row) =>
    typeof row['event'] === 'string' ? (JSON.parse(row['event']) as OcsfEvent) : (row['event'] as unknown as OcsfEvent),
  );
}

/** Streams events as they are recorded, one `data:` line each (WHATWG server-sent events). */
export function streamEvents(
  services: ApiServices,
  response: ServerResponse,
  onlyClass: number | undefined,
): typeof STREAMING {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.write(': connected\n\n');
  const unsubscribe = services.journal.subscribe((event) => {
    if (onlyClass !== undefined && event.class_uid !== onlyClass) return;
    if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
    else response.write(`id: ${event.metadata.uid}\ndata: ${JSON.stringify(event)}\n\n`);
  });
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS);
  response.on('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
  return STREAMING;
}
