import { holdsAll, searchWords } from '../parts/words.ts';
import type { Event, EventLine } from './decision-event.ts';

/** True when a line has the wanted outcome (`permit`, `deny`, or empty for any) and holds every word of the search. */
export function matches(line: EventLine, effect: string, search: string): boolean {
  if (effect === 'permit' && line.outcome !== 'permit') return false;
  if (effect === 'deny' && line.outcome !== 'deny' && line.outcome !== 'failure') return false;
  if (search === '') return true;
  const { message, who, what, request, address, id, correlationId = '' } = line;
  const texts = [message, who, what, request, address, id, correlationId, ...line.policies];
  return holdsAll(texts, searchWords(search));
}

/** What came live and what was listed, each event once, newest first. */
export function merge(live: readonly Event[], list: readonly Event[]): Event[] {
  const byId = new Map([...live, ...list].map((event) => [event.metadata.uid, event]));
  return [...byId.values()].sort((a, b) => b.time - a.time);
}

/** How many of `events` are not among those held. */
export function countNew(events: readonly Event[], held: readonly Event[]): number {
  const known = new Set(held.map((event) => event.metadata.uid));
  return events.filter((event) => !known.has(event.metadata.uid)).length;
}
