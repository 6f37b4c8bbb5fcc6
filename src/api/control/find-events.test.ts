import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError, type Json, type ManualClock, manualClock } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import { EventFinder } from './find-events.ts';

const START = Date.UTC(2026, 10, 24);

interface Setting {
  readonly finder: EventFinder;
  readonly clock: ManualClock;
  /** Everything that happened, oldest first. */
  readonly all: OcsfEvent[];
  /** Questions to the files. */
  readonly asked: { sql: string; parameters: unknown[] }[];
  /** With what the files fail. */
  failure: Error | undefined;
  /** So many events about an app. */
  happen(app: string, count: number, correlationId?: string): void;
  /** Messages of what is found. */
  found(filter: Partial<Parameters<EventFinder['find']>[0]>): Promise<string[]>;
}

/** A journal in memory that answers questions by the columns they name, in the order of their parameters. */
function setting(): Setting {
  const clock = manualClock(START);
  const all: OcsfEvent[] = [];
  const asked: Setting['asked'] = [];
  const journal = {
    recent: (limit: number) => all.slice(-Math.min(limit, 2000)),
    query: async (sql: string, parameters: readonly unknown[] = []): Promise<Record<string, Json>[]> => {
      await Promise.resolve();
      asked.push({ sql, parameters: [...parameters] });
      if (made.failure !== undefined) throw made.failure;
      const columns = [...sql.matchAll(/(correlation_uid|class_uid|svc_name)/g)].map(([name]) => name);
      const limit = Number(/limit (\d+)$/.exec(sql)?.[1]);
      const isIt = (event: OcsfEvent): boolean =>
        columns.every((name, at) => columnOf(event, name ?? '') === parameters[at]);
      return all
        .filter(isIt)
        .slice(-limit)
        .reverse()
        .map((event) => ({ event: structuredClone(event) as unknown as Json }));
    },
  };
  const finder = new EventFinder(journal, clock);
  const made: Setting = {
    ...{ finder, clock, all, asked, failure: undefined },
    happen: (app, count, correlationId) => {
      for (let i = 0; i < count; i++) {
        clock.advance(1);
        all.push(
          buildEvent({
            ...{ class: 'httpActivity', activity: 'get', time: clock.now(), message: `${app} ${all.length}` },
            ...(correlationId === undefined ? {} : { correlationId }),
            attributes: { dst_endpoint: { svc_name: app } },
          }),
        );
      }
    },
    found: async (filter) => (await finder.find({ limit: 3, ...filter })).map(({ message }) => message),
  };
  return made;
}

function columnOf(event: OcsfEvent, name: string): unknown {
  if (name === 'correlation_uid') return event.metadata.correlation_uid;
  return name === 'class_uid' ? event.class_uid : (event.dst_endpoint as { svc_name?: string }).svc_name;
}

describe('finding events', () => {
  it('asks no files while those held ready suffice', async () => {
    const { happen, found, asked } = setting();
    happen('quiet', 1);
    happen('busy', 1500);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 0'], 'all there are is held ready');
    happen('busy', 1500);
    assert.deepEqual(await found({ app: 'busy' }), ['busy 3000', 'busy 2999', 'busy 2998']);
    assert.deepEqual(await found({}), ['busy 3000', 'busy 2999', 'busy 2998']);
    assert.equal(asked.length, 0);
  });

  it('finds the events of a quiet app behind those of a busy one, each once, the newest first', async () => {
    const { happen, found, asked } = setting();
    happen('quiet', 2);
    happen('busy', 2500);
    happen('quiet', 1);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2502', 'quiet 1', 'quiet 0']);
    assert.deepEqual(await found({ app: 'quiet', limit: 2 }), ['quiet 2502', 'quiet 1']);
    assert.deepEqual(await found({ app: 'quiet', class: 4002 }), ['quiet 2502', 'quiet 1', 'quiet 0']);
    assert.deepEqual(await found({ app: 'nobody' }), []);
    assert.equal(asked.length, 3, 'one for each question');
  });

  it('asks the files once, however often a page asks, as long as nothing can have gone by', async () => {
    const { happen, found, asked, clock } = setting();
    happen('quiet', 1);
    happen('busy', 2500);
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await found({ app: 'quiet' }), [...(i > 2 ? ['quiet 4001'] : []), 'quiet 0']);
      happen('busy', 500);
      if (i === 2) happen('quiet', 1);
      clock.advance(60_000);
    }
    assert.equal(asked.length, 1);
  });

  it('asks them again, but not at every turn, when more has happened than is held ready', async () => {
    const { happen, found, asked, clock } = setting();
    happen('quiet', 1);
    happen('busy', 2500);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 0']);
    happen('quiet', 1);
    happen('busy', 2500);
    await found({ app: 'quiet' });
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 0'], 'nothing of it is held ready');
    assert.equal(asked.length, 1);
    clock.advance(30_000);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2501', 'quiet 0']);
    assert.equal(asked.length, 2);
  });

  it('asks them again for more than was asked for', async () => {
    const { happen, found, asked } = setting();
    happen('quiet', 5);
    happen('busy', 2500);
    assert.equal((await found({ app: 'quiet', limit: 2 })).length, 2);
    assert.equal((await found({ app: 'quiet', limit: 4 })).length, 4);
    assert.equal((await found({ app: 'quiet', limit: 9 })).length, 5);
    assert.equal((await found({ app: 'quiet', limit: 50 })).length, 5, 'there were no more');
    assert.equal(asked.length, 3);
  });

  it('finds what a correlation id began with, long ago', async () => {
    const { happen, found, asked } = setting();
    const id = 'cor_' + '0'.repeat(25);
    happen('tunnel', 1, id);
    happen('busy', 2500);
    happen('tunnel', 1, id);
    assert.deepEqual(await found({ correlation: id }), ['tunnel 2501', 'tunnel 0']);
    assert.equal(asked.length, 1);
    happen('new', 1, `cor_${'z'.repeat(25)}`);
    assert.deepEqual(await found({ correlation: `cor_${'z'.repeat(25)}` }), ['new 2502']);
    assert.equal(asked.length, 1, 'what is younger than all that is held ready is held ready');
  });

  it('says what is held ready when the files cannot be asked, and fails when that is nothing', async () => {
    const made = setting();
    const { happen, found, asked } = made;
    happen('quiet', 1);
    happen('busy', 2500);
    made.failure = new CordonError('query-busy', 'query-busy');
    await assert.rejects(found({ app: 'quiet' }), /query-busy/);
    happen('quiet', 1);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2501']);
    made.failure = undefined;
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2501', 'quiet 0'], 'a failure is not remembered');
    assert.equal(asked.length, 3);
  });

  for (const code of ['query-timeout', 'query-too-large']) {
    it(`does not ask again at every turn what has failed with ${code}`, async () => {
      const made = setting();
      const { happen, found, asked, clock } = made;
      happen('quiet', 1);
      happen('busy', 2500);
      made.failure = new CordonError(code, code);
      for (let i = 0; i < 3; i++) await assert.rejects(found({ app: 'quiet', limit: 3 + i }), new RegExp(code));
      happen('quiet', 1);
      assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2501']);
      assert.equal(asked.length, 1);
      made.failure = undefined;
      clock.advance(30_000);
      assert.deepEqual(await found({ app: 'quiet' }), ['quiet 2501', 'quiet 0']);
      assert.equal(asked.length, 2);
    });
  }

  it('asks the files once for all who ask the same at a time', async () => {
    const { happen, found, asked } = setting();
    happen('quiet', 1);
    happen('busy', 2500);
    const all = await Promise.all(Array.from({ length: 20 }, async () => await found({ app: 'quiet' })));
    for (const one of all) assert.deepEqual(one, ['quiet 0']);
    assert.equal(asked.length, 1);
  });

  it('lets one at a time ask again when the answer that they waited for has failed', async () => {
    const made = setting();
    const { happen, found, asked } = made;
    happen('quiet', 1);
    happen('busy', 2500);
    made.failure = new CordonError('query-failed', 'query-failed');
    const all = Array.from({ length: 20 }, async () => await found({ app: 'quiet' }));
    const rest = Promise.allSettled(all);
    await assert.rejects(all[0] ?? Promise.resolve(), /query-failed/);
    made.failure = undefined;
    await rest;
    assert.ok(asked.length <= 3, `${asked.length} questions`);
    assert.deepEqual(await found({ app: 'quiet' }), ['quiet 0']);
  });

  it('gives no word of a question to the files as SQL', async () => {
    const { happen, found, asked } = setting();
    happen('busy', 2500);
    const word = `' or true; --`;
    assert.deepEqual(await found({ app: word, correlation: word, class: 7 }), []);
    assert.ok(!asked[0]?.sql.includes('or true'));
    assert.deepEqual(asked[0]?.parameters, [word, 7, word]);
  });
});
