import type { Journal } from '#journal';
import { toldOf } from './calls.ts';
import type { ToRecord, ToWorker, Unrecorded } from './messages.ts';

/** Where the main process takes in the events of one worker. */
export interface JournalDesk {
  onRecord(message: ToRecord): void;
}

/** Makes a desk. An event is acknowledged to its worker only when it is on disk; acknowledgements of one turn go together. */
export function createJournalDesk(
  journal: Pick<Journal, 'append' | 'appendWritten'>,
  send: (message: Extract<ToWorker, { readonly type: 'recorded' }>) => void,
): JournalDesk {
  let ids: number[] = [];
  let failed: Unrecorded[] = [];
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    // All receipts of one write are given in one go of microtasks; this comes after them.
    setImmediate(() => {
      isScheduled = false;
      send({ type: 'recorded', ids, failed });
      ids = [];
      failed = [];
    });
  };
  return {
    onRecord: (message) => {
      const { id } = message;
      append(journal, message).then(
        () => {
          ids.push(id);
          schedule();
        },
        (error: unknown) => {
          failed.push({ id, error: toldOf(error) });
          schedule();
        },
      );
    },
  };
}

async function append(
  journal: Pick<Journal, 'append' | 'appendWritten'>,
  { event, written, urgency }: ToRecord,
): Promise<unknown> {
  if (written !== undefined) return await journal.appendWritten(written, urgency);
  if (event !== undefined) return await journal.append(event, urgency);
  throw new Error('a worker sent no event to record');
}
