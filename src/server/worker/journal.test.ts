// Both ends of the way from a worker's gateway to the journal of the main process.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import { createJournalDesk } from './journal-desk.ts';
import type { ToMain } from './messages.ts';
import { createRemoteJournal, type RemoteJournal } from './remote-journal.ts';

const EVENT: OcsfEvent = buildEvent({ class: 'entityManagement', activity: 'update', time: 1, message: 'a test' });
const WRITTEN = { time: 1, class_uid: 3004, text: '{}' };

interface Ends {
  readonly remote: RemoteJournal;
  /** What has been appended and waits for the disk. */
  readonly waiting: {
    readonly event: unknown;
    readonly urgency: unknown;
    readonly done: PromiseWithResolvers<never>;
  }[];
  readonly channel: { queued: number };
}

function ends(): Ends {
  const waiting: Ends['waiting'][number][] = [];
  const append = async (event: unknown, urgency: unknown): Promise<never> => {
    const done = Promise.withResolvers<never>();
    waiting.push({ event, urgency, done });
    return await done.promise;
  };
  const desk = createJournalDesk({ append, appendWritten: append }, (message) => remote.onRecorded(message));
  const channel = {
    queued: 0,
    send: (message: ToMain) => {
      if (message.type === 'record') desk.onRecord(message);
    },
  };
  const remote = createRemoteJournal(channel);
  return { remote, waiting, channel };
}

async function outcome(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'recorded',
    (error: unknown) => (error instanceof CordonError ? error.code : String(error)),
  );
}

describe('an event of a worker', () => {
  it('is acknowledged when it is on disk, and not before', async () => {
    const { remote, waiting } = ends();
    let isRecorded = false;
    const recording = Promise.resolve(remote.append(EVENT)).then(() => (isRecorded = true));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual([waiting[0]?.event, waiting[0]?.urgency, isRecorded], [EVENT, 'now', false]);
    waiting[0]?.done.resolve(undefined as never);
    await recording;
  });

  it('that is written already goes as it is, with its urgency', async () => {
    const { remote, waiting } = ends();
    const recording = outcome(Promise.resolve(remote.appendWritten?.(WRITTEN, 'soon')));
    waiting[0]?.done.resolve(undefined as never);
    assert.equal(await recording, 'recorded');
    assert.deepEqual([waiting[0]?.event, waiting[0]?.urgency], [WRITTEN, 'soon']);
  });

  it('that the disk does not take is refused, and the journal is not writable until one is taken', async () => {
    const { remote, waiting } = ends();
    const [bad, good] = [outcome(remote.append(EVENT)), outcome(remote.append(EVENT))];
    waiting[0]?.done.reject(new CordonError('journal-unwritable', 'the disk is full'));
    assert.equal(await bad, 'journal-unwritable');
    assert.equal(remote.writable, false);
    waiting[1]?.done.resolve(undefined as never);
    assert.equal(await good, 'recorded');
    assert.equal(remote.writable, true);
  });

  it('that cannot be written says nothing about the next', async () => {
    const { remote, waiting } = ends();
    const bad = outcome(remote.append(EVENT));
    waiting[0]?.done.reject(new CordonError('event-invalid', 'it is too long'));
    assert.equal(await bad, 'event-invalid');
    assert.equal(remote.writable, true);
  });

  it('is refused when too many are waiting, and when the main process is gone', async () => {
    const { remote, channel } = ends();
    const open = outcome(remote.append(EVENT));
    channel.queued = 65 * 1024 * 1024;
    assert.equal(await outcome(remote.append(EVENT)), 'journal-unwritable');
    channel.queued = 0;
    remote.close();
    assert.equal(await open, 'journal-unwritable', 'nobody will say what became of it');
    assert.equal(await outcome(remote.append(EVENT)), 'journal-unwritable');
    assert.equal(remote.writable, false);
  });

  it('is waited for at the end, but not for ever', async () => {
    const { remote, waiting } = ends();
    await remote.settled(10_000);
    const recording = outcome(remote.append(EVENT));
    const settled = remote.settled(10_000);
    waiting[0]?.done.resolve(undefined as never);
    await settled;
    assert.equal(await recording, 'recorded');
    void outcome(remote.append(EVENT));
    await Promise.all([remote.settled(20), new Promise((resolve) => setTimeout(resolve, 40))]);
  });

  it('finds the journal as writable as the main process says it is', () => {
    const { remote } = ends();
    remote.onBeat({ type: 'beat', at: 0, isWritable: false });
    assert.equal(remote.writable, false);
  });
});
