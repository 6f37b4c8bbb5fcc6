import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildEvent, type OcsfEvent } from '#model';
import { RecentEvents } from './recent.ts';

/** Adds an event as the journal does: somewhere in the bytes of a batch. */
function add(recent: RecentEvents, one: OcsfEvent): void {
  const [before, text] = [Buffer.from('{"event":'), Buffer.from(JSON.stringify(one))];
  recent.add(Buffer.concat([before, text, Buffer.from(',"hash"')]), before.length, before.length + text.length);
}

function event(number: number): OcsfEvent {
  return buildEvent({ class: 'authentication', activity: 'logon', time: number, message: `é ${number}` });
}

describe('the newest events', () => {
  it('are those that were added last, equal to what was recorded, newest last', () => {
    const first = [event(1), event(2)];
    const recent = new RecentEvents(3, first);
    const added = [3, 4].map(event);
    for (const one of added) add(recent, one);
    assert.deepEqual(recent.newest(9), [first[1], ...added]);
    assert.deepEqual(recent.newest(1), added.slice(1));
  });

  it('are none for a limit of none or less', () => {
    const recent = new RecentEvents(3, [event(1)]);
    for (const limit of [0, -1, Number.NEGATIVE_INFINITY]) assert.deepEqual(recent.newest(limit), []);
  });

  it('stay right however many come, asked for in between or not', () => {
    const recent = new RecentEvents(5, []);
    for (let number = 1; number <= 100; number++) {
      add(recent, event(number));
      if (number % 3 === 0) recent.newest(2);
      const times = recent.newest(9).map(({ time }) => time);
      assert.deepEqual(
        times,
        [1, 2, 3, 4, 5].map((back) => number - 5 + back).filter((time) => time > 0),
      );
    }
  });

  it('are read once: who asks again gets the same', () => {
    const recent = new RecentEvents(3, []);
    add(recent, event(1));
    assert.equal(recent.newest(1)[0], recent.newest(1)[0]);
  });

  it('are the asker’s own list: changing it changes nothing here', () => {
    const recent = new RecentEvents(3, [event(1)]);
    recent.newest(3).pop();
    assert.equal(recent.newest(3).length, 1);
  });

  it('name the memory they lie in, until they are let go of or read', () => {
    const recent = new RecentEvents(2, []);
    const memory = [1, 2, 3, 4, 5].map((number) => Buffer.from(JSON.stringify(event(number))));
    const told = memory.map((bytes) => recent.add(bytes, 0, bytes.length));
    assert.deepEqual(told, [false, false, false, false, true], 'the fifth is one more than twice as many');
    assert.equal(recent.memory().size, new Set(memory.slice(2).map(({ buffer }) => buffer)).size);
    recent.newest(2);
    assert.ok(!recent.newest(2).some((kept) => 'bytes' in kept));
    assert.equal(recent.newest(1)[0]?.time, 5);
  });
});
