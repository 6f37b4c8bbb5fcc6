import { setTimeout as wait } from 'node:timers/promises';
import { CordonError } from '#base';
import type { GatewayOptions } from '#gateway';
import { errorOf } from './calls.ts';
import type { ToMain, ToRecord, ToWorker } from './messages.ts';

/** Bytes that may wait for the main process; memory must not grow without end while it stands still. */
const MAX_QUEUED = 64 * 1024 * 1024;

/** The journal as a worker sees it: the main process writes it, and says when an event is on disk. */
export interface RemoteJournal extends Readonly<GatewayJournal> {
  onRecorded(message: Extract<ToWorker, { readonly type: 'recorded' }>): void;
  onBeat(message: Extract<ToWorker, { readonly type: 'beat' }>): void;
  /** Resolves when nothing is open, at the latest after `mostMs`. */
  settled(mostMs: number): Promise<void>;
  /** Rejects what is open and whatever is appended later. */
  close(): void;
}

type GatewayJournal = GatewayOptions['journal'];

/** Makes it over a channel. */
export function createRemoteJournal(channel: {
  send(message: ToMain, urgency?: 'now' | 'soon'): void;
  readonly queued: number;
}): RemoteJournal {
  const open = new Map<number, PromiseWithResolvers<undefined>>();
  let lastId = 0;
  let isWritable = true;
  let isClosed = false;
  const record = async (what: Omit<ToRecord, 'type' | 'id'>): Promise<void> => {
    if (isClosed) throw unwritable('the main process is gone');
    if (channel.queued > MAX_QUEUED) throw unwritable('too many events are waiting for the main process');
    const waiting = Promise.withResolvers<undefined>();
    lastId += 1;
    open.set(lastId, waiting);
    channel.send({ type: 'record', id: lastId, ...what }, what.urgency);
    await waiting.promise;
  };
  return {
    get writable() {
      return isWritable && !isClosed;
    },
    append: async (event, urgency = 'now') => {
      await record({ urgency, event });
    },
    appendWritten: async (written, urgency = 'now') => {
      await record({ urgency, written });
    },
    onRecorded: ({ ids, failed }) => {
      for (const id of ids) {
        open.get(id)?.resolve(undefined);
        open.delete(id);
      }
      if (ids.length > 0) isWritable = true;
      for (const { id, error } of failed) {
        open.get(id)?.reject(errorOf(error));
        open.delete(id);
        // One event that cannot be written says nothing about the next.
        if (error.code === 'journal-unwritable') isWritable = false;
      }
    },
    onBeat: (beat) => {
      ({ isWritable } = beat);
    },
    settled: async (mostMs) => {
      const late = wait(mostMs, undefined, { ref: false });
      await Promise.race([late, Promise.allSettled(Array.from(open.values(), ({ promise }) => promise))]);
    },
    close: () => {
      isClosed = true;
      for (const { reject } of open.values()) reject(unwritable('the main process is gone'));
      open.clear();
    },
  };
}

function unwritable(why: string): CordonError {
  return new CordonError('journal-unwritable', `a worker cannot record: ${why}`, {
    hint: 'look at the log of the main process; start Cordon again when it is gone',
  });
}
