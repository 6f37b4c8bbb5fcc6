import { useEffect, useState } from 'react';
import type { Event } from './decision-event.ts';

/** The newest events kept on the screen. */
const MOST_KEPT = 500;
/** Events that arrive together are shown together, so that a busy gateway does not redraw the page for each. */
const BATCH_MS = 200;

/** Follows the event stream. While paused, events are still received and counted, and shown on resume. */
export function useLiveEvents(onlyClass: number | undefined): {
  events: readonly Event[];
  state: 'connecting' | 'live' | 'lost';
} {
  const [events, setEvents] = useState<readonly Event[]>([]);
  const [state, setState] = useState<'connecting' | 'live' | 'lost'>('connecting');
  useEffect(() => {
    const query = onlyClass === undefined ? '' : `?class=${onlyClass}`;
    const source = new EventSource(`/api/events/stream${query}`);
    let batch: Event[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const arrived = batch.reverse();
      batch = [];
      setEvents((old) => [...arrived, ...old].slice(0, MOST_KEPT));
    };
    setEvents([]);
    setState('connecting');
    source.addEventListener('open', () => setState('live'));
    source.addEventListener('error', () => setState('lost'));
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      batch.push(JSON.parse(data) as Event);
      timer ??= setTimeout(flush, BATCH_MS);
    });
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [onlyClass]);
  return { events, state };
}
