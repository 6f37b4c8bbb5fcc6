import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { hashToken, newToken } from '#base';
import type { IDENTITY_ROUTES, ResponseOf } from '#contract';
import { type ApiBench, HOSTS, openApiBench, PAGE } from '../testdata/api-bench.ts';
import { Browser, enrol, type Person, type Reply } from '../testdata/browser.ts';

const WIKI = 'wiki.localhost';
const REDIRECT = 'http://127.0.0.1:43121/cb';
type Allowed = ResponseOf<(typeof IDENTITY_ROUTES)['allowProgram']>;

describe('letting a program open an app', () => {
  let bench: ApiBench;
  let ada: Person;
  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
  });
  beforeEach(() => bench.clock.advance(60_000));
  after(async () => await bench.close());

  const asked = (more: object = {}): object => ({
    host: WIKI,
    challenge: hashToken('v'),
    redirect: REDIRECT,
    form: 'bearer',
    name: 'curl, ada-laptop',
    ...more,
  });
  const call = async (what: 'describe' | 'allow', body: object, browser = ada.browser): Promise<Reply> =>
    await browser.call(HOSTS.identity, `/api/programs/${what}`, { method: 'POST', body });
  const page = (query: Record<string, string>): string =>
    `http://${HOSTS.identity}:${bench.port}/authorize-program?${new URLSearchParams(query).toString()}`;

  it('shows who asks, for what, as whom and until when, and changes nothing by that', async () => {
    const seq = bench.graph.seq;
    const reply = await call('describe', asked());
    assert.deepEqual(reply.json(), {
      app: { name: 'Wiki', url: `http://wiki.localhost:${bench.port}` },
      name: 'curl, ada-laptop',
      form: 'bearer',
      email: 'ada@example.org',
      expiresAt: bench.clock.now() + 3_600_000,
      effect: 'forbid',
      reason: 'No policy permits this',
      refusal: `${REDIRECT}?error=access_denied`,
    });
    assert.equal(bench.graph.seq, seq);
  });

  it('gives a code to the program on this computer, which becomes a token there', async () => {
    const verifier = newToken();
    const reply = await call('allow', asked({ challenge: hashToken(verifier) }));
    const { location = '', code: shown } = reply.json<Allowed>();
    assert.equal(shown, undefined);
    assert.ok(location.startsWith(`${REDIRECT}?code=`), location);
    const code = new URL(location).searchParams.get('code') ?? '';
    const redeemed = await bench.services.identity.handoff.redeem({ code, verifier, host: WIKI, program: {} });
    assert.ok(redeemed.ok);
    assert.match(redeemed.value.token, /^cordon_at_/);
  });

  it('shows the code to the person where the program runs elsewhere', async () => {
    const reply = await call('allow', asked({ redirect: undefined }));
    const { location, code = '' } = reply.json<Allowed>();
    assert.equal(location, undefined);
    assert.match(code, /^[A-Za-z0-9_-]{43}$/);
    assert.equal((await call('describe', asked({ redirect: undefined }))).json()['refusal'], undefined);
  });

  it('gives nothing for opening the link, however it is opened: a link must not hand out tokens', async () => {
    const query = { host: WIKI, challenge: hashToken('v'), form: 'bearer', name: 'x', redirect: REDIRECT };
    const before = bench.graph.seq;
    const opened = await ada.browser.open(page(query));
    assert.deepEqual([opened.status, opened.text, opened.headers.location], [200, PAGE, undefined]);
    for (const what of ['describe', 'allow']) {
      const path = `/api/programs/${what}?${new URLSearchParams(query).toString()}`;
      assert.equal((await ada.browser.call(HOSTS.identity, path)).status, 405);
    }
    assert.equal(bench.graph.seq, before);
  });

  const foreign = {
    'a form of another site': {
      bare: true,
      headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    },
    'a form of an app': { bare: true, headers: { 'sec-fetch-site': 'same-site' } },
    'a script of an app that guesses our header': {
      headers: { origin: `http://wiki.localhost:1`, 'sec-fetch-site': 'same-site' },
    },
    'something that sets no header of ours': { bare: true },
  };
  for (const [name, sent] of Object.entries(foreign)) {
    it(`is not done by ${name}`, async () => {
      const path = '/api/programs/allow';
      const reply = await ada.browser.call(HOSTS.identity, path, { method: 'POST', body: asked(), ...sent });
      assert.deepEqual([reply.status, reply.code()], [403, 'cross-site']);
    });
  }

  it('leads whoever is not signed in to the sign-in, and back to the question', async () => {
    const url = page({ host: WIKI, challenge: hashToken('v'), form: 'bearer', name: 'x' });
    const reply = await new Browser(bench).open(url);
    assert.equal(reply.status, 303);
    const signIn = new URL(reply.headers.location ?? '', url);
    assert.equal(signIn.pathname, '/sign-in');
    assert.equal(signIn.searchParams.get('continue'), url.slice(new URL(url).origin.length));
    assert.equal((await call('describe', asked(), new Browser(bench))).status, 401);
    assert.equal((await call('allow', asked(), new Browser(bench))).status, 401);
  });

  const elsewhere = [
    'http://localhost:43121/cb',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:43121/cb?x=1',
    'http://127.0.0.1:43121/cb#x',
    'http://127.0.0.1:43121/a/b',
    'http://127.0.0.1:43121@evil.example/cb',
    'http://127.0.0.1.evil.example:43121/cb',
    'http://evil.example:43121/cb',
    'http://127.1:43121/cb',
    'http://2130706433:43121/cb',
    'http://0x7f.1:43121/cb',
    'http://[::ffff:127.0.0.1]:43121/cb',
    'http://[::]:43121/cb',
    'http://0.0.0.0:43121/cb',
    'https://127.0.0.1:43121/cb',
    'HTTP://127.0.0.1:43121/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    '//127.0.0.1:43121/cb',
    'http:\\\\127.0.0.1:43121/cb',
    ' http://127.0.0.1:43121/cb',
    'http://127.0.0.1:43121/cb\r\nx: y',
    '',
  ];
  for (const redirect of elsewhere) {
    it(`sends no code to \`${JSON.stringify(redirect).slice(1, -1)}\``, async () => {
      for (const what of ['describe', 'allow'] as const) {
        const reply = await call(what, asked({ redirect }));
        assert.deepEqual([reply.status, reply.code()], [400, 'handoff-invalid'], what);
      }
    });
  }

  for (const redirect of ['http://127.0.0.1:1', 'http://127.0.0.1:65535/', 'http://[::1]:8080/Ab_-9']) {
    it(`sends a code to \`${redirect}\``, async () => {
      const { location = '' } = (await call('allow', asked({ redirect }))).json<Allowed>();
      assert.equal(new URL(location).origin, new URL(redirect).origin);
    });
  }

  const unfit: readonly (readonly [string, object, string])[] = [
    ['a host nobody publishes', { host: 'evil.example' }, 'handoff-invalid'],
    ['the console', { host: HOSTS.console }, 'handoff-invalid'],
    ['the identity host', { host: HOSTS.identity }, 'handoff-invalid'],
    ['a bound token without a key', { form: 'dpop' }, 'handoff-invalid'],
    ['a bearer token with a key', { jkt: hashToken('k') }, 'handoff-invalid'],
    ['a name that turns the text around', { name: 'curl \u202e' }, 'handoff-invalid'],
    ['a name of blanks', { name: '   ' }, 'handoff-invalid'],
    ['no name', { name: undefined }, 'request-invalid'],
    ['a short challenge', { challenge: 'x' }, 'request-invalid'],
    ['another form', { form: 'cookie' }, 'request-invalid'],
    ['a field nobody knows', { scope: 'everything' }, 'request-invalid'],
  ];
  for (const [name, more, code] of unfit) {
    it(`refuses ${name}, before anybody is asked`, async () => {
      for (const what of ['describe', 'allow'] as const) {
        const reply = await call(what, asked(more));
        assert.deepEqual([reply.status, reply.code()], [400, code], what);
      }
    });
  }

  it('is on the page of its person, who can end it, and nobody else can', async () => {
    const eve = await enrol(bench, 'eve@example.org');
    const verifier = newToken();
    const { code = '' } = (
      await call(
        'allow',
        asked({ redirect: undefined, challenge: hashToken(verifier), form: 'dpop', jkt: hashToken('k') }),
      )
    ).json<Allowed>();
    const program = { keyThumbprint: hashToken('k') };
    const redeemed = await bench.services.identity.handoff.redeem({ code, verifier, host: WIKI, program });
    assert.ok(redeemed.ok);
    const { id, createdAt } = redeemed.value.appSession;
    const programs = async (person: Person): Promise<{ id: string }[]> =>
      (await person.browser.call(HOSTS.identity, '/api/profile')).json<{ programs: { id: string }[] }>().programs;
    const mine = (await programs(ada)).find((one) => one.id === id);
    const expected = {
      id,
      name: 'curl, ada-laptop',
      app: 'Wiki',
      form: 'dpop',
      createdAt,
      expiresAt: createdAt + 8 * 3_600_000,
    };
    assert.deepEqual(mine, expected);
    assert.deepEqual(await programs(eve), []);
    const end = async (person: Person): Promise<Reply> =>
      await person.browser.call(HOSTS.identity, `/api/profile/programs/${id}`, { method: 'DELETE' });
    assert.deepEqual([(await end(eve)).status, bench.graph.get('appSession', id) === undefined], [404, false]);
    assert.deepEqual([(await end(ada)).status, bench.graph.get('appSession', id)], [200, undefined]);
  });

  it('asks for a stronger sign-in first where the app demands one, once', async () => {
    const wiki = bench.graph.appByHost(WIKI);
    assert.ok(wiki);
    const vault = { ...wiki, id: 'vault', host: 'vault.localhost', tier: 1 as const };
    await bench.store.transact('system', async (tx) => await tx.put('app', vault));
    const url = page({ host: vault.host, challenge: hashToken('v'), form: 'bearer', name: 'x' });
    const kai = await enrol(bench, 'kai@example.org', ['staff']);
    const reply = await kai.browser.open(url);
    assert.equal(reply.status, 303, reply.text);
    const stepUp = new URL(reply.headers.location ?? '', url);
    assert.deepEqual([stepUp.pathname, stepUp.searchParams.get('acr')], ['/step-up', 'urn:cordon:aal2-phr']);
    const back = new URL(stepUp.searchParams.get('continue') ?? '', url);
    assert.deepEqual([back.pathname, back.searchParams.get('host')], ['/authorize-program', 'vault.localhost']);
    assert.equal((await kai.browser.open(back.href)).status, 200, 'who comes back unsure sees why');
  });
});
