import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import { buildEvent, type OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { callLocal, enrol, type Person, type Reply } from '../testdata/browser.ts';

describe('events over the API', () => {
  let bench: ApiBench;
  let ada: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org', []);
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  const get = async (path: string): Promise<Reply> => await ada.browser.call(HOSTS.console, path);
  const messages = async (query: string): Promise<string[]> => {
    const reply = await get(`/api/events${query}`);
    assert.equal(reply.status, 200, reply.text);
    return reply.json<{ items: OcsfEvent[] }>().items.map(({ message }) => message);
  };
  const happen = async (
    ...all: readonly { message: string; correlationId?: string; isHttp?: boolean }[]
  ): Promise<void> => {
    await Promise.all(
      all.map(async ({ isHttp = true, ...event }) => {
        const about = { activity: 'other', time: START, ...event } as const;
        await bench.journal.append(
          isHttp ? buildEvent({ class: 'httpActivity', ...about }) : buildEvent({ class: 'apiActivity', ...about }),
        );
      }),
    );
  };

  it('gives the newest first, whole, as they were recorded', async () => {
    await happen({ message: 'one' }, { message: 'two', isHttp: false }, { message: 'three', correlationId: 'cor_3' });
    assert.deepEqual(await messages('?limit=3'), ['three', 'two', 'one']);
    assert.deepEqual(await messages('?class=6003&limit=1'), ['two']);
    assert.deepEqual(await messages('?correlation=cor_3'), ['three']);
    const { items } = (await get('/api/events?limit=1')).json<{ items: OcsfEvent[] }>();
    assert.deepEqual(items[0], bench.journal.recent(1)[0]);
  });

  it('gives what an app is about, by its id and not by a name that looks like it', async () => {
    const about = (message: string, app: string): OcsfEvent =>
      buildEvent({
        ...{ class: 'httpActivity', activity: 'get', time: START, message },
        attributes: { dst_endpoint: { hostname: 'wiki.localhost', svc_name: app } },
      });
    await bench.journal.append(about('of the wiki', 'wiki'));
    await bench.journal.append(about('of another', 'wiki-2'));
    await bench.journal.append(
      buildEvent({
        ...{ class: 'networkActivity', activity: 'fail', time: START, message: 'its upstream' },
        attributes: { dst_endpoint: { hostname: '127.0.0.1', port: 1, svc_name: 'wiki' } },
      }),
    );
    assert.deepEqual((await messages('?app=wiki')).slice(0, 2), ['its upstream', 'of the wiki']);
    assert.equal((await messages('?app=wiki&class=4002&limit=1'))[0], 'of the wiki');
    assert.deepEqual(await messages('?app=nobody'), []);
  });

  it('finds a correlation id in the whole journal, beyond what is held ready and after sealing', async () => {
    await happen({ message: 'the needle', correlationId: 'cor_0needle' });
    await happen({ message: 'another class', correlationId: 'cor_0needle', isHttp: false });
    await happen(...Array.from({ length: 2000 }, (_, index) => ({ message: `straw ${index}` })));
    assert.ok(!bench.journal.recent(2000).some(({ message }) => message === 'the needle'));
    assert.deepEqual(await messages('?correlation=cor_0needle'), ['another class', 'the needle']);
    await happen({ message: 'its end, much later', correlationId: 'cor_0needle' });
    const all = ['its end, much later', 'another class', 'the needle'];
    bench.clock.advance(60_000);
    assert.deepEqual(await messages('?correlation=cor_0needle'), all, 'also when one of them is held ready');
    await bench.journal.seal();
    assert.deepEqual(await messages('?correlation=cor_0needle&class=6003'), ['another class']);
    assert.deepEqual(await messages('?correlation=cor_0needle&limit=1'), ['its end, much later']);
    assert.deepEqual(await messages("?correlation=cor_0needle'%20or%20true%20--"), []);
  });

  it('finds what a quiet app was about behind any number of events of others', async () => {
    assert.ok(!bench.journal.recent(2000).some(({ message }) => message === 'of the wiki'));
    assert.deepEqual((await messages('?app=wiki')).slice(0, 2), ['its upstream', 'of the wiki']);
    assert.equal((await messages('?app=wiki&class=4002&limit=1'))[0], 'of the wiki');
    assert.deepEqual(await messages("?app=wiki'%20or%20true%20--"), []);
    await bench.journal.append(
      buildEvent({
        ...{ class: 'httpActivity', activity: 'get', time: START, message: 'just now' },
        attributes: { dst_endpoint: { hostname: 'wiki.localhost', svc_name: 'wiki' } },
      }),
    );
    assert.deepEqual((await messages('?app=wiki')).slice(0, 3), ['just now', 'its upstream', 'of the wiki']);
  });

  it('answers one SELECT over the events and refuses everything else', async () => {
    const query = async (sql: string): Promise<Reply> =>
      await ada.browser.call(HOSTS.console, '/api/events/query', { method: 'POST', body: { sql } });
    const counted = await query("select count(*) as n from events where message = 'the needle'");
    assert.deepEqual(counted.json(), { rows: [{ n: 1 }] });
    for (const [sql, code] of [
      ["copy events to '/tmp/stolen'", 'query-refused'],
      ["select * from read_text('/etc/passwd')", 'query-refused'],
      ['select nothing_like_it from events', 'query-failed'],
      ['select * from events', 'query-failed'],
    ] as const) {
      const reply = await query(sql);
      if (sql === 'select * from events') assert.equal(reply.status, 200);
      else assert.equal(`${reply.status} ${reply.code()}`, `400 ${code}`, sql);
    }
  });

  it('proves the journal, and names the place where a byte was changed', async () => {
    type Verified = z.output<typeof CONTROL_ROUTES.verifyJournal.response>;
    const verify = async (): Promise<Verified> =>
      (await ada.browser.call(HOSTS.console, '/api/journal/verify', { method: 'POST' })).json<Verified>();
    await happen({ message: 'genuine' });
    const [first, second] = await Promise.all([verify(), verify()]);
    assert.equal(first.ok, true);
    assert.ok(first.lines > 2000);
    assert.deepEqual(first, second);
    const folder = join(bench.services.journalDirectory, 'segments');
    const name = readdirSync(folder).find((file) => readFileSync(join(folder, file), 'utf8').includes('genuine')) ?? '';
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replace('genuine', 'forged!'));
    const broken = await verify();
    assert.equal(broken.ok, false);
    assert.match(broken.problem?.file ?? '', new RegExp(`${name}$`));
    assert.ok((broken.problem?.line ?? 0) >= 1);
    assert.ok(!JSON.stringify(broken).includes(bench.folder), 'the place is relative');
  });

  it('answers the operator as it answers people', async () => {
    const reply = await callLocal(bench, '/api/events?limit=1');
    assert.equal(reply.json<{ total: number }>().total, 1);
  });
});
