import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import { START } from '../testdata/api-bench.ts';
import { createDecisionCounter } from './decision-counter.ts';

const MINUTE = 60_000;

function decided(time: number, action: 'allowed' | 'denied' | 'observed'): OcsfEvent {
  return buildEvent({ class: 'httpActivity', activity: 'get', time, message: '', action });
}

function journalOf(recent: readonly OcsfEvent[]): {
  journal: Parameters<typeof createDecisionCounter>[0];
  tell: (event: OcsfEvent) => void;
  listeners: Set<(event: OcsfEvent) => void>;
} {
  const listeners = new Set<(event: OcsfEvent) => void>();
  return {
    journal: {
      recent: (limit) => recent.slice(-limit),
      subscribe: (listener) => {
        const wrapped = (event: OcsfEvent): void => listener(event, { seq: 0, hash: '', segment: '' });
        listeners.add(wrapped);
        return () => listeners.delete(wrapped);
      },
    },
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    listeners,
  };
}

describe('decisions per minute', () => {
  it('counts from what the journal has ready, then follows it', () => {
    const clock = manualClock(START + 30_000);
    const { journal, tell } = journalOf([decided(START - MINUTE, 'denied'), decided(START, 'allowed')]);
    const counter = createDecisionCounter(journal, clock);
    tell(decided(START + 1000, 'allowed'));
    tell(decided(START + 2000, 'observed'));
    tell(buildEvent({ class: 'apiActivity', activity: 'read', time: START, message: '', action: 'denied' }));
    const { permitted, denied, perMinute, since } = counter.counts();
    assert.deepEqual([permitted, denied], [2, 1]);
    assert.equal(perMinute.length, 60);
    assert.deepEqual(perMinute.slice(-2), [
      { at: START - MINUTE, permitted: 0, denied: 1 },
      { at: START, permitted: 2, denied: 0 },
    ]);
    assert.equal(since, START - 59 * MINUTE);
  });

  it('forgets what is older than an hour, and keeps no more than it needs', () => {
    const clock = manualClock(START);
    const { journal, tell } = journalOf([]);
    const counter = createDecisionCounter(journal, clock);
    for (let minute = 0; minute < 300; minute++) {
      clock.advance(MINUTE);
      tell(decided(clock.now(), 'allowed'));
    }
    assert.equal(counter.counts().permitted, 60);
    clock.advance(30 * MINUTE);
    assert.equal(counter.counts().permitted, 30);
    clock.advance(60 * MINUTE);
    assert.equal(counter.counts().permitted, 0);
  });

  it('says from when on it knows them all, when the journal holds more than it has ready', () => {
    const clock = manualClock(START);
    const many = Array.from({ length: 2000 }, (_, index) => decided(START - 2000 + index, 'allowed'));
    const { since, permitted } = createDecisionCounter(journalOf(many).journal, clock).counts();
    assert.deepEqual([since, permitted], [START - 2000, 2000]);
  });

  it('does not count an event that is dated into the future as of now', () => {
    const { journal, tell } = journalOf([]);
    const counter = createDecisionCounter(journal, manualClock(START));
    tell(decided(START + 5 * MINUTE, 'allowed'));
    assert.equal(counter.counts().permitted, 0);
  });

  it('ends its subscription', () => {
    const { journal, listeners } = journalOf([]);
    const counter = createDecisionCounter(journal, manualClock(START));
    assert.equal(listeners.size, 1);
    counter.close();
    assert.equal(listeners.size, 0);
  });
});
