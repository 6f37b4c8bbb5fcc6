import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newToken } from '#base';
import type { Answer } from './wire.ts';
import { BOB, type World, world } from './world.ts';

const FORM = 'title=A+%26+B&text=%3Cb%3E%22x%22%3C%2Fb%3E%0D%0Ay';
const PERSON = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' };
const WEAK = { acr: 'urn:cordon:aal2', amr: ['pwd', 'otp', 'mfa'] } as const;
const PATH = '/.cordon/send-again';

/** A world in which the wiki demands a passkey, and Ada has signed in with a code. */
async function strict(): Promise<World> {
  return await world({ apps: [{ tier: 0 }] });
}

async function post(made: World, more: { cookie?: string; body?: string; headers?: object } = {}): Promise<Answer> {
  const { cookie, body = FORM, headers = {} } = more;
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return await made.ask({
    method: 'POST',
    path: '/pages?x=1',
    body,
    headers: { ...PERSON, ...type, ...headers },
    ...(cookie === undefined ? {} : { cookie }),
  });
}

const formCookie = (answer: Answer): string | undefined =>
  (answer.headers['set-cookie'] ?? []).map((line) => /^(__Host-cordon_form=[\w-]{43});/.exec(line)?.[1]).find(Boolean);

describe('a form that was sent before its person had proved who they are', () => {
  it('is kept over a step-up, shown with a button, and delivered only by that', async () => {
    const made = await strict();
    const refused = await post(made, { cookie: made.signIn({ session: WEAK }) });
    assert.equal(refused.status, 401);
    assert.match(refused.body, /not delivered yet/);
    const stepUp = /href="([^"]*step-up[^"]*)"/.exec(refused.body)?.[1]?.replaceAll('&#38;', '&') ?? '';
    assert.equal(new URL(stepUp).searchParams.get('return'), `http://wiki.localhost:${made.port}${PATH}`);
    const kept = formCookie(refused);
    assert.ok(kept);
    assert.match(refused.headers['set-cookie']?.join() ?? '', /Secure; HttpOnly; SameSite=Lax; Max-Age=600/);
    const cookie = `${made.signIn()}; ${kept}`;
    const shown = await made.ask({ path: PATH, cookie, headers: PERSON });
    assert.equal(shown.status, 200);
    assert.match(shown.body, /<form method="post" action="\/pages\?x=1"/);
    assert.match(shown.body, /name="title" value="A &#38; B"/);
    assert.match(shown.body, /value="&#60;b&#62;&#34;x&#34;&#60;\/b&#62;\r\ny"/);
    assert.doesNotMatch(shown.body, /<script|<b>/);
    assert.match(String(shown.headers['content-security-policy']), /^default-src 'none'; style-src 'sha256-/);
    assert.doesNotMatch(
      String(shown.headers['content-security-policy']),
      /form-action/,
      'the app may lead on to anywhere',
    );
    assert.equal(made.arrivals.length, 0, 'nothing was sent for anybody');
    const again = await made.ask({ path: PATH, cookie, headers: PERSON });
    assert.deepEqual([again.status, /What you sent is lost/.test(again.body)], [410, true], 'shown once');
  });

  it('is kept over a sign-in, which leads back to it', async () => {
    const made = await world();
    const refused = await post(made);
    assert.equal(refused.status, 303);
    assert.equal(new URL(String(refused.headers.location)).searchParams.get('return'), PATH);
    const shown = await made.ask({
      path: PATH,
      cookie: `${made.signIn()}; ${formCookie(refused) ?? ''}`,
      headers: PERSON,
    });
    assert.match(shown.body, /Send again\?/);
  });

  it('waits while this host has not been handed the new session', async () => {
    const made = await strict();
    const kept = formCookie(await post(made, { cookie: made.signIn({ session: WEAK }) })) ?? '';
    const handed = await made.ask({ path: PATH, cookie: kept, headers: PERSON });
    assert.equal(handed.status, 303);
    assert.equal(new URL(String(handed.headers.location)).searchParams.get('return'), PATH);
    const shown = await made.ask({ path: PATH, cookie: `${made.signIn()}; ${kept}`, headers: PERSON });
    assert.match(shown.body, /Send again\?/);
  });

  it('is not shown to another person, at another app, without its secret or after ten minutes', async () => {
    const made = await strict();
    const keep = async (): Promise<string> =>
      formCookie(await post(made, { cookie: made.signIn({ session: WEAK }) })) ?? assert.fail();
    const look = async (cookie: string, host = 'wiki.localhost'): Promise<number> =>
      (await made.ask({ path: PATH, host, cookie, headers: PERSON })).status;
    assert.equal(await look(`${made.signIn({ user: BOB.id })}; ${await keep()}`), 410);
    assert.equal(await look(`${made.signIn({ host: 'verify.localhost' })}; ${await keep()}`, 'verify.localhost'), 410);
    assert.equal(await look(`${made.signIn()}; __Host-cordon_form=${newToken()}`), 410);
    assert.equal(await look(made.signIn()), 410);
    const late = await keep();
    made.clock.advance(600_000);
    assert.equal(await look(`${made.signIn()}; ${late}`), 410);
  });

  const lost: readonly (readonly [string, { body?: string; headers?: object }])[] = [
    ['with files', { headers: { 'content-type': 'multipart/form-data; boundary=x' } }],
    ['as JSON', { headers: { 'content-type': 'application/json' } }],
    ['of more than 64 KiB', { body: `a=${'x'.repeat(65_536)}` }],
    ['with what is not UTF-8', { body: 'a=%ff' }],
  ];
  for (const [name, more] of lost) {
    it(`${name} is lost, and its person is told so`, async () => {
      const made = await strict();
      const refused = await post(made, { cookie: made.signIn({ session: WEAK }), ...more });
      assert.equal(refused.status, 401);
      assert.match(refused.body, /What you sent was not delivered, and is not kept/);
      assert.equal(formCookie(refused), undefined);
      assert.equal(made.arrivals.length, 0);
    });
  }

  it('is not kept for a program, nor for what another site sends', async () => {
    const made = await strict();
    const cookie = made.signIn({ session: WEAK });
    const program = await post(made, { cookie, headers: { accept: 'application/json', 'sec-fetch-mode': 'cors' } });
    assert.deepEqual([program.status, formCookie(program)], [401, undefined]);
    const foreign = await post(made, {
      cookie,
      headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    });
    assert.deepEqual([foreign.status, formCookie(foreign)], [403, undefined]);
  });

  it('never reaches the app with its cookie', async () => {
    const made = await world();
    await made.ask({ cookie: `${made.signIn()}; __Host-cordon_form=${newToken()}; theme=dark` });
    assert.equal(made.arrivals[0]?.headers['cookie'], 'theme=dark');
  });
});
