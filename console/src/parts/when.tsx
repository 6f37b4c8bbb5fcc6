import { type ReactNode, useSyncExternalStore } from 'react';
import { absolute, relative } from './time.ts';

/** How long a relative time may stand on the screen before it is told anew, milliseconds. */
const TICK_MS = 5000;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for all times on the page. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const tell of listeners) tell();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** A time relative to now, which goes on; the exact one stands in the title. */
export function When({ time }: { time: number }): ReactNode {
  const text = useSyncExternalStore(subscribe, () => relative(time));
  return (
    <time dateTime={new Date(time).toISOString()} title={absolute(time)} className="nowrap">
      {text}
    </time>
  );
}
