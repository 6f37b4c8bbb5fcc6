import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { CONTROL_ROUTES } from '#contract';
import type { OcsfEvent } from '#model';
import { type ApiBench, HOSTS, openApiBench, START } from '../testdata/api-bench.ts';
import { Browser, callLocal, enrol, type Person, type Reply } from '../testdata/browser.ts';

describe('people over the API', () => {
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

  const call = async (method: string, path: string, body?: object): Promise<Reply> =>
    await ada.browser.call(HOSTS.console, path, { method, body });
  type Users = z.output<typeof CONTROL_ROUTES.users.response>;
  const user = async (id: string): Promise<Users['items'][number] | undefined> =>
    (await call('GET', '/api/users')).json<Users>().items.find((one) => one.id === id);
  /** The event of an act: one, with the person who did it. */
  const recorded = (pattern: RegExp): OcsfEvent => {
    const found = bench.journal.recent(30).filter(({ message }) => pattern.test(message));
    assert.equal(found.length, 1, `${found.length} events`);
    assert.ok(JSON.stringify(found[0]).includes(`user:${ada.userId}`), JSON.stringify(found[0]));
    return found[0] as OcsfEvent;
  };

  it('invites a person by a link whose secret stands in the fragment, so that no server log has it', async () => {
    const body = { email: 'Ben@Example.org', name: 'Ben', groups: ['staff'] };
    const reply = await call('POST', '/api/users', body);
    assert.equal(reply.status, 200, reply.text);
    const { userId, url, expiresAt } = reply.json<z.output<typeof CONTROL_ROUTES.invite.response>>();
    assert.match(url, new RegExp(`^http://id\\.localhost:${bench.port}/enrol#[\\w-]{43}$`));
    assert.equal(expiresAt, START + 3_600_000);
    const ben = await user(userId);
    assert.equal(ben?.email, 'ben@example.org');
    assert.equal(ben?.status, 'invited');
    assert.deepEqual(ben?.factors, { password: false, totp: false, passkeys: 0, recoveryCodesLeft: 0 });
    recorded(/^invited ben@example\.org$/);
    const token = url.split('#')[1];
    const opened = await new Browser(bench).call(HOSTS.identity, '/api/enrolment', { method: 'POST', body: { token } });
    assert.equal(opened.json<{ email: string }>().email, 'ben@example.org');
  });

  for (const [what, body, answer] of [
    ['an address that has an account', { email: 'eve@example.org' }, '409 email-taken'],
    ['a group that does not exist', { email: 'x@example.org', groups: ['no-such'] }, '404 group-unknown'],
    ['something that is no address', { email: 'x' }, '400 request-invalid'],
  ] as const) {
    it(`invites nobody with ${what}`, async () => {
      const reply = await call('POST', '/api/users', body);
      assert.equal(`${reply.status} ${reply.code()}`, answer);
    });
  }

  it('shows factors, groups, sessions and risk of a person', async () => {
    await bench.store.transact('system', async (tx) => {
      await tx.put('risk', {
        id: `user:${eve.userId}`,
        subjectKind: 'user',
        subjectId: eve.userId,
        contributions: [
          { ruleId: 'r', score: 40, at: START, halfLifeMs: 3_600_000, reason: 'six wrong passwords', eventId: 'evt_1' },
        ],
      });
    });
    const shown = await user(eve.userId);
    assert.deepEqual(shown?.factors, { password: true, totp: true, passkeys: 0, recoveryCodesLeft: 10 });
    assert.deepEqual(shown?.groups, ['staff']);
    assert.equal(shown?.sessions, 1);
    assert.deepEqual(shown?.risk, { score: 40, level: 'medium', reasons: ['six wrong passwords'] });
    bench.clock.advance(3_600_000);
    assert.deepEqual((await user(eve.userId))?.risk, { score: 20, level: 'low', reasons: ['six wrong passwords'] });
    bench.clock.advance(-3_600_000);
  });

  it('clears what is held against a person, once', async () => {
    const path = `/api/risks/${encodeURIComponent(`user:${eve.userId}`)}`;
    assert.equal((await call('DELETE', path)).status, 200);
    assert.deepEqual((await user(eve.userId))?.risk, { score: 0, level: 'low', reasons: [] });
    recorded(/cleared by/);
    assert.equal((await call('DELETE', path)).code(), 'risk-unknown');
  });

  it('counts the members of a group through the groups inside it', async () => {
    await bench.services.identity.groups.create({ id: 'everybody', by: 'local:0' });
    await bench.services.identity.groups.setParents({ id: 'staff', parents: ['everybody'], by: 'local:0' });
    const { items } = (await call('GET', '/api/groups')).json<z.output<typeof CONTROL_ROUTES.groups.response>>();
    const members = Object.fromEntries(items.map((group) => [group.id, group.members]));
    assert.equal(members['everybody'], 2, 'eve and the invited ben');
    assert.deepEqual(items.find(({ id }) => id === 'staff')?.parents, ['everybody']);
  });

  it('moves a person between groups', async () => {
    assert.equal((await call('PUT', `/api/users/${eve.userId}/groups`, { groups: ['analysts'] })).status, 200);
    assert.deepEqual((await user(eve.userId))?.groups, ['analysts']);
    recorded(/^set the groups of eve@example\.org$/);
  });

  it('disables a person: their sessions end; enables them: they can sign in again', async () => {
    assert.equal((await call('POST', `/api/users/${eve.userId}/disable`)).status, 200);
    assert.equal((await eve.browser.call(HOSTS.identity, '/api/profile')).status, 401);
    assert.equal((await user(eve.userId))?.status, 'disabled');
    recorded(/^disabled eve@example\.org$/);
    assert.equal((await call('POST', `/api/users/${eve.userId}/enable`)).status, 200);
    assert.equal((await user(eve.userId))?.status, 'active');
    recorded(/^enabled eve@example\.org$/);
  });

  it('throws the factors of a person away and makes a new link; an administrator sees no password', async () => {
    const reply = await call('POST', `/api/users/${eve.userId}/reset`);
    assert.match(reply.json<{ url: string }>().url, /\/enrol#[\w-]{43}$/);
    assert.deepEqual((await user(eve.userId))?.factors, {
      password: false,
      totp: false,
      passkeys: 0,
      recoveryCodesLeft: 0,
    });
    recorded(/^reset the factors of eve@example\.org$/);
  });

  it('removes a person', async () => {
    assert.equal((await call('DELETE', `/api/users/${eve.userId}`)).status, 200);
    assert.equal(await user(eve.userId), undefined);
    recorded(/^removed eve@example\.org$/);
  });

  it('keeps an administrator, whoever asks', async () => {
    for (const [method, path, body] of [
      ['POST', `/api/users/${ada.userId}/disable`, undefined],
      ['DELETE', `/api/users/${ada.userId}`, undefined],
      ['PUT', `/api/users/${ada.userId}/groups`, { groups: [] }],
    ] as const) {
      const reply = await callLocal(bench, path, { method, body });
      assert.equal(`${reply.status} ${reply.code()}`, '409 last-administrator', path);
    }
  });

  it('names the operator as the one who did it on the socket', async () => {
    const body = { email: 'zoe@example.org' };
    assert.equal((await callLocal(bench, '/api/users', { method: 'POST', body })).status, 200);
    const event = bench.journal.recent(1)[0];
    assert.ok(JSON.stringify(event).includes('local:1000'));
    const me = (await callLocal(bench, '/api/me')).json<z.output<typeof CONTROL_ROUTES.me.response>>();
    assert.deepEqual(me, {
      id: 'local:1000',
      email: '',
      name: 'operator of this machine',
      canManage: true,
      acr: '',
    });
  });

  it('tells a person who they are and whether they may manage', async () => {
    const ben = await enrol(bench, 'max@example.org', ['analysts']);
    await ben.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    type Me = z.output<typeof CONTROL_ROUTES.me.response>;
    const mine = (await ben.browser.call(HOSTS.console, '/api/me')).json<Me>();
    assert.deepEqual(mine, {
      id: ben.userId,
      email: 'max@example.org',
      name: 'A. Person',
      canManage: false,
      acr: 'urn:cordon:aal2',
    });
    assert.equal((await call('GET', '/api/me')).json<Me>().canManage, true);
  });
});
