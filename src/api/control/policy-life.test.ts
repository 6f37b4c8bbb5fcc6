import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import { buildEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench } from '../testdata/api-bench.ts';
import { enrol, type Person, type Reply } from '../testdata/browser.ts';

const STAFF = `@id("staff-open-apps")
permit (principal in Group::"staff", action == Action::"access", resource);
`;
const FORM = STAFF.replace('resource);', 'resource)\nwhen { context.method == "GET" };');
const TESTS = `people: { eve: { groups: [staff] } }
apps: { wiki: {} }
tests:
  staff read the wiki: { who: eve, opens: wiki, expect: permit }
  staff write the wiki: { who: eve, opens: wiki, method: POST, expect: permit }
`;

type Out<K extends keyof typeof CONTROL_ROUTES> = z.output<(typeof CONTROL_ROUTES)[K]['response']>;

describe('the life of policies over the API', () => {
  let bench: ApiBench;
  let ada: Person;
  let eve: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    eve = await enrol(bench, 'eve@example.org', ['staff']);
    await enrol(bench, 'zoe@example.org');
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  const post = async (path: string, body: object): Promise<Reply> =>
    await ada.browser.call(HOSTS.console, path, { method: 'POST', body });
  const get = async (path: string): Promise<Reply> => await ada.browser.call(HOSTS.console, path);
  const history = async (): Promise<string[]> =>
    (await get('/api/policies/history'))
      .json<Out<'policyHistory'>>()
      .items.map(({ version, active, message }) => `${version}${active ? '*' : ''} ${message}`);

  it('runs the tests of a bundle before it becomes active, and names what fails', async () => {
    const texts = { 'a.cedar': FORM, 'a.cedartest.yaml': TESTS };
    const reply = await post('/api/policies', { texts, message: 'read only' });
    assert.equal(`${reply.status} ${reply.code()}`, '422 policy-test-failed');
    assert.match(reply.text, /staff write the wiki: eve opens wiki: expected permit, got forbid \(no-permit\)/);
    assert.equal(bench.graph.get('policyActivation', 'active')?.version, 1);
    const checked = (await post('/api/policies/check', { texts })).json<Out<'checkPolicies'>>();
    assert.deepEqual([checked.ok, checked.tests, checked.problems[0]?.source?.line], [false, 2, 5]);
    const unreadable = await post('/api/policies', {
      texts: { 'a.cedar': STAFF, 'a.cedartest.yaml': 'tests: { t: {} }' },
      message: 'read only',
    });
    assert.equal(`${unreadable.status} ${unreadable.code()}`, '422 policy-test-failed');
  });

  it('does not take tests alone for policies', async () => {
    const reply = await post('/api/policies', { texts: { 'a.cedartest.yaml': TESTS }, message: 'only tests' });
    assert.equal(`${reply.status} ${reply.code()}`, '422 policy-invalid');
  });

  it('activates a bundle that passes, with its tests, and does not warn of names that exist', async () => {
    const texts = { 'a.cedar': STAFF, 'a.cedartest.yaml': TESTS };
    assert.deepEqual((await post('/api/policies', { texts, message: 'with tests' })).json(), { version: 2 });
    const checked = (await post('/api/policies/check', { texts })).json<Out<'checkPolicies'>>();
    assert.deepEqual(checked, { ok: true, problems: [], warnings: [], policies: 1, tests: 2 });
    const strange = { 'a.cedar': STAFF.replace('"staff"', '"stuff"') };
    const { warnings } = (await post('/api/policies/check', { texts: strange })).json<Out<'checkPolicies'>>();
    assert.deepEqual(
      warnings.map(({ code, source }) => `${source?.line} ${code}`),
      ['2 policy-entity-unknown'],
    );
  });

  it('goes back to what was in force before, as a new version with its reason', async () => {
    assert.deepEqual(await history(), ['2* with tests', '1 ']);
    const reply = await post('/api/policies/rollback', { message: 'tests were wrong' });
    assert.deepEqual(reply.json(), { version: 3, from: 1 });
    assert.deepEqual(await history(), ['3* back to version 1: tests were wrong', '2 with tests', '1 ']);
    const { texts } = (await get('/api/policies')).json<Out<'policies'>>();
    assert.deepEqual(Object.keys(texts), ['access.cedar']);
    assert.deepEqual((await post('/api/policies/rollback', { version: 2, message: 'after all' })).json(), {
      version: 4,
      from: 2,
    });
  });

  it('goes back to no version that is not there, and not to the active one', async () => {
    const unknown = await post('/api/policies/rollback', { version: 99, message: 'a good reason' });
    assert.equal(`${unknown.status} ${unknown.code()}`, '404 not-found');
    const active = await post('/api/policies/rollback', { version: 4, message: 'a good reason' });
    assert.equal(`${active.status} ${active.code()}`, '409 policy-version-active');
  });

  it('replays against an earlier version', async () => {
    await eve.browser.visit(`http://wiki.localhost:${bench.port}/`);
    const reply = await post('/api/policies/replay', { version: 1 });
    assert.equal(reply.status, 200, reply.text);
    assert.ok(reply.json<Out<'replayPolicies'>>().replayed >= 1);
    // What had been open for long has ended: that is no decision.
    const end = { class: 'httpActivity', activity: 'end', time: bench.clock.now(), message: '' } as const;
    await bench.journal.append(buildEvent({ ...end, cordon: { end: { by: 'client' } } }));
    const again = await post('/api/policies/replay', { version: 1 });
    assert.deepEqual(again.json<Out<'replayPolicies'>>().notReplayable, []);
    const both = await post('/api/policies/replay', { version: 1, texts: { 'a.cedar': STAFF } });
    assert.equal(`${both.status} ${both.code()}`, '400 request-invalid');
  });

  it('counts the requests that a replay leaves out because they are too many', async () => {
    const crowded = await openApiBench({
      wrap: (services) => ({
        ...services,
        journal: new Proxy(services.journal, {
          get: (journal, name) => {
            if (name !== 'query') {
              const value: unknown = Reflect.get(journal, name, journal);
              return typeof value === 'function' ? (value.bind(journal) as unknown) : value;
            }
            return async (sql: string, [, before]: readonly number[]) => {
              if (/count/.test(sql)) return await Promise.resolve([{ n: 7 }]);
              const first = Math.min(before ?? 0, 1_000_000);
              return Array.from({ length: 2000 }, (_, at) => ({ seq: first - at - 1, uid: 'e', time: 0, record: {} }));
            };
          },
        }),
      }),
    });
    const grace = await enrol(crowded, 'grace@example.org');
    await grace.browser.visit(`http://${HOSTS.console}:${crowded.port}/`);
    const body = { texts: { 'a.cedar': STAFF } };
    const reply = await grace.browser.call(HOSTS.console, '/api/policies/replay', { method: 'POST', body });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(reply.json<Out<'replayPolicies'>>().notReplayable, [
      { reason: 'record-version', count: 20_000 },
      { reason: 'too-many', count: 7 },
    ]);
    await crowded.close();
  });

  it('explains why somebody may or may not open an app', async () => {
    const explain = async (user: string): Promise<Out<'explainPolicies'>> =>
      (await post('/api/policies/explain', { user, app: 'wiki' })).json<Out<'explainPolicies'>>();
    const allowed = await explain('eve@example.org');
    assert.deepEqual([allowed.effect, allowed.change], ['permit', []]);
    assert.deepEqual(
      allowed.policies.map(({ id, role, file, line }) => `${role} ${id} ${file}:${line}`),
      ['decided a.cedar#staff-open-apps a.cedar:1'],
    );
    const denied = await explain('zoe@example.org');
    assert.deepEqual([denied.effect, denied.change], ['forbid', ['be in the group `staff`']]);
    assert.equal(denied.policies[0]?.clauses[0]?.text, 'principal in Group::"staff"');
    assert.ok(denied.session !== undefined);
    assert.equal((await post('/api/policies/explain', { user: 'nobody', app: 'wiki' })).status, 404);
    assert.equal((await post('/api/policies/explain', { user: eve.userId, app: 'nothing' })).status, 404);
  });

  it('lists who can do something, page by page, and what somebody can do', async () => {
    const who = async (query: string): Promise<Out<'whoCan'>> => {
      const reply = await get(`/api/policies/who-can?${query}`);
      assert.equal(reply.status, 200, reply.text);
      return reply.json<Out<'whoCan'>>();
    };
    const openers = await who('action=access&resource=wiki');
    assert.deepEqual(
      openers.items.map(({ email, answer }) => `${email} ${answer}`),
      ['eve@example.org yes'],
    );
    assert.equal(openers.assumptions.length, 4);
    const managers = await who('action=manage');
    assert.deepEqual(
      managers.items.map(({ email }) => email),
      ['ada@example.org'],
    );
    const now = await who('action=access&resource=wiki&when=now');
    assert.deepEqual(
      now.items.map(({ email, sessions }) => `${email} ${sessions}`),
      ['eve@example.org 1'],
    );
    const what = async (query: string): Promise<Out<'whatCan'>> =>
      (await get(`/api/policies/what-can?${query}`)).json<Out<'whatCan'>>();
    const first = await what(`user=${ada.userId}&limit=1`);
    assert.deepEqual([first.items.map(({ action }) => action), first.next], [['manage'], 'manage']);
    const second = await what(`user=${ada.userId}&limit=1&after=manage`);
    assert.deepEqual([second.items.map(({ action }) => action), second.next], [['view'], undefined]);
    assert.equal((await get('/api/policies/who-can?action=access')).status, 400);
    assert.equal((await get('/api/policies/who-can?action=access&resource=nothing')).status, 404);
  });
});
