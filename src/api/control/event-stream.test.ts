import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { buildEvent, type OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { Browser, enrol, type Person } from '../testdata/browser.ts';

const HTTP_ACTIVITY = 4002;

describe('the stream of events', () => {
  let bench: ApiBench;
  let admin: Person;
  let watchers = 0;

  before(async () => {
    bench = await openApiBench();
    admin = await enrol(bench, 'ada@example.org');
    await admin.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  /** A person who may view, watching. */
  const watch = async (query = ''): Promise<{ person: Person; stream: IncomingMessage; events: OcsfEvent[] }> => {
    watchers += 1;
    const person = await enrol(bench, `watcher-${watchers}@example.org`, ['analysts']);
    await person.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    const stream = await person.browser.stream(HOSTS.console, `/api/events/stream${query}`);
    assert.equal(stream.statusCode, 200);
    const events: OcsfEvent[] = [];
    let rest = '';
    const first = once(stream, 'data');
    stream.setEncoding('utf8').on('data', (text: string) => {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) events.push(JSON.parse(data) as OcsfEvent);
      }
    });
    stream.on('error', () => {});
    await first;
    return { person, stream, events };
  };
  const happen = async (
    message: string,
    eventClass: 'httpActivity' | 'apiActivity' = 'httpActivity',
  ): Promise<void> => {
    await bench.journal.append(buildEvent({ class: eventClass, activity: 'other', time: START, message }));
  };
  /** Milliseconds until a stream has ended. */
  const untilEnd = async (stream: IncomingMessage): Promise<number> => {
    const start = performance.now();
    // It may have ended while what ends it was waited for; then it says so no more.
    if (!stream.closed) await Promise.race([once(stream, 'close'), timeout(3000)]);
    assert.ok(stream.closed, 'the stream ended');
    return performance.now() - start;
  };

  it('tells events as they are recorded, of one class when asked', async () => {
    const all = await watch();
    const some = await watch(`?class=${HTTP_ACTIVITY}`);
    assert.match(all.stream.headers['content-type'] ?? '', /^text\/event-stream/);
    assert.equal(all.stream.headers['cache-control'], 'no-store');
    assert.equal(all.stream.headers['x-content-type-options'], 'nosniff');
    await happen('one\nwith a line break', 'apiActivity');
    await happen('two');
    await eventually(() => some.events.length === 1);
    assert.deepEqual(
      some.events.map(({ message }) => message),
      ['two'],
    );
    assert.ok(all.events.some(({ message }) => message === 'one\nwith a line break'));
    all.stream.destroy();
    some.stream.destroy();
  });

  const ends: readonly (readonly [what: string, work: (person: Person) => Promise<unknown>])[] = [
    [
      'their session is ended',
      async ({ userId }) =>
        await bench.services.identity.sessions.endAll({ userId, by: 'local:0', reason: 'session-revoked' }),
    ],
    [
      'their account is disabled',
      async ({ userId }) => await bench.services.identity.accounts.disable({ userId, by: 'local:0' }),
    ],
    [
      'they leave the group',
      async ({ userId }) => await bench.services.identity.accounts.setGroups({ userId, groups: [], by: 'local:0' }),
    ],
    [
      'the policies come to forbid it',
      async ({ email }) => {
        const texts = {
          'access.cedar': `@id("not-them") forbid (principal, action == Action::"view", resource) when { principal.email == "${email}" };`,
        };
        const body = { texts, message: 'for the test' };
        const reply = await admin.browser.call(HOSTS.console, '/api/policies', { method: 'POST', body });
        assert.equal(reply.status, 200, reply.text);
      },
    ],
    [
      'they sign out',
      async ({ browser }) => await browser.call(HOSTS.identity, '/api/sign-out', { method: 'POST', body: {} }),
    ],
    [
      'time passes over their session',
      async () => {
        bench.clock.advance(13 * 3_600_000);
        await Promise.resolve();
      },
    ],
  ];
  for (const [what, work] of ends) {
    it(`ends within a second when ${what}`, async () => {
      const { person, stream, events } = await watch();
      await work(person);
      const took = await untilEnd(stream);
      assert.ok(took < 1500, `${took} ms`);
      const before = events.length;
      await happen('not for them');
      assert.equal(events.length, before);
    });
  }

  it('lets nobody in who may not view', async () => {
    const stream = await new Browser(bench).stream(HOSTS.console, '/api/events/stream');
    stream.resume();
    assert.equal(stream.statusCode, 401);
  });

  it('ends when Cordon stops', async () => {
    const other = await openApiBench();
    const ada = await enrol(other, 'ada@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${other.port}/`);
    const stream = await ada.browser.stream(HOSTS.console, '/api/events/stream');
    stream.resume().on('error', () => {});
    const start = performance.now();
    await Promise.all([untilEnd(stream), other.api.close()]);
    assert.ok(performance.now() - start < 2000);
    await other.close();
  });
});

async function timeout(milliseconds: number): Promise<void> {
  const timer = new EventEmitter();
  setTimeout(() => timer.emit('due'), milliseconds).unref();
  await once(timer, 'due');
}

async function eventually(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !isTrue(); turn++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(isTrue());
}
