// Both ends of the way from a worker's gateway to the journal of the main process.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import { createJournalDesk } from './journal-desk.ts';
import type { ToRecord } from './messages.ts';
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
  /** What the worker was told. */
  readonly told: unknown[];
}

function ends(): Ends {
  const waiting: Ends['waiting'][number][] = [];
  const appendWritten = async (event: unknown, urgency: unknown): Promise<never> => {
    const done = Promise.withResolvers<never>();
    waiting.push({ event, urgency, done });
    return await done.promise;
  };
  const desk = createJournalDesk({ appendWritten }, (message) => {
    told.push(message);
    remote.onRecorded(message);
  });
  const told: unknown[] = [];
  const channel = {
    queued: 0,
    sendWith: (message: ToRecord, texts: string) => desk.onRecord(message, texts),
  };
  const remote = createRemoteJournal(channel);
  return { remote, waiting, channel, told };
}

/** Lets what goes now arrive. */
const turn = async (): Promise<void> => {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
};

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
    await turn();
    const written = { time: EVENT.time, class_uid: EVENT.class_uid, text: JSON.stringify(EVENT) };
    assert.deepEqual([waiting[0]?.event, waiting[0]?.urgency, isRecorded], [written, 'now', false]);
    waiting[0]?.done.resolve(undefined as never);
    await recording;
  });

  it('that is written already goes as it is, with its urgency', async () => {
    const { remote, waiting } = ends();
    const recording = outcome(remote.appendWritten(WRITTEN, 'soon'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    waiting[0]?.done.resolve(undefined as never);
    assert.equal(await recording, 'recorded');
    assert.deepEqual([waiting[0]?.event, waiting[0]?.urgency], [WRITTEN, 'soon']);
  });

  it('that nobody waits for goes soon, and is told of only when it was not recorded', async () => {
    const { remote, waiting } = ends();
    const lost: string[] = [];
    const note = (): void => {
      remote.note(WRITTEN, () => lost.push('lost'));
    };
    note();
    note();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(
      waiting.map(({ event, urgency }) => [event, urgency]),
      [
        [WRITTEN, 'soon'],
        [WRITTEN, 'soon'],
      ],
    );
    waiting[0]?.done.resolve(undefined as never);
    waiting[1]?.done.reject(new CordonError('journal-unwritable', 'the disk is full'));
    await turn();
    assert.deepEqual(lost, ['lost']);
    remote.close();
    note();
    assert.deepEqual(lost, ['lost', 'lost']);
  });

  it('that the disk does not take is refused, and the journal is not writable until one is taken', async () => {
    const { remote, waiting } = ends();
    const [bad, good] = [outcome(remote.append(EVENT)), outcome(remote.append(EVENT))];
    await turn();
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
    await turn();
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

  it('goes with others of its time, in order, and all are acknowledged by one number', async () => {
    const { remote, waiting, told } = ends();
    const texts = ['{"a":"é"}', '{"b":"\\n"}', '{"c":"😀"}'];
    const recording = texts.map(async (text) => await outcome(remote.appendWritten({ ...WRITTEN, text }, 'soon')));
    await turn();
    assert.equal(waiting.length, 0, 'nobody waits for it');
    recording.push(outcome(remote.appendWritten(WRITTEN, 'now')));
    await turn();
    assert.deepEqual(
      waiting.map(({ event, urgency }) => [(event as typeof WRITTEN).text, urgency]),
      [...texts, '{}'].map((text) => [text, 'now']),
    );
    for (const { done } of waiting) done.resolve(undefined as never);
    assert.deepEqual(await Promise.all(recording), Array(4).fill('recorded'));
    assert.deepEqual(told, [{ type: 'recorded', upTo: 4, failed: [] }]);
  });

  it('that fails before older ones are on disk acknowledges none of them', async () => {
    const { remote, waiting, told } = ends();
    const recording = [1, 2, 3].map(async () => await outcome(remote.append(EVENT)));
    await turn();
    waiting[1]?.done.reject(new CordonError('event-invalid', 'it is too long'));
    assert.equal(await recording[1], 'event-invalid');
    waiting[2]?.done.resolve(undefined as never);
    await turn();
    assert.deepEqual(
      told.map((message) => (message as { upTo: number }).upTo),
      [0, 0],
    );
    waiting[0]?.done.resolve(undefined as never);
    assert.deepEqual(await Promise.all(recording), ['recorded', 'event-invalid', 'recorded']);
    assert.equal((told.at(-1) as { upTo: number }).upTo, 3);
  });

  it('is not taken in when it is not the one that was told of', () => {
    const desk = createJournalDesk(
      { appendWritten: async () => await Promise.reject(new Error('never')) },
      () => undefined,
    );
    const message: ToRecord = {
      type: 'record',
      first: 1,
      urgency: 'now',
      events: [{ time: 1, class_uid: 1, length: 3 }],
    };
    assert.throws(() => desk.onRecord(message, '{}'), /other events/);
  });

  it('is waited for at the end, but not for ever', async () => {
    const { remote, waiting } = ends();
    await remote.settled(10_000);
    const recording = outcome(remote.append(EVENT));
    const settled = remote.settled(10_000);
    assert.equal(waiting.length, 1, 'it does not wait for more');
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
