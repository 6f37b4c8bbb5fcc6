import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ApiBench, HOSTS, openApiBench } from './testdata/api-bench.ts';
import { Browser, callLocal, enrol, type Person, type Reply, type Sent } from './testdata/browser.ts';
import { CONTROL_CALLS, IDENTITY_CALLS } from './testdata/route-calls.ts';

describe('who may call the control API', () => {
  let bench: ApiBench;
  let admin: Person;
  let analyst: Person;
  let staff: Person;

  before(async () => {
    bench = await openApiBench();
    admin = await enrol(bench, 'ada@example.org');
    analyst = await enrol(bench, 'ben@example.org', ['analysts']);
    staff = await enrol(bench, 'eve@example.org', ['staff']);
    for (const { browser } of [admin, analyst, staff]) await browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  /** Somebody, and what each kind of route answers them; `in` is anything but a denial. */
  const callers: readonly {
    who: string;
    call: (path: string, sent: Sent) => Promise<Reply>;
    view: string;
    manage: string;
    local: string;
  }[] = [
    {
      who: 'nobody who is signed in',
      call: async (path, sent) => await new Browser(bench).call(HOSTS.console, path, sent),
      view: '401 not-authenticated',
      manage: '401 not-authenticated',
      local: '403 local-only',
    },
    {
      who: 'a person without any right to Cordon',
      call: async (path, sent) => await staff.browser.call(HOSTS.console, path, sent),
      view: '403 no-permit',
      manage: '403 no-permit',
      local: '403 local-only',
    },
    {
      who: 'an analyst',
      call: async (path, sent) => await analyst.browser.call(HOSTS.console, path, sent),
      view: 'in',
      manage: '403 no-permit',
      local: '403 local-only',
    },
    {
      who: 'an administrator',
      call: async (path, sent) => await admin.browser.call(HOSTS.console, path, sent),
      view: 'in',
      manage: 'in',
      local: '403 local-only',
    },
    {
      who: 'the operator on the control socket',
      call: async (path, sent) => await callLocal(bench, path, sent),
      view: 'in',
      manage: 'in',
      local: 'in',
    },
  ];

  for (const { who, call, ...answers } of callers) {
    for (const { name, access, path, sent } of CONTROL_CALLS) {
      assert.ok(access === 'view' || access === 'manage' || access === 'local');
      it(`answers ${who} on ${name} (${access}) with: ${answers[access]}`, async () => {
        const reply = await call(path, sent);
        const isDenied = reply.status === 401 || reply.status === 403;
        assert.equal(isDenied ? `${reply.status} ${reply.code()}` : 'in', answers[access], reply.text);
        assert.notEqual(reply.status, 500, reply.text);
        assert.deepEqual(bench.failures, []);
      });
    }
  }

  it('follows a change of groups at the next call', async () => {
    const status = async (): Promise<number> => (await analyst.browser.call(HOSTS.console, '/api/status')).status;
    assert.equal(await status(), 200);
    await bench.services.identity.accounts.setGroups({ userId: analyst.userId, groups: [], by: 'local:0' });
    assert.equal(await status(), 403);
    await bench.services.identity.accounts.setGroups({ userId: analyst.userId, groups: ['analysts'], by: 'local:0' });
    assert.equal(await status(), 200);
  });

  it('asks for a fresh sign-in where the policies do, and says where', async () => {
    bench.clock.advance(9 * 3_600_000);
    const reply = await admin.browser.call(HOSTS.console, '/api/users/nobody/disable', { method: 'POST' });
    assert.equal(reply.status, 401, reply.text);
    assert.equal(reply.code(), 'step-up-required');
    const { location } = reply.json<{ error: { location: string } }>().error;
    const url = new URL(location);
    assert.equal(`${url.origin}${url.pathname}`, `http://${HOSTS.identity}:${bench.port}/step-up`);
    assert.match(url.searchParams.get('acr') ?? '', /^urn:cordon:aal/);
    assert.ok(Number(url.searchParams.get('max_age')) > 0);
    bench.clock.advance(-9 * 3_600_000);
  });
});

describe('who may call the identity API', () => {
  let bench: ApiBench;
  let ada: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
  });
  after(async () => await bench.close());

  for (const { name, access, path, sent } of IDENTITY_CALLS) {
    const expected = access === 'session' ? 'only' : 'not only';
    it(`lets in ${expected} people who are signed in on ${name}`, async () => {
      const stranger = await new Browser(bench).call(HOSTS.identity, path, sent);
      const isAsked = stranger.status === 401 && stranger.code() === 'not-authenticated';
      assert.equal(isAsked, access === 'session', stranger.text);
      assert.notEqual(stranger.status, 500, stranger.text);
      // Signing out is last in the table, so the session lives until then.
      const person = await ada.browser.call(HOSTS.identity, path, sent);
      assert.ok(person.status !== 500 && (person.status !== 401 || person.code() !== 'not-authenticated'), person.text);
    });
  }

  it('answers no one who sends the token of a session that has ended', async () => {
    ada.browser.cookies(HOSTS.identity).set('__Host-cordon_session', 'x'.repeat(43));
    assert.equal((await ada.browser.call(HOSTS.identity, '/api/profile')).code(), 'not-authenticated');
  });
});
