import type { CONTROL_ROUTES } from '#contract';
import { verifyJournal, type VerifyReport } from '#journal';
import type { OcsfEvent } from '#model';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import type { EventStreams } from './event-stream.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type EventView = Answer<(typeof CONTROL_ROUTES)['events']>['items'][number];

interface Filter {
  readonly limit: number;
  readonly correlation?: string | undefined;
  readonly class?: number | undefined;
  /** Id of the app it is about. */
  readonly app?: string | undefined;
}

/** What happened, and the proof that nothing of it was changed. */
export function eventRoutes(
  services: ApiServices,
  streams: EventStreams,
): Pick<Routes, 'events' | 'eventStream' | 'queryEvents' | 'verifyJournal'> {
  const { journal } = services;
  let verifying: Promise<VerifyReport> | undefined;
  return {
    events: async ({ query }) => {
      const events = await findEvents(services, query);
      const items = events.map((event) => event as EventView);
      return { items, total: items.length };
    },
    eventStream: async ({ query, reply, isStillAllowed }) =>
      await Promise.resolve(streams.open(reply, { onlyClass: query.class, isStillAllowed })),
    queryEvents: async ({ body }) => ({ rows: await journal.query(body.sql) }),
    verifyJournal: async () => {
      // It reads the whole journal: whoever asks meanwhile gets the same answer.
      verifying ??= verifyJournal(services.journalDirectory).finally(() => {
        verifying = undefined;
      });
      return { ...(await verifying) };
    },
  };
}

/** The newest events, filtered, newest first. A correlation id is looked for in the whole journal. */
async function findEvents({ journal }: ApiServices, filter: Filter): Promise<OcsfEvent[]> {
  const found: OcsfEvent[] = [];
  const isFiltered = [filter.class, filter.correlation, filter.app].some((one) => one !== undefined);
  const recent = journal.recent(isFiltered ? 2000 : filter.limit);
  for (let index = recent.length - 1; index >= 0 && found.length < filter.limit; index--) {
    const event = recent[index];
    if (event !== undefined && isWanted(event, filter)) found.push(event);
  }
  if (found.length > 0 || filter.correlation === undefined) return found;
  const rows = await journal.query(
    'select event from events where correlation_uid = $1 and ($2 is null or class_uid = $2) order by seq desc limit $3',
    [filter.correlation, filter.class ?? null, filter.limit],
  );
  // The column holds what `append` accepted.
  return rows.map(({ event }) => event as unknown as OcsfEvent).filter((event) => isWanted(event, filter));
}

function isWanted(event: OcsfEvent, filter: Filter): boolean {
  if (filter.class !== undefined && event.class_uid !== filter.class) return false;
  if (filter.app !== undefined && appOf(event) !== filter.app) return false;
  return filter.correlation === undefined || event.metadata.correlation_uid === filter.correlation;
}

function appOf({ dst_endpoint: endpoint }: OcsfEvent): unknown {
  return typeof endpoint === 'object' && endpoint !== null && 'svc_name' in endpoint ? endpoint.svc_name : undefined;
}
