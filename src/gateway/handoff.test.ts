import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { err, hashToken, newToken, ok } from '#base';
import { createHandoff, type Redeemer } from './handoff.ts';

const CODE = newToken();
const client = { address: '192.0.2.1', userAgent: 'test' };

function handoff(redeem?: Redeemer['redeem']): { made: ReturnType<typeof createHandoff>; asked: unknown[] } {
  const asked: unknown[] = [];
  const made = createHandoff({
    identityOrigin: (transport) => (transport === 'tls' ? 'https://id.example.org' : 'http://id.localhost:8080'),
    redeemer: {
      redeem: (input) => {
        asked.push(input);
        if (redeem !== undefined) return redeem(input);
        const appSession = { id: 'app_1', tokenHash: 'h', sessionId: 's1', host: input.host, createdAt: 0 };
        return Promise.resolve(ok({ token: 'the-token', appSession }));
      },
    },
  });
  return { made, asked };
}

const secretOf = (cookies: readonly string[]): string =>
  /^__Host-cordon_flow=([^;]*)/.exec(cookies[0] ?? '')?.[1] ?? '';

/** What a browser holds after it was told to set these cookies. */
function jarAfter(jar: string, cookies: readonly string[]): string {
  const held = new Map(
    jar.split('; ').map((pair): [string, string] => [pair.split('=')[0] ?? '', pair.split('=')[1] ?? '']),
  );
  for (const cookie of cookies) {
    const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
    if (cookie.endsWith('; Max-Age=0')) held.delete(name);
    else held.set(name, value);
  }
  return [...held].map((pair) => pair.join('=')).join('; ');
}

describe('the hand-off on an app host (RFC 7636)', () => {
  it('begins at the id host of the same listener, with a challenge that only this browser can answer', () => {
    const step = handoff().made.begin({ host: 'wiki.example.org', transport: 'tls', returnTo: '/a?b=1' });
    const url = new URL(step.location);
    assert.equal(url.origin + url.pathname, 'https://id.example.org/handoff');
    assert.equal(url.searchParams.get('host'), 'wiki.example.org');
    assert.equal(url.searchParams.get('return'), '/a?b=1');
    assert.match(url.searchParams.get('challenge') ?? '', /^[\w-]{43}$/);
    assert.ok(!step.location.includes(secretOf(step.cookies)));
    assert.match(step.cookies[0] ?? '', /; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600$/);
  });

  it('gives tabs that begin together one secret, and nobody a secret of another’s choosing', () => {
    const { made } = handoff();
    const begin = (cookie?: string) =>
      secretOf(made.begin({ host: 'w', transport: 'http', returnTo: '/', cookie }).cookies);
    const first = begin();
    assert.equal(begin(`__Host-cordon_flow=${first}`), first);
    assert.notEqual(begin('__Host-cordon_flow=short'), 'short');
    assert.notEqual(begin(`__Host-cordon_flow=${first}; __Host-cordon_flow=${newToken()}`), first);
  });

  it('ends with the cookie of the app, the way back, and no verifier', async () => {
    const { made, asked } = handoff();
    const begun = made.begin({ host: 'wiki.example.org', transport: 'tls', returnTo: '/a?b=1' });
    const step = await made.callback({
      host: 'wiki.example.org',
      target: `/.cordon/callback?code=${CODE}&return=%2Fa%3Fb%3D1`,
      cookie: `x=1; __Host-cordon_flow=${secretOf(begun.cookies)}`,
      client,
    });
    assert.ok(step.ok);
    assert.equal(step.value.location, '/a?b=1');
    assert.deepEqual(step.value.cookies, ['__Host-cordon_app=the-token; Path=/; Secure; HttpOnly; SameSite=Lax']);
    const [{ verifier, ...rest }] = asked as [{ verifier: string }];
    assert.equal(hashToken(verifier), new URL(begun.location).searchParams.get('challenge'));
    assert.deepEqual(rest, { code: CODE, host: 'wiki.example.org', client });
  });

  it('ends in every tab that began: the first takes nothing that the others need', async () => {
    const { made, asked } = handoff();
    const tabs = ['/a', '/b'].map((returnTo) => ({ returnTo, host: 'w', transport: 'tls' as const }));
    let jar = '';
    const challenges = tabs.map((tab) => {
      const { location, cookies } = made.begin({ ...tab, cookie: jar });
      jar = jarAfter(jar, cookies);
      return new URL(location).searchParams.get('challenge');
    });
    for (const { host, returnTo } of tabs) {
      const target = `/.cordon/callback?${new URLSearchParams({ code: CODE, return: returnTo }).toString()}`;
      const step = await made.callback({ host, target, cookie: jar, client });
      jar = jarAfter(jar, step.ok ? step.value.cookies : []);
    }
    const verifiers = (asked as { verifier: string }[]).map(({ verifier }) => hashToken(verifier));
    assert.deepEqual(verifiers, challenges);
  });

  it('comes back to the start of the app instead of a place too long for the way', async () => {
    for (const [length, isKept] of [
      [4000, true],
      [5000, false],
    ] as const) {
      const returnTo = `/${'a'.repeat(length)}`;
      const { made } = handoff();
      const begun = made.begin({ host: 'w', transport: 'tls', returnTo });
      const back = new URL(begun.location).searchParams.get('return') ?? '';
      assert.equal(back, isKept ? returnTo : '/');
      const target = `/.cordon/callback?${new URLSearchParams({ code: CODE, return: back }).toString()}`;
      const cookie = `__Host-cordon_flow=${secretOf(begun.cookies)}`;
      const step = await made.callback({ host: 'w', target, cookie, client });
      assert.equal(step.ok && step.value.location, back);
    }
  });

  const changes: readonly (readonly [string, { host?: string; back?: string }])[] = [
    ['another way back', { back: '/delete?everything' }],
    ['no way back', { back: '' }],
    ['the root for a way back', { back: '/' }],
    ['another host', { host: 'mail.example.org' }],
  ];
  for (const [name, { host = 'wiki.example.org', back = '/a' }] of changes) {
    it(`answers no challenge with ${name}: a link cannot choose where a sign-in leads`, async () => {
      const { made, asked } = handoff();
      const begun = made.begin({ host: 'wiki.example.org', transport: 'tls', returnTo: '/a' });
      const target = `/.cordon/callback?${new URLSearchParams({ code: CODE, return: back }).toString()}`;
      const cookie = `__Host-cordon_flow=${secretOf(begun.cookies)}`;
      await made.callback({ host, target, cookie, client });
      const [{ verifier }] = asked as [{ verifier: string }];
      assert.notEqual(hashToken(verifier), new URL(begun.location).searchParams.get('challenge'));
    });
  }

  it('answers no challenge with two ways back', async () => {
    const { made, asked } = handoff();
    const begun = made.begin({ host: 'w', transport: 'tls', returnTo: '/a' });
    const target = `/.cordon/callback?code=${CODE}&return=%2Fa&return=%2Fa`;
    await made.callback({ host: 'w', target, cookie: `__Host-cordon_flow=${secretOf(begun.cookies)}`, client });
    const [{ verifier }] = asked as [{ verifier: string }];
    assert.notEqual(hashToken(verifier), new URL(begun.location).searchParams.get('challenge'));
  });

  const verifier = newToken();
  const flow = `__Host-cordon_flow=${verifier}`;
  for (const [name, cookie] of [
    ['no verifier: somebody else’s link (login CSRF)', undefined],
    ['an empty verifier', '__Host-cordon_flow='],
    ['two verifiers: a tossed cookie', `${flow}; ${flow}`],
    ['a verifier that is none', '__Host-cordon_flow=x'],
  ] as const) {
    it(`uses the code up and sets nothing with ${name}`, async () => {
      const verifiers: string[] = [];
      const { made } = handoff((input) => {
        verifiers.push(input.verifier);
        return Promise.resolve(err({ code: 'handoff-invalid', message: 'another verifier' }));
      });
      const target = `/.cordon/callback?code=${CODE}`;
      for (let i = 0; i < 2; i++) assert.equal((await made.callback({ host: 'w', target, cookie, client })).ok, false);
      assert.match(verifiers.join(' '), /^[\w-]{43} [\w-]{43}$/);
      assert.equal(new Set([verifier, ...verifiers]).size, 3, 'nobody can know what it is compared with');
    });
  }

  const refused: [string, { target: string }][] = [
    ['without a code', { target: '/.cordon/callback' }],
    ['with two codes', { target: `/.cordon/callback?code=${CODE}&code=${newToken()}` }],
    ['with a code that is none', { target: '/.cordon/callback?code=../x' }],
    ['with an ambiguous target', { target: `/.cordon/callback?code=${CODE}#x` }],
  ];
  for (const [name, { target }] of refused) {
    it(`does not even ask identity ${name}`, async () => {
      const { made, asked } = handoff();
      const step = await made.callback({ host: 'w', target, cookie: flow, client });
      assert.deepEqual([step.ok, asked.length], [false, 0]);
    });
  }

  it('sets nothing when identity refuses the code', async () => {
    const { made } = handoff(() => Promise.resolve(err({ code: 'handoff-invalid', message: 'used' })));
    const step = await made.callback({ host: 'w', target: `/.cordon/callback?code=${CODE}`, cookie: flow, client });
    assert.ok(!step.ok);
    assert.equal(step.error.code, 'handoff-invalid');
  });

  for (const evil of ['//evil.example', 'https://evil.example/', '/\\evil.example', '/.cordon/sign-out', '/%2f/evil']) {
    it(`returns to / instead of ${evil}`, async () => {
      const { made } = handoff();
      const target = `/.cordon/callback?code=${CODE}&return=${encodeURIComponent(evil)}`;
      const step = await made.callback({ host: 'w', target, cookie: flow, client });
      assert.equal(step.ok && step.value.location, '/');
      const begun = made.begin({ host: 'w', transport: 'http', returnTo: evil });
      assert.equal(new URL(begun.location).searchParams.get('return'), '/');
    });
  }
});
