import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import type { OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { enrol, type Person, type Reply } from '../testdata/browser.ts';
import { createPolicyThread } from './policy-thread.ts';

const STAFF = `@id("staff-open-apps")
permit (principal in Group::"staff", action == Action::"access", resource);
`;
const NOBODY = `@id("nobody") @title("Nobody may open the wiki")
forbid (principal, action == Action::"access", resource == App::"wiki");
`;
const BROKEN = 'permit (principal, action == Action::"access", resource) when { principal.shoeSize > 3 };';

describe('policies over the API', () => {
  let bench: ApiBench;
  let ada: Person;
  let eve: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    eve = await enrol(bench, 'eve@example.org', ['staff']);
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  const post = async (path: string, body: object): Promise<Reply> =>
    await ada.browser.call(HOSTS.console, path, { method: 'POST', body });
  type Policies = z.output<typeof CONTROL_ROUTES.policies.response>;
  const active = async (): Promise<Policies> =>
    (await ada.browser.call(HOSTS.console, '/api/policies')).json<Policies>();

  it('shows the bundle in force and the built-in policies', async () => {
    const { version, author, activatedAt, texts, policies } = await active();
    assert.deepEqual([version, author, activatedAt], [1, 'system', START]);
    assert.deepEqual(Object.keys(texts), ['access.cedar']);
    const own = policies.filter(({ builtin }) => !builtin).map(({ id, effect, action }) => ({ id, effect, action }));
    assert.deepEqual(own, [
      { id: 'access.cedar#staff-open-apps', effect: 'permit', action: 'access' },
      { id: 'access.cedar#web-to-db', effect: 'permit', action: 'connect' },
    ]);
    assert.ok(policies.some(({ id, title }) => id.startsWith('guardrail.') && title !== ''));
  });

  it('checks policies without activating them, and names the place of every problem', async () => {
    const good = await post('/api/policies/check', { texts: { 'a.cedar': STAFF, 'b.cedar': NOBODY } });
    assert.deepEqual(good.json(), { ok: true, problems: [], warnings: [], policies: 2, tests: 0 });
    type Checked = z.output<typeof CONTROL_ROUTES.checkPolicies.response>;
    const bad = (
      await post('/api/policies/check', { texts: { 'a.cedar': `\n${BROKEN}`, 'b.cedar': 'permit' } })
    ).json<Checked>();
    assert.equal(bad.ok, false);
    const places = bad.problems.map(({ source }) => `${source?.file}:${source?.line}`);
    assert.ok(places.includes('a.cedar:2') && places.includes('b.cedar:1'), places.join(' '));
    assert.equal((await active()).version, 1);
  });

  it('replays the requests that were really made against edited policies', async () => {
    for (let visit = 0; visit < 3; visit++) await eve.browser.visit(`http://wiki.localhost:${bench.port}/`);
    const strange = await enrol(bench, 'zoe@example.org');
    await strange.browser.visit(`http://wiki.localhost:${bench.port}/`);
    type Replayed = z.output<typeof CONTROL_ROUTES.replayPolicies.response>;
    const replay = async (texts: Record<string, string>): Promise<Replayed> => {
      const reply = await post('/api/policies/replay', { texts });
      assert.equal(reply.status, 200, reply.text);
      return reply.json<Replayed>();
    };
    const same = await replay({ 'a.cedar': STAFF });
    assert.deepEqual([same.gains, same.losses], [[], []]);
    assert.ok(same.replayed >= 4);
    const closed = await replay({ 'a.cedar': STAFF, 'b.cedar': NOBODY });
    assert.deepEqual(
      closed.losses.map(({ user, app, count, before, after: later }) => ({ user, app, count, before, later })),
      [
        {
          user: 'eve@example.org',
          app: 'Wiki',
          count: 3,
          before: ['access.cedar#staff-open-apps'],
          later: ['b.cedar#nobody'],
        },
      ],
    );
    const open = await replay({ 'a.cedar': 'permit (principal, action == Action::"access", resource);' });
    assert.deepEqual(
      open.gains.map(({ user }) => user),
      ['zoe@example.org'],
    );
    bench.clock.advance(7_200_000);
    const reply = await post('/api/policies/replay', { texts: { 'b.cedar': NOBODY }, sinceHours: 1 });
    assert.equal(reply.json<Replayed>().replayed, 0, 'older requests are not asked again');
    bench.clock.advance(-7_200_000);
    const broken = await post('/api/policies/replay', { texts: { 'a.cedar': BROKEN } });
    assert.equal(`${broken.status} ${broken.code()}`, '422 policy-invalid');
  });

  it('activates a bundle with author, message and event, and the next request is decided by it', async () => {
    assert.equal((await eve.browser.visit(`http://wiki.localhost:${bench.port}/`)).status, 200);
    const body = { texts: { 'a.cedar': STAFF, 'b.cedar': NOBODY }, message: 'close the wiki' };
    const reply = await post('/api/policies', body);
    assert.deepEqual(reply.json(), { version: 2 });
    const { version, author, message, texts } = await active();
    assert.deepEqual([version, author, message, texts], [2, `user:${ada.userId}`, 'close the wiki', body.texts]);
    const denied = await eve.browser.open(`http://wiki.localhost:${bench.port}/`);
    assert.equal(denied.status, 403);
    assert.match(denied.text, /b\.cedar#nobody/);
    const event = bench.journal.recent(10).findLast(({ class_uid }) => class_uid === 3004) as OcsfEvent;
    assert.deepEqual(event.actor, { user: { uid: `user:${ada.userId}` } });
    assert.equal(event.message, `user:${ada.userId} activated policy version 2: close the wiki`);
    assert.equal(event.metadata.correlation_uid, reply.headers['x-cordon-correlation-id']);
  });

  it('keeps the active ones when others do not validate, or are none', async () => {
    for (const texts of [{ 'a.cedar': BROKEN }, { 'a.cedar': 'permit' }, {}]) {
      const reply = await post('/api/policies', { texts, message: 'a good reason' });
      assert.equal(`${reply.status} ${reply.code()}`, '422 policy-invalid');
    }
    assert.equal((await active()).version, 2);
  });

  it('gives two activations at once two versions', async () => {
    const body = { texts: { 'a.cedar': STAFF }, message: 'open it again' };
    const versions = await Promise.all([post('/api/policies', body), post('/api/policies', body)]);
    const given = versions.map((reply) => reply.json<{ version: number }>().version);
    assert.deepEqual(new Set(given), new Set([3, 4]));
    assert.equal((await active()).version, 4);
  });

  it('activates nothing that cannot be recorded', async () => {
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
    const grace = await enrol(broken, 'grace@example.org');
    await grace.browser.visit(`http://${HOSTS.console}:${broken.port}/`);
    const call = async (path: string, body: object): Promise<number> =>
      (await grace.browser.call(HOSTS.console, path, { method: 'POST', body })).status;
    assert.equal(await call('/api/policies', { texts: { 'a.cedar': STAFF }, message: 'a good reason' }), 500);
    assert.equal(broken.graph.get('policyActivation', 'active')?.version, 1);
    assert.equal(await call('/api/workloads/web-1/quarantine', { reason: 'it probes ports' }), 500);
    assert.ok(
      broken.graph.get('workload', 'web-1')?.quarantine !== undefined,
      'cutting off does not wait for the disk',
    );
    assert.equal(await call('/api/workloads/web-1/release', { reason: 'all is well' }), 500);
    assert.ok(broken.graph.get('workload', 'web-1')?.quarantine !== undefined, 'nothing is opened unrecorded');
    await broken.close();
  });
});

describe('the thread that looks at policies', () => {
  it('refuses more questions than may wait', async () => {
    const thread = createPolicyThread();
    const asked = Array.from({ length: 12 }, async () => await thread.ask({ texts: { 'a.cedar': STAFF } }));
    const outcomes = await Promise.allSettled(asked);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 4);
    assert.ok(refused.every((one) => one.status === 'rejected' && String(one.reason).includes('too many policies')));
    const { problems, policies } = await thread.ask({ texts: { 'a.cedar': STAFF } });
    assert.deepEqual([problems, policies], [[], 1]);
  });

  it('leaves the thread that serves requests free', async () => {
    const thread = createPolicyThread();
    const texts = {
      'a.cedar': Array.from({ length: 400 }, (_, index) => STAFF.replace('staff-open-apps', `p${index}`)).join(''),
    };
    const before = performance.eventLoopUtilization();
    const { policies } = await thread.ask({ texts });
    const { utilization } = performance.eventLoopUtilization(before);
    assert.equal(policies, 400);
    assert.ok(utilization < 0.5, `the event loop was busy for ${utilization} of the time`);
  });

  it('ends what is being asked when Cordon stops', async () => {
    const thread = createPolicyThread();
    const asked = thread.ask({ texts: { 'a.cedar': STAFF } });
    await new Promise((resolve) => setTimeout(resolve, 20));
    thread.close();
    await assert.rejects(asked, /too long/);
  });
});
