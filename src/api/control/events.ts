import type { CONTROL_ROUTES } from '#contract';
import { verifyJournal, type VerifyReport } from '#journal';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';
import type { EventStreams } from './event-stream.ts';
import { EventFinder } from './find-events.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type EventView = Answer<(typeof CONTROL_ROUTES)['events']>['items'][number];

/** What happened, and the proof that nothing of it was changed. */
export function eventRoutes(
  services: ApiServices,
  streams: EventStreams,
): Pick<Routes, 'events' | 'eventStream' | 'queryEvents' | 'verifyJournal'> {
  const { journal } = services;
  const finder = new EventFinder(journal, services.clock);
  let verifying: Promise<VerifyReport> | undefined;
  return {
    events: async ({ query }) => {
      const events = await finder.find(query);
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
