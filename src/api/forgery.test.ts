import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ApiBench, HOSTS, openApiBench } from './testdata/api-bench.ts';
import { callLocal, enrol, type Person, type Sent } from './testdata/browser.ts';

describe('requests that another site makes the browser send', () => {
  let bench: ApiBench;
  let ada: Person;
  let consoleOrigin: string;
  let identityOrigin: string;

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    consoleOrigin = `http://${HOSTS.console}:${bench.port}`;
    identityOrigin = `http://${HOSTS.identity}:${bench.port}`;
    await ada.browser.visit(`${consoleOrigin}/`);
  });
  after(async () => await bench.close());

  const HEADER = { 'x-requested-with': 'cordon-console' };
  /** Headers of a request that changes something, and whether it is refused. `own` stands for the origin of the host. */
  const changes: readonly (readonly [what: string, headers: Readonly<Record<string, string>>, refused: boolean])[] = [
    ['a simple request of any site', {}, true],
    ['a form of another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, true],
    ['a script of another site that sets the header', { ...HEADER, origin: 'https://evil.example' }, true],
    ['a sandboxed frame', { ...HEADER, origin: 'null' }, true],
    ['an app on a sibling host', { ...HEADER, origin: 'http://wiki.localhost', 'sec-fetch-site': 'same-site' }, true],
    ['a sibling host whose origin was stripped', { ...HEADER, 'sec-fetch-site': 'same-site' }, true],
    ['another site whose origin was stripped', { ...HEADER, 'sec-fetch-site': 'cross-site' }, true],
    ['the same host on another port', { ...HEADER, origin: 'http://console.localhost:1' }, true],
    ['the same host over TLS', { ...HEADER, origin: 'own-tls' }, true],
    ['a navigation with a body', { ...HEADER, 'sec-fetch-site': 'none' }, true],
    ['our own page', { ...HEADER, origin: 'own', 'sec-fetch-site': 'same-origin' }, false],
    ['our own page in an old browser', { ...HEADER, origin: 'own' }, false],
    ['a script that sends the header', HEADER, false],
  ];

  const withOrigin = (headers: Readonly<Record<string, string>>, origin: string): Record<string, string> => {
    const { origin: given, ...rest } = headers;
    if (given === undefined) return rest;
    return {
      ...rest,
      origin: given === 'own' ? origin : given === 'own-tls' ? origin.replace('http:', 'https:') : given,
    };
  };

  for (const [what, headers, refused] of changes) {
    for (const method of ['POST', 'PUT', 'DELETE'] as const) {
      it(`${refused ? 'refuses' : 'takes'} ${method} from ${what} on the console host`, async () => {
        const path = { POST: '/api/users/x/disable', PUT: '/api/users/x/groups', DELETE: '/api/users/x' }[method];
        const body = method === 'PUT' ? { groups: [] } : undefined;
        const sent: Sent = { method, body, bare: true, headers: withOrigin(headers, consoleOrigin) };
        const reply = await ada.browser.call(HOSTS.console, path, sent);
        assert.equal(reply.code(), refused ? 'cross-site' : 'user-unknown');
        assert.equal(reply.status, refused ? 403 : 404);
      });
    }
    it(`${refused ? 'refuses' : 'takes'} a sign-in from ${what}`, async () => {
      const sent: Sent = {
        method: 'POST',
        body: { token: 'unknown' },
        bare: true,
        headers: withOrigin(headers, identityOrigin),
      };
      const reply = await ada.browser.call(HOSTS.identity, '/api/enrolment', sent);
      assert.equal(reply.code(), refused ? 'cross-site' : 'link-invalid');
    });
  }

  for (const [site, refused] of [
    ['cross-site', true],
    ['same-site', true],
    ['same-origin', false],
    ['none', false],
  ] as const) {
    it(`${refused ? 'refuses' : 'answers'} a read whose Sec-Fetch-Site is ${site}`, async () => {
      const sent: Sent = { bare: true, headers: { 'sec-fetch-site': site } };
      assert.equal((await ada.browser.call(HOSTS.console, '/api/me', sent)).status, refused ? 403 : 200);
      assert.equal((await ada.browser.call(HOSTS.identity, '/api/profile', sent)).status, refused ? 403 : 200);
    });
  }

  it('answers no preflight, so no other origin may set headers or read an answer', async () => {
    for (const host of [HOSTS.console, HOSTS.identity]) {
      const path = host === HOSTS.console ? '/api/users' : '/api/enrolment';
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      const reply = await ada.browser.call(host, path, { method: 'OPTIONS', headers, bare: true });
      assert.equal(reply.status, 405);
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
  });

  it('does nothing before it refuses: the operator’s socket has no such rule, and no cookie counts there', async () => {
    const reply = await callLocal(bench, '/api/users/x/disable', { method: 'POST' });
    assert.equal(reply.code(), 'user-unknown');
    const cookie = `__Host-cordon_app=${ada.browser.cookies(HOSTS.console).get('__Host-cordon_app')}`;
    const me = await callLocal(bench, '/api/me', { headers: { cookie } });
    assert.equal(me.json<{ id: string }>().id, 'local:1000');
  });

  it('signs nobody out by a link or a form of another site', async () => {
    const path = '/.cordon/sign-out';
    assert.equal((await ada.browser.call(HOSTS.console, path, { method: 'POST', bare: true })).status, 403);
    assert.equal((await ada.browser.open(`${consoleOrigin}${path}`)).status, 404);
    assert.equal((await ada.browser.call(HOSTS.console, '/api/me')).status, 200);
  });
});

describe('cookies that somebody tosses or carries over', () => {
  let bench: ApiBench;
  let ada: Person;
  let eve: Person;
  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    eve = await enrol(bench, 'eve@example.org', ['staff']);
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
    await eve.browser.visit(`http://wiki.localhost:${bench.port}/`);
    await ada.browser.visit(`http://${HOSTS.console}:${bench.port}/`);
  });
  after(async () => await bench.close());

  const app = (person: Person, host: string): string => person.browser.cookies(host).get('__Host-cordon_app') ?? '';
  const session = (person: Person): string => person.browser.cookies(HOSTS.identity).get('__Host-cordon_session') ?? '';

  const attempts: readonly (readonly [what: string, host: string, path: string, cookie: () => string])[] = [
    [
      'two app cookies, of which one is right',
      HOSTS.console,
      '/api/me',
      () => `__Host-cordon_app=${app(ada, HOSTS.console)}; __Host-cordon_app=x`,
    ],
    [
      'the same app cookie twice',
      HOSTS.console,
      '/api/me',
      () => `__Host-cordon_app=${app(ada, HOSTS.console)}; __Host-cordon_app=${app(ada, HOSTS.console)}`,
    ],
    [
      'the cookie of an app host on the console host',
      HOSTS.console,
      '/api/me',
      () => `__Host-cordon_app=${app(eve, 'wiki.localhost')}`,
    ],
    ['the session token as an app cookie', HOSTS.console, '/api/me', () => `__Host-cordon_app=${session(ada)}`],
    ['the session cookie on the console host', HOSTS.console, '/api/me', () => `__Host-cordon_session=${session(ada)}`],
    [
      'two session cookies, of which one is right',
      HOSTS.identity,
      '/api/profile',
      () => `__Host-cordon_session=x; __Host-cordon_session=${session(ada)}`,
    ],
    [
      'the console’s cookie as a session',
      HOSTS.identity,
      '/api/profile',
      () => `__Host-cordon_session=${app(ada, HOSTS.console)}`,
    ],
    ['an empty cookie', HOSTS.identity, '/api/profile', () => '__Host-cordon_session='],
    [
      'the hash of a token, as the store has it',
      HOSTS.identity,
      '/api/profile',
      () => `__Host-cordon_session=${[...bench.graph.all('session')][0]?.tokenHash}`,
    ],
  ];

  for (const [what, host, path, cookie] of attempts) {
    it(`knows nobody by ${what}`, async () => {
      assert.notEqual(cookie().split('=')[1] === '' && what !== 'an empty cookie', true, 'the attack is set up');
      const reply = await ada.browser.call(host, path, { headers: { cookie: cookie() } });
      assert.equal(reply.status, 401, reply.text);
      assert.equal(reply.code(), 'not-authenticated');
    });
  }

  it('believes no header about the client: neither who, nor where from, nor over what', async () => {
    const headers = {
      'x-forwarded-for': '203.0.113.9',
      'x-real-ip': '203.0.113.9',
      forwarded: 'for=203.0.113.9;proto=https',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      'x-remote-user': 'ada@example.org',
    };
    const body = { email: 'nobody@example.org', password: 'wrong' };
    await ada.browser.call(HOSTS.identity, '/api/sign-in/password', { method: 'POST', headers, body });
    const event = bench.journal.recent(1)[0];
    assert.deepEqual(event?.src_endpoint, { ip: '127.0.0.1' });
    const page = await ada.browser.call(HOSTS.console, '/', {
      headers: { ...headers, accept: 'text/html', cookie: '' },
      bare: true,
    });
    assert.ok(page.headers.location?.startsWith(`http://${HOSTS.identity}:${bench.port}/handoff?`));
  });
});
