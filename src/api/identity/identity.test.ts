import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { IDENTITY_ROUTES } from '#contract';
import type { z } from 'zod';
import { type ApiBench, HOSTS, openApiBench, PASSWORD } from '../testdata/api-bench.ts';
import { Browser, codeOf, enrol, type Person, type Reply } from '../testdata/browser.ts';

const SESSION = '__Host-cordon_session';
const DEVICE = '__Host-cordon_device';

describe('the identity host', () => {
  let bench: ApiBench;
  let ada: Person;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
  });
  // Every test signs in with a code that was not used before.
  beforeEach(() => bench.clock.advance(60_000));
  after(async () => await bench.close());

  const post = async (browser: Browser, path: string, body: object): Promise<Reply> =>
    await browser.call(HOSTS.identity, path, { method: 'POST', body });
  const signIn = async (person: Person, browser = person.browser): Promise<Reply> => {
    const { pending } = (
      await post(browser, '/api/sign-in/password', { email: person.email, password: PASSWORD })
    ).json<{ pending: string }>();
    return await post(browser, '/api/sign-in/totp', { pending, code: codeOf(person.secret, bench.clock.now()) });
  };
  const profile = async (browser: Browser): Promise<Reply> => await browser.call(HOSTS.identity, '/api/profile');
  type Profile = z.output<typeof IDENTITY_ROUTES.profile.response>;

  it('leads from a link to an account: password, authenticator app, recovery codes, session', async () => {
    const eve = await enrol(bench, 'eve@example.org', ['staff']);
    assert.equal(eve.recoveryCodes.length, 10);
    const { user, session, factors, sessions, apps } = (await profile(eve.browser)).json<Profile>();
    assert.deepEqual(user, { id: eve.userId, email: 'eve@example.org', name: 'A. Person', groups: ['staff'] });
    assert.equal(session.acr, 'urn:cordon:aal2');
    assert.deepEqual(factors, { totp: true, passkeys: 0, recoveryCodesLeft: 10 });
    assert.deepEqual(
      sessions.map(({ current }) => current),
      [true],
    );
    assert.deepEqual(apps, [
      {
        id: 'wiki',
        name: 'Wiki',
        url: `http://wiki.localhost:${bench.port}`,
        effect: 'permit',
        reason: 'A policy permits this',
      },
    ]);
  });

  it('gives a QR code that draws the secret, and nothing that runs', async () => {
    const invited = await bench.services.identity.invitations.invite({
      email: 'q@example.org',
      name: '',
      groups: [],
      by: 'local:0',
    });
    assert.ok(invited.ok);
    const browser = new Browser(bench);
    const { enrolment } = (await post(browser, '/api/enrolment', { token: invited.value.token })).json<{
      enrolment: string;
    }>();
    const { secret, uri, qrSvg } = (await post(browser, '/api/enrolment/totp', { enrolment })).json<{
      secret: string;
      uri: string;
      qrSvg: string;
    }>();
    assert.match(uri, new RegExp(`^otpauth://totp/.*secret=${secret}`));
    assert.match(qrSvg, /^<svg [^>]*>(?:<path [^>]*\/>)+<\/svg>\s*$/);
  });

  it('ends a link with its use, and with a wrong code nothing is enrolled', async () => {
    const invited = await bench.services.identity.invitations.invite({
      email: 'w@example.org',
      name: '',
      groups: [],
      by: 'local:0',
    });
    assert.ok(invited.ok);
    const { token } = invited.value;
    const browser = new Browser(bench);
    const { enrolment } = (await post(browser, '/api/enrolment', { token })).json<{ enrolment: string }>();
    await post(browser, '/api/enrolment/password', { enrolment, name: 'W', password: PASSWORD });
    const { secret } = (await post(browser, '/api/enrolment/totp', { enrolment })).json<{ secret: string }>();
    const wrong = await post(browser, '/api/enrolment/totp/confirm', { enrolment, code: '000000' });
    assert.equal(`${wrong.status} ${wrong.code()}`, '401 code-wrong');
    const early = await post(browser, '/api/enrolment/finish', { enrolment });
    assert.equal(`${early.status} ${early.code()}`, '400 enrolment-incomplete');
    assert.equal(early.headers['set-cookie'], undefined);
    await post(browser, '/api/enrolment/totp/confirm', { enrolment, code: codeOf(secret, bench.clock.now()) });
    assert.equal((await post(browser, '/api/enrolment/finish', { enrolment })).status, 200);
    assert.equal((await post(new Browser(bench), '/api/enrolment', { token })).code(), 'link-invalid');
  });

  it('hands out cookies that only this host can set and no script can read', async () => {
    const browser = new Browser(bench);
    const [session = '', device = ''] = (await signIn(ada, browser)).headers['set-cookie'] ?? [];
    assert.match(session, /^__Host-cordon_session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    assert.match(device, /^__Host-cordon_device=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000$/);
  });

  it('gives no session for a password alone, nor for a code without a password', async () => {
    const browser = new Browser(bench);
    const first = await post(browser, '/api/sign-in/password', { email: ada.email, password: PASSWORD });
    assert.deepEqual(
      { ...first.json<object>(), pending: '' },
      { next: 'second-factor', pending: '', factors: ['totp', 'recovery'] },
    );
    assert.equal(first.headers['set-cookie'], undefined);
    assert.equal((await profile(browser)).status, 401);
    const code = codeOf(ada.secret, bench.clock.now());
    assert.equal((await post(browser, '/api/sign-in/totp', { pending: 'guessed', code })).code(), 'flow-expired');
  });

  it('tells a wrong password from an unknown account by nothing', async () => {
    const known = await post(new Browser(bench), '/api/sign-in/password', { email: ada.email, password: 'wrong' });
    const unknown = await post(new Browser(bench), '/api/sign-in/password', {
      email: 'no@example.org',
      password: 'wrong',
    });
    assert.equal(known.status, 401);
    const without = ({ text, headers }: Reply): unknown[] => [
      text.replace(/cor_\w+/, ''),
      { ...headers, date: '', 'x-cordon-correlation-id': '' },
    ];
    assert.deepEqual(without(known), without(unknown));
    bench.clock.advance(3_600_000);
  });

  it('signs in with a recovery code, once', async () => {
    const [code = ''] = ada.recoveryCodes;
    const attempt = async (): Promise<Reply> => {
      const browser = new Browser(bench);
      const { pending } = (
        await post(browser, '/api/sign-in/password', { email: ada.email, password: PASSWORD })
      ).json<{ pending: string }>();
      return await post(browser, '/api/sign-in/recovery', { pending, code });
    };
    assert.equal((await attempt()).status, 200);
    assert.equal((await attempt()).code(), 'code-wrong');
    bench.clock.advance(3_600_000);
  });

  it('ends the session a browser had when it signs in again', async () => {
    const browser = new Browser(bench);
    await signIn(ada, browser);
    const before = browser.cookies(HOSTS.identity).get(SESSION) ?? '';
    bench.clock.advance(30_000);
    await signIn(ada, browser);
    const stale = new Browser(bench);
    stale.cookies(HOSTS.identity).set(SESSION, before);
    assert.equal((await profile(stale)).status, 401);
    assert.equal((await profile(browser)).status, 200);
  });

  it('replaces the session with every step-up: the old token and the sign-ins carried on with it are dead', async () => {
    const browser = new Browser(bench);
    await signIn(ada, browser);
    await browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    assert.equal((await browser.call(HOSTS.console, '/api/me')).status, 200);
    const before = browser.cookies(HOSTS.identity).get(SESSION) ?? '';
    bench.clock.advance(30_000);
    const raised = await post(browser, '/api/step-up/totp', { code: codeOf(ada.secret, bench.clock.now()) });
    assert.deepEqual(raised.json(), { next: 'done' });
    assert.notEqual(browser.cookies(HOSTS.identity).get(SESSION), before);
    assert.equal((await profile(browser)).status, 200);
    assert.equal((await browser.call(HOSTS.console, '/api/me')).status, 401);
    const stale = new Browser(bench);
    stale.cookies(HOSTS.identity).set(SESSION, before);
    assert.equal((await profile(stale)).status, 401);
  });

  it('recognises a browser by its cookie, and gives no second one', async () => {
    const browser = new Browser(bench);
    await signIn(ada, browser);
    const device = browser.cookies(HOSTS.identity).get(DEVICE);
    browser.cookies(HOSTS.identity).delete(SESSION);
    bench.clock.advance(30_000);
    assert.equal((await signIn(ada, browser)).headers['set-cookie']?.length, 1);
    assert.equal(browser.cookies(HOSTS.identity).get(DEVICE), device);
  });

  it('signs out: the session is over, everywhere and at once', async () => {
    const browser = new Browser(bench);
    await signIn(ada, browser);
    await browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    const token = browser.cookies(HOSTS.identity).get(SESSION) ?? '';
    const reply = await post(browser, '/api/sign-out', {});
    assert.match(reply.headers['set-cookie']?.[0] ?? '', /^__Host-cordon_session=; .*Max-Age=0$/);
    assert.ok(browser.cookies(HOSTS.identity).has(DEVICE), 'the browser stays known');
    assert.equal((await browser.call(HOSTS.console, '/api/me')).status, 401);
    browser.cookies(HOSTS.identity).set(SESSION, token);
    assert.equal((await profile(browser)).status, 401);
  });

  it('signs out from the console too', async () => {
    const browser = new Browser(bench);
    await signIn(ada, browser);
    await browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    const reply = await browser.call(HOSTS.console, '/.cordon/sign-out', { method: 'POST' });
    assert.equal(reply.status, 303);
    assert.equal(reply.headers.location, `http://${HOSTS.identity}:${bench.port}/sign-in`);
    assert.ok(!browser.cookies(HOSTS.console).has('__Host-cordon_app'));
    assert.equal((await profile(browser)).status, 401);
  });

  it('ends another session of the same person, and of nobody else', async () => {
    const other = new Browser(bench);
    await signIn(ada, other);
    bench.clock.advance(30_000);
    await signIn(ada);
    const { sessions } = (await profile(ada.browser)).json<Profile>();
    const mine = sessions.find(({ current }) => current);
    const [eve] = [...bench.graph.all('session')].filter(({ userId }) => userId !== ada.userId);
    const end = async (id: string): Promise<Reply> =>
      await ada.browser.call(HOSTS.identity, `/api/profile/sessions/${id}`, { method: 'DELETE' });
    assert.equal((await end(eve?.id ?? '')).code(), 'session-unknown');
    for (const { id } of sessions.filter(({ id: one }) => one !== mine?.id)) assert.equal((await end(id)).status, 200);
    assert.equal((await profile(other)).status, 401);
    assert.equal((await profile(ada.browser)).json<Profile>().sessions.length, 1);
  });

  it('shows why an app is closed to a person', async () => {
    await signIn(ada);
    const { apps } = (await profile(ada.browser)).json<Profile>();
    assert.deepEqual(
      apps.map(({ effect, reason }) => ({ effect, reason })),
      [{ effect: 'forbid', reason: 'No policy permits this' }],
    );
  });

  it('asks for a fresh sign-in before a factor is added, and says where', async () => {
    await signIn(ada);
    assert.equal((await post(ada.browser, '/api/profile/passkeys/options', {})).status, 200);
    bench.clock.advance(16 * 60_000);
    const reply = await post(ada.browser, '/api/profile/passkeys/options', {});
    assert.equal(`${reply.status} ${reply.code()}`, '403 sign-in-too-old');
    assert.equal(reply.json<{ error: { location: string } }>().error.location, '/step-up');
  });

  it('slows down guessing, and says for how long', async () => {
    const browser = new Browser(bench);
    const guess = async (): Promise<Reply> =>
      await post(browser, '/api/sign-in/password', { email: ada.email, password: 'wrong' });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) statuses.push((await guess()).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429]);
    const refused = await guess();
    assert.equal(refused.code(), 'too-many-attempts');
    assert.equal(refused.headers['retry-after'], '30');
    const events = bench.journal.recent(1);
    assert.equal(events[0]?.status_code, 'too-many-attempts');
  });
});
