import type { Journal } from '#journal';
import { toldOf } from './calls.ts';
import type { ToRecord, ToWorker, Unrecorded } from './messages.ts';

/** Where the main process takes in the events of one worker. */
export interface JournalDesk {
  /** Throws when the texts are not those that the message tells of. */
  onRecord(message: ToRecord, texts: string): void;
}

/** Makes a desk. An event is acknowledged to its worker only when it is on disk; acknowledgements of one turn go together. */
export function createJournalDesk(
  journal: Pick<Journal, 'appendWritten'>,
  send: (message: Extract<ToWorker, { readonly type: 'recorded' }>) => void,
): JournalDesk {
  /** Every event up to this number is on disk, or has failed. */
  let upTo = 0;
  /** Those beyond it that are as well: an event that is refused is known at once. */
  const early = new Set<number>();
  let failed: Unrecorded[] = [];
  let isScheduled = false;
  const settle = (id: number): void => {
    if (id === upTo + 1) upTo = id;
    else early.add(id);
    while (early.size > 0 && early.delete(upTo + 1)) upTo += 1;
    if (isScheduled) return;
    isScheduled = true;
    // All receipts of one write are given in one go of microtasks; this comes after them.
    setImmediate(() => {
      isScheduled = false;
      send({ type: 'recorded', upTo, failed });
      failed = [];
    });
  };
  return {
    onRecord: ({ first, urgency, events }, texts) => {
      if (events.reduce((sum, { length }) => sum + length, 0) !== texts.length) {
        throw new Error('a worker sent other events than it told of');
      }
      let at = 0;
      for (const [index, { time, class_uid, length }] of events.entries()) {
        const id = first + index;
        const text = texts.slice(at, (at += length));
        journal.appendWritten({ time, class_uid, text }, urgency).then(
          () => settle(id),
          (error: unknown) => {
            failed.push({ id, error: toldOf(error) });
            settle(id);
          },
        );
      }
    },
  };
}
