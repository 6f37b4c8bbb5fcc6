import { useEffect, useState } from 'react';
import type { Event } from './decision-event.ts';

/** The newest events kept on the screen. */
const MOST_KEPT = 500;
/** The browser connects again by itself after a lost connection, but not after a refusal; then we do. */
const RETRY_MS = 3000;
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
    let source: EventSource;
    let retry: ReturnType<typeof setTimeout> | undefined;
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
    const connect = () => {
      source = new EventSource(`/api/events/stream${query}`);
      source.addEventListener('open', () => setState('live'));
      source.addEventListener('error', () => {
        setState('lost');
        if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY_MS);
      });
      source.addEventListener('message', ({ data }: MessageEvent<string>) => {
        batch.push(JSON.parse(data) as Event);
        timer ??= setTimeout(flush, BATCH_MS);
      });
    };
    connect();
    return () => {
      clearTimeout(timer);
      clearTimeout(retry);
      source.close();
    };
  }, [onlyClass]);
  return { events, state };
}
