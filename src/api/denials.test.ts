import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, PAGE } from './testdata/api-bench.ts';
import { Browser, enrol, type Person } from './testdata/browser.ts';

const API_ACTIVITY = 6003;

describe('denials of the console', () => {
  let bench: ApiBench;
  let ada: Person;
  let eve: Person;
  const console = (path: string): string => `http://${HOSTS.console}:${bench.port}${path}`;
  const denials = (): OcsfEvent[] =>
    bench.journal.recent(2000).filter(({ class_uid, action_id }) => class_uid === API_ACTIVITY && action_id === 2);

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    eve = await enrol(bench, 'eve@example.org', ['staff']);
    await ada.browser.visit(console('/'));
  });
  after(async () => await bench.close());

  it('shows a person without the right to view a page that says why, with a correlation id that finds the event', async () => {
    const { status, text, headers } = await eve.browser.visit(console('/assets'));
    assert.equal(status, 403);
    assert.ok(!text.includes(PAGE));
    assert.match(text, /No policy permits this/);
    assert.match(text, /signed in as eve@example\.org/);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    const correlation = /Correlation id <code>(cor_\w+)<\/code>/.exec(text)?.[1] ?? '';
    const found = await ada.browser.call(HOSTS.console, `/api/events?correlation=${correlation}`);
    const { items } = found.json<{ items: OcsfEvent[] }>();
    assert.equal(items.length, 1);
    const [event] = items;
    assert.equal(event?.class_uid, API_ACTIVITY);
    assert.equal(event?.status_code, 'no-permit');
    assert.equal(event?.message, `eve@example.org was denied (no-permit) GET ${HOSTS.console}/assets`);
    assert.deepEqual(event?.src_endpoint, { ip: '127.0.0.1' });
  });

  it('records who was denied what by the API, and what it was decided from; never the query', async () => {
    const reply = await eve.browser.call(HOSTS.console, '/api/assets?search=secret-project');
    assert.equal(reply.status, 403);
    const event = denials().at(-1);
    assert.equal(event?.metadata.correlation_uid, reply.headers['x-cordon-correlation-id']);
    assert.deepEqual(event?.['api'], { operation: 'GET /api/assets' });
    assert.deepEqual(event?.user, { uid: eve.userId, email_addr: eve.email, name: 'A. Person' });
    assert.ok(!JSON.stringify(event).includes('secret-project'));
    const record = event?.unmapped?.cordon as { proven: boolean; decision: { effect: string } };
    assert.equal(record.proven, true);
    assert.equal(record.decision.effect, 'forbid');
  });

  it('records nothing when a person without a session opens a page: that is how everybody begins', async () => {
    const before = denials().length;
    assert.equal((await new Browser(bench).open(console('/'))).status, 303);
    assert.equal(denials().length, before);
  });

  it('offers the step-up, with the way back, where the policies ask for one', async () => {
    bench.clock.advance(9 * 3_600_000);
    const reply = await ada.browser.open(console('/people?q=x'));
    assert.equal(reply.status, 401, reply.text);
    const link = /href="([^"]*step-up[^"]*)"/.exec(reply.text)?.[1]?.replaceAll('&#38;', '&') ?? '';
    const url = new URL(link);
    assert.equal(url.host, `${HOSTS.identity}:${bench.port}`);
    assert.equal(url.searchParams.get('return'), console('/people?q=x'));
    bench.clock.advance(-9 * 3_600_000);
  });

  it('cannot be made to fill the disk: by strangers, nor by a person who asks again and again', async () => {
    bench.clock.advance(60_000);
    const stranger = new Browser(bench);
    const before = denials().length;
    for (let call = 0; call < 40; call++) await stranger.call(HOSTS.console, '/api/status');
    assert.equal(denials().length - before, 25);
    for (let call = 0; call < 70; call++) await eve.browser.call(HOSTS.console, '/api/status');
    assert.equal(denials().length - before, 25 + 50);
    bench.clock.advance(1000);
    for (let call = 0; call < 20; call++) await stranger.call(HOSTS.console, '/api/status');
    assert.equal(denials().length - before, 25 + 50 + 5, 'a second later there is room for five more');
  });

  it('stand when they cannot be recorded, and are told', async () => {
    const broken = await openApiBench({
      wrap: (services) => ({
        ...services,
        journal: new Proxy(services.journal, {
          get: (journal, name) => {
            if (name === 'append') return async () => await Promise.reject(new Error('the disk is full'));
            const value: unknown = Reflect.get(journal, name, journal);
            return typeof value === 'function' ? (value.bind(journal) as unknown) : value;
          },
        }),
      }),
    });
    const reply = await new Browser(broken).call(HOSTS.console, '/api/status');
    assert.equal(reply.status, 401);
    assert.deepEqual(
      broken.failures.map(({ correlationId }) => correlationId),
      [reply.headers['x-cordon-correlation-id']],
    );
    await broken.close();
  });
});
