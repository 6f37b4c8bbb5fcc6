import type { Clock } from '#base';
import type { Journal } from '#journal';
import { EVENT_CLASSES, type OcsfEvent } from '#model';

const MINUTE = 60_000;
/** How far back decisions are counted, minutes. */
const MINUTES = 60;
/** As many of the newest events as a journal holds ready. */
const SEED = 2000;
const ALLOWED = 1;
const DENIED = 2;

/** Decisions of the gateway in one minute. */
interface Minute {
  /** When the minute began. */
  readonly at: number;
  readonly permitted: number;
  readonly denied: number;
}

/** Decisions of the last hour. */
interface DecisionCounts {
  readonly permitted: number;
  readonly denied: number;
  /** From when on all of them are counted. */
  readonly since: number;
  /** Sixty minutes, oldest first, the present one last. */
  readonly perMinute: readonly Minute[];
}

/** Counts the gateway's decisions as they are recorded. */
export interface DecisionCounter {
  counts(): DecisionCounts;
  close(): void;
}

/** Makes a counter that begins with what the journal has ready and follows it. */
export function createDecisionCounter(journal: Pick<Journal, 'recent' | 'subscribe'>, clock: Clock): DecisionCounter {
  const minutes = new Map<number, Minute>();
  const count = (event: OcsfEvent): void => {
    if (event.class_uid !== EVENT_CLASSES.httpActivity.uid) return;
    const isPermit = event.action_id === ALLOWED;
    if (!isPermit && event.action_id !== DENIED) return;
    const at = event.time - (event.time % MINUTE);
    const { permitted, denied } = minutes.get(at) ?? { permitted: 0, denied: 0 };
    minutes.set(at, { at, permitted: permitted + (isPermit ? 1 : 0), denied: denied + (isPermit ? 0 : 1) });
    if (minutes.size > 2 * MINUTES) forget(minutes, clock.now() - MINUTES * MINUTE);
  };
  const recent = journal.recent(SEED);
  for (const event of recent) count(event);
  // With fewer events than asked for, these were all.
  const knownFrom = recent.length < SEED ? 0 : (recent[0]?.time ?? 0);
  const unsubscribe = journal.subscribe(count);
  return {
    counts: () => {
      const now = clock.now();
      const first = now - (now % MINUTE) - (MINUTES - 1) * MINUTE;
      const perMinute = Array.from({ length: MINUTES }, (_, index): Minute => {
        const at = first + index * MINUTE;
        return minutes.get(at) ?? { at, permitted: 0, denied: 0 };
      });
      return {
        permitted: perMinute.reduce((sum, { permitted }) => sum + permitted, 0),
        denied: perMinute.reduce((sum, { denied }) => sum + denied, 0),
        since: Math.max(first, knownFrom),
        perMinute,
      };
    },
    close: unsubscribe,
  };
}

function forget(minutes: Map<number, Minute>, before: number): void {
  for (const at of minutes.keys()) if (at < before - MINUTE) minutes.delete(at);
}
