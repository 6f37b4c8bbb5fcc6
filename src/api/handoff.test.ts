import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { hashToken, newToken } from '#base';
import { type ApiBench, HOSTS, openApiBench, PAGE } from './testdata/api-bench.ts';
import { Browser, codeOf, enrol, type Person, type Reply } from './testdata/browser.ts';

const WIKI = 'wiki.localhost';

describe('the hand-off of a sign-in to another host', () => {
  let bench: ApiBench;
  let ada: Person;
  const at = (host: string, path = '/'): string => `http://${host}:${bench.port}${path}`;
  const locationOf = (reply: Reply): URL => {
    assert.equal(reply.status, 303, reply.text);
    return new URL(reply.headers.location ?? '', at(HOSTS.identity));
  };

  before(async () => {
    bench = await openApiBench();
    ada = await enrol(bench, 'ada@example.org');
    const { accounts } = bench.services.identity;
    await accounts.setGroups({ userId: ada.userId, groups: ['admins', 'staff'], by: 'local:0' });
  });
  beforeEach(() => {
    for (const host of [HOSTS.console, WIKI]) ada.browser.cookies(host).clear();
  });
  after(async () => await bench.close());

  it('carries a person from the console to the sign-in and back to the page they wanted', async () => {
    const begun = locationOf(await ada.browser.open(at(HOSTS.console, '/assets?tier=0')));
    assert.equal(begun.origin + begun.pathname, at(HOSTS.identity, '/handoff'));
    assert.deepEqual([...begun.searchParams.keys()], ['host', 'challenge', 'return']);
    const issued = locationOf(await ada.browser.open(begun.href));
    assert.equal(issued.origin + issued.pathname, at(HOSTS.console, '/.cordon/callback'));
    const ended = await ada.browser.open(issued.href);
    assert.equal(ended.headers.location, '/assets?tier=0');
    const cookies = ended.headers['set-cookie'] ?? [];
    assert.match(cookies[0] ?? '', /^__Host-cordon_app=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    assert.equal(cookies.length, 1, 'what other tabs need stays');
    assert.equal((await ada.browser.open(at(HOSTS.console, '/assets?tier=0'))).text, PAGE);
  });

  it('lets a person who is not signed in sign in first, and leads them back into the hand-off', async () => {
    const stranger = new Browser(bench);
    const begun = locationOf(await stranger.open(at(HOSTS.console, '/people')));
    const signIn = locationOf(await stranger.open(begun.href));
    assert.equal(signIn.origin + signIn.pathname, at(HOSTS.identity, '/sign-in'));
    const back = signIn.searchParams.get('continue') ?? '';
    assert.equal(back, begun.pathname + begun.search);
    bench.clock.advance(30_000);
    const post = async (path: string, body: object): Promise<Reply> =>
      await stranger.call(HOSTS.identity, path, { method: 'POST', body });
    const { pending } = (
      await post('/api/sign-in/password', { email: ada.email, password: 'seven brave otters' })
    ).json<{ pending: string }>();
    const signed = await post('/api/sign-in/totp', { pending, code: codeOf(ada.secret, bench.clock.now()) });
    assert.equal(signed.status, 200, signed.text);
    const { url, text } = await stranger.visit(at(HOSTS.identity, back));
    assert.equal(url, at(HOSTS.console, '/people'));
    assert.equal(text, PAGE);
  });

  it('carries the sign-in on to an app, through the gateway', async () => {
    const { status, url } = await ada.browser.visit(at(WIKI, '/page?q=1'));
    assert.equal(status, 200);
    assert.equal(url, at(WIKI, '/page?q=1'));
  });

  const CHALLENGE = hashToken('a verifier');
  const refusedRequests: readonly (readonly [what: string, query: string])[] = [
    ['a host that is not ours', `host=evil.example&challenge=${CHALLENGE}`],
    ['a host below one of ours', `host=x.console.localhost&challenge=${CHALLENGE}`],
    ['the identity host itself', `host=${HOSTS.identity}&challenge=${CHALLENGE}`],
    ['the agents’ host', `host=${HOSTS.agent}&challenge=${CHALLENGE}`],
    ['a host with a port', `host=${HOSTS.console}:80&challenge=${CHALLENGE}`],
    ['a host with user information', `host=${HOSTS.console}@evil.example&challenge=${CHALLENGE}`],
    ['a host in capitals', `host=CONSOLE.localhost&challenge=${CHALLENGE}`],
    ['two hosts', `host=${HOSTS.console}&host=evil.example&challenge=${CHALLENGE}`],
    ['no host', `challenge=${CHALLENGE}`],
    ['no challenge', `host=${HOSTS.console}`],
    ['a challenge that could be searched', `host=${HOSTS.console}&challenge=abc`],
    ['two challenges', `host=${HOSTS.console}&challenge=${CHALLENGE}&challenge=${CHALLENGE}`],
  ];
  for (const [what, query] of refusedRequests) {
    it(`issues no code for ${what}`, async () => {
      const reply = await ada.browser.open(at(HOSTS.identity, `/handoff?${query}`));
      assert.equal(reply.status, 400);
      assert.match(reply.text, /handoff-invalid/);
      assert.equal(reply.headers.location, undefined);
      assert.match(String(reply.headers['content-security-policy']), /default-src 'none'/);
    });
  }

  for (const returnTo of [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    'javascript:alert(1)',
    '/.cordon/callback?code=x',
    '/%0d%0aset-cookie:x=y',
    '/people?a=path-of-ours',
  ]) {
    it(`carries nothing when a link says that it leads to \`${returnTo}\` afterwards`, async () => {
      const begun = locationOf(await ada.browser.open(at(HOSTS.console)));
      begun.searchParams.set('return', returnTo);
      const issued = locationOf(await ada.browser.open(begun.href));
      assert.equal(issued.origin, at(HOSTS.console).slice(0, -1));
      const ended = await ada.browser.open(issued.href);
      assert.deepEqual(
        [ended.status, ended.headers.location, ended.headers['set-cookie']],
        [400, undefined, undefined],
      );
    });
  }

  /** A code for a host, with the secret of the browser that goes with it. */
  const issue = async (host: string): Promise<{ code: string; verifier: string }> => {
    const verifier = newToken();
    const proof = createHmac('sha256', verifier).update(`${host} /`).digest('base64url');
    const query = new URLSearchParams({ host, challenge: hashToken(proof), return: '/' });
    const issued = locationOf(await ada.browser.open(at(HOSTS.identity, `/handoff?${query.toString()}`)));
    return { code: issued.searchParams.get('code') ?? '', verifier };
  };
  const redeem = async (code: string, verifier: string | undefined): Promise<Reply> => {
    const headers = verifier === undefined ? {} : { cookie: `__Host-cordon_flow=${verifier}` };
    const path = `/.cordon/callback?code=${code}&return=/`;
    return await new Browser(bench).call(HOSTS.console, path, { headers, bare: true });
  };
  const gotIn = ({ status, headers }: Reply): boolean =>
    status === 303 && (headers['set-cookie'] ?? []).some((line) => line.startsWith('__Host-cordon_app='));

  it('takes a code once', async () => {
    const { code, verifier } = await issue(HOSTS.console);
    assert.ok(gotIn(await redeem(code, verifier)));
    const again = await redeem(code, verifier);
    assert.equal(again.status, 400);
    assert.ok(!gotIn(again));
  });

  it('takes no code that was issued for another host', async () => {
    const { code, verifier } = await issue(WIKI);
    assert.ok(!gotIn(await redeem(code, verifier)));
  });

  it('takes no code that another browser began: neither a stolen nor a planted one', async () => {
    const stolen = await issue(HOSTS.console);
    assert.ok(!gotIn(await redeem(stolen.code, undefined)), 'without a verifier');
    const planted = await issue(HOSTS.console);
    assert.ok(!gotIn(await redeem(planted.code, newToken())), 'with the verifier of the victim’s own browser');
  });

  it('takes no code after a minute, nor one whose session has ended', async () => {
    const late = await issue(HOSTS.console);
    bench.clock.advance(60_001);
    assert.ok(!gotIn(await redeem(late.code, late.verifier)));
    const eve = await enrol(bench, 'eve@example.org');
    const verifier = newToken();
    const query = new URLSearchParams({ host: HOSTS.console, challenge: hashToken(verifier), return: '/' });
    const issued = locationOf(await eve.browser.open(at(HOSTS.identity, `/handoff?${query.toString()}`)));
    await bench.services.identity.accounts.disable({ userId: eve.userId, by: 'local:0' });
    assert.ok(!gotIn(await redeem(issued.searchParams.get('code') ?? '', verifier)));
  });

  it('says on a page what went wrong, with a correlation id that finds the event', async () => {
    const reply = await redeem('x'.repeat(43), newToken());
    assert.match(reply.headers['content-type'] ?? '', /^text\/html/);
    const correlation = /Correlation id <code>(cor_\w+)<\/code>/.exec(reply.text)?.[1];
    const event = bench.journal.recent(20).find(({ metadata }) => metadata.correlation_uid === correlation);
    assert.equal(event?.status_code, 'handoff-invalid');
  });

  it('leads on after a step-up only to hosts of ours', async () => {
    const leave = async (to: string): Promise<string> =>
      locationOf(await ada.browser.open(at(HOSTS.identity, `/leave?${new URLSearchParams({ to }).toString()}`))).href;
    assert.equal(await leave(at(WIKI, '/a?b=c')), at(WIKI, '/a?b=c'));
    assert.equal(await leave(at(HOSTS.console, '/people')), at(HOSTS.console, '/people'));
    assert.equal(await leave(`https://${WIKI}:1/a`), `https://${WIKI}:${bench.port}/a`, 'at our port, not at theirs');
    for (const to of [
      'https://evil.example/',
      'javascript:alert(1)',
      `http://${WIKI}@evil.example/`,
      '//evil.example',
      'data:text/html,x',
      'nonsense',
      '',
    ]) {
      assert.equal(await leave(to), at(HOSTS.identity), to);
    }
    const two = new URLSearchParams([
      ['to', at(WIKI)],
      ['to', 'https://evil.example/'],
    ]);
    const reply = await ada.browser.open(at(HOSTS.identity, `/leave?${two.toString()}`));
    assert.equal(reply.headers.location, '/');
  });

  it('leads nobody out of this installation, whatever the address looks like', async () => {
    const part = fc.constantFrom(
      'http:',
      'https:',
      '//',
      '/',
      '\\',
      '@',
      ':',
      '?',
      '#',
      '.',
      '%2f',
      '%00',
      ' ',
      '\t',
      WIKI,
      'evil.example',
      'a',
    );
    const anything = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (to) => {
        const query = new URLSearchParams({ to }).toString();
        const { headers } = await ada.browser.open(at(HOSTS.identity, `/leave?${query}`));
        const location = headers.location ?? '';
        const { hostname, port } = new URL(location, at(HOSTS.identity));
        assert.ok([HOSTS.identity, HOSTS.console, WIKI].includes(hostname), location);
        assert.equal(port, String(bench.port));
      }),
      { numRuns: 300 },
    );
  });

  it('tells the step-up page the way back, and sends whoever is not signed in to sign in', async () => {
    const query = new URLSearchParams({ acr: 'urn:cordon:aal3', max_age: '900', return: at(WIKI, '/a') });
    const url = at(HOSTS.identity, `/step-up?${query.toString()}`);
    const told = locationOf(await ada.browser.open(url));
    assert.equal(told.pathname, '/step-up');
    assert.equal(told.searchParams.get('acr'), 'urn:cordon:aal3');
    assert.equal(told.searchParams.get('return'), null);
    const leave = told.searchParams.get('continue') ?? '';
    assert.equal((await ada.browser.open(told.href)).text, PAGE);
    assert.equal((await ada.browser.visit(at(HOSTS.identity, leave))).url, at(WIKI, '/a'));
    const stranger = locationOf(await new Browser(bench).open(url));
    assert.equal(stranger.pathname, '/sign-in');
    assert.equal(stranger.searchParams.get('continue'), leave);
  });
});
