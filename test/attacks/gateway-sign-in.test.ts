/** Attacks on the gateway by way of sign-in, sessions and tokens; numbered as in `gateway.test.ts`. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { err, newToken } from '#base';
import { BOB, world } from '../gateway/world.ts';
import { rawWorld } from './raw-gateway.ts';

describe('sign-in, sessions and tokens', () => {
  for (const evil of [
    '//evil.example',
    '/\\evil.example',
    '/%09/evil.example',
    '/./\\evil.example',
    '/%0d%0aset-cookie:a=b',
    '/.cordon/sign-out',
  ]) {
    it(`19: signing in leads nowhere else: ${evil}`, async () => {
      const made = await rawWorld();
      const text = await made.raw(
        `GET ${evil} HTTP/1.1\r\nhost: wiki.localhost\r\naccept: text/html\r\nconnection: close\r\n\r\n`,
      );
      const location = /\r\nlocation: ([^\r]*)/.exec(text)?.[1];
      if (location === undefined) assert.match(text, /^HTTP\/1\.1 (200|400) /);
      else assert.equal(new URL(location).searchParams.get('return'), '/');
      assert.ok(!/\r\nset-cookie: a=b/i.test(text));
    });
  }

  it('20: a callback with a code and no verifier of this browser sets nothing (login CSRF)', async () => {
    const verifiers: string[] = [];
    const redeem = ({ verifier }: { readonly verifier: string }) => {
      verifiers.push(verifier);
      return Promise.resolve(err({ code: 'handoff-invalid', message: 'no' }));
    };
    const made = await world({ options: { handoff: { redeem } } });
    const path = `/.cordon/callback?code=${newToken()}&return=/`;
    const without = await made.ask({ path });
    const planted = newToken();
    const tossed = `__Host-cordon_flow=${planted}`;
    const doubled = await made.ask({ path, cookie: `${tossed}; ${tossed}` });
    const wrong = await made.ask({ path, cookie: tossed });
    for (const answer of [without, doubled, wrong]) {
      assert.deepEqual([answer.status, answer.headers['set-cookie']], [400, undefined]);
    }
    // Each uses the code up; the planted secret counts only where it is the only one, and nobody knows the others.
    const ofPlanted = createHmac('sha256', planted).update('wiki.localhost /').digest('base64url');
    assert.deepEqual(
      verifiers.map((verifier) => verifier === ofPlanted),
      [false, false, true],
    );
    assert.equal(new Set(verifiers).size, 3);
  });

  it('21: another site cannot sign anybody out', async () => {
    const ended: unknown[] = [];
    const made = await world({ options: { endSession: (input) => Promise.resolve(ended.push(input)) } });
    const path = '/.cordon/sign-out';
    const cookie = made.signIn();
    await made.ask({ path, cookie });
    await made.ask({ path, cookie, method: 'HEAD' });
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: `http://other.localhost:${made.port}`, 'sec-fetch-site': 'same-site' },
    ]) {
      assert.equal((await made.ask({ path, cookie, method: 'POST', headers: { ...headers } })).status, 403);
    }
    assert.deepEqual(ended, []);
  });

  it('21: another site cannot change anything in an app with the person’s cookie', async () => {
    const made = await world();
    const cookie = made.signIn();
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'same-site' }]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        assert.equal((await made.ask({ cookie, method, headers: { ...headers } })).status, 403);
      }
    }
    assert.equal(made.arrivals.length, 0);
  });

  it('22: the cookie of a session that was rotated opens nothing', async () => {
    const made = await world();
    const cookie = made.signIn();
    const [session] = [...made.graph.all('session')];
    made.remove('session', session?.id ?? '');
    made.put('session', { ...(session ?? assert.fail()), id: 'ses_next' });
    assert.equal((await made.ask({ cookie })).status, 401);
    assert.equal(made.arrivals.length, 0);
  });

  it('23: two cookies of our name are a tossed one, and count as none', async () => {
    const made = await world();
    const [mine, theirs] = [made.signIn(), made.signIn({ user: BOB.id })];
    for (const cookie of [`${mine}; ${theirs}`, `${theirs}; ${mine}`, `${mine}; ${mine}`]) {
      assert.equal((await made.ask({ cookie })).status, 401);
    }
    const twice = `GET / HTTP/1.1\r\nhost: wiki.localhost\r\ncookie: ${theirs}\r\ncookie: ${mine}\r\nconnection: close\r\n\r\n`;
    assert.match(await made.raw(twice), /^HTTP\/1\.1 401 /);
    assert.equal(made.arrivals.length, 0);
  });

  it('23: no app can set a cookie of ours, in any spelling', async () => {
    const made = await world({
      upstream: (_request, response) => {
        response.setHeader('set-cookie', [
          '__Host-cordon_app=x; Path=/; Secure',
          '__host-Cordon_flow=x',
          '=__Host-cordon_app=x',
          ' __Host-cordon_app=x',
          'mine=1',
        ]);
        response.end();
      },
    });
    assert.deepEqual((await made.ask({ cookie: made.signIn() })).headers['set-cookie'], ['mine=1']);
  });

  it('24: no malformed cookie is ever let in', async () => {
    const made = await world();
    const good = made.signIn();
    const token = good.split('=')[1] ?? '';
    const cookies = fc.oneof(
      fc
        .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) })
        .map((text) => `__Host-cordon_app=${text}`),
      fc
        .nat(token.length - 1)
        .map((at) => `__Host-cordon_app=${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`),
      fc.constantFrom(
        `__Host-cordon_app=${token}x`,
        `__host-cordon_app=${token}`,
        `cordon_app=${token}`,
        `__Host-cordon_app="${token}"`,
        `__Host-cordon_app=${token}%20`,
        token,
      ),
    );
    await fc.assert(
      fc.asyncProperty(cookies, async (cookie) => {
        assert.equal((await made.ask({ cookie })).status, 401);
      }),
      { numRuns: 60 },
    );
    assert.equal(made.arrivals.length, 0);
    assert.equal((await made.ask({ cookie: good })).status, 200);
  });

  it('25: the cookie of one app is worth nothing at another', async () => {
    const made = await world({ apps: [{ id: 'app_docs', name: 'Docs', host: 'docs.localhost' }] });
    const cookie = made.signIn();
    assert.equal((await made.ask({ cookie, host: 'docs.localhost' })).status, 401);
    assert.equal((await made.ask({ cookie, host: 'verify.localhost' })).status, 401);
    assert.equal(made.arrivals.length, 0);
  });

  it('26: no token that a client makes or plays back is believed', async () => {
    const made = await world();
    await made.ask({ cookie: made.signIn() });
    const stolen = String(made.arrivals[0]?.headers['x-cordon-assertion']);
    const payload = stolen.split('.')[1] ?? '';
    const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`;
    for (const token of [stolen, none]) {
      assert.equal((await made.ask({ headers: { authorization: `Bearer ${token}` } })).status, 401);
      assert.equal((await made.ask({ headers: { 'x-cordon-assertion': token } })).status, 401);
      assert.equal((await made.ask({ cookie: `__Host-cordon_app=${token}` })).status, 401);
    }
    assert.equal(made.arrivals.length, 1);
  });

  it('27: nothing on the app’s origin gives a script of the app a token', async () => {
    const made = await world();
    const cookie = made.signIn();
    const secret = cookie.split('=')[1] ?? '?';
    for (const path of ['/.cordon/jwks.json', '/.cordon/sign-out', '/.cordon/callback', '/.cordon/me', '/.cordon']) {
      const answer = await made.ask({ path, cookie, headers: { accept: 'text/html' } });
      assert.ok(!answer.body.includes(secret) && !answer.body.includes('eyJ'), path);
      assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin');
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  });
});
