import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { err, hashToken, newToken, ok } from '#base';
import type { AppSession, Session } from '#model';
import { type ProgramKey, programKey, prove } from './prove.ts';
import { type Answer, until } from './wire.ts';
import { ADA, BOB, LAPTOP, type World, world } from './world.ts';

const CHALLENGES = {
  invalid_token:
    'Bearer realm="wiki.localhost", error="invalid_token", DPoP realm="wiki.localhost", error="invalid_token", algs="ES256 EdDSA"',
  invalid_dpop_proof: 'DPoP realm="wiki.localhost", error="invalid_dpop_proof", algs="ES256 EdDSA"',
} as const;

/** Gives the person a token for a program, as identity does. */
function tokenFor(made: World, more: Partial<AppSession> & { readonly user?: string } = {}): string {
  const { user = ADA.id, ...appSession } = more;
  const token = `cordon_at_${newToken()}`;
  const now = made.clock.now();
  const session: Session = {
    id: `ses_${token.slice(-8)}`,
    userId: user,
    tokenHash: hashToken(newToken()),
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: now,
    createdAt: now,
    expiresAt: now + 12 * 3_600_000,
    deviceId: LAPTOP.id,
    address: '127.0.0.1',
    userAgent: 'test',
  };
  made.put('session', session);
  made.put('appSession', {
    id: `app_${token.slice(-8)}`,
    tokenHash: hashToken(token),
    sessionId: session.id,
    host: 'wiki.localhost',
    createdAt: now,
    form: 'bearer',
    expiresAt: now + 3_600_000,
    program: 'curl',
    ...appSession,
  });
  return token;
}

describe('a program with a token', () => {
  let key: ProgramKey;
  before(async () => {
    key = await programKey();
  });
  const boundTo = (made: World): string => tokenFor(made, { form: 'dpop', keyThumbprint: key.thumbprint });
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  const bound = async (made: World, token: string, method = 'GET', path = '/'): Promise<Record<string, string>> => ({
    authorization: `DPoP ${token}`,
    dpop: await prove(key, { method, url: `http://wiki.localhost:${made.port}${path}`, now: made.clock.now(), token }),
  });
  const refusal = (answer: Answer): unknown[] => [
    answer.status,
    JSON.parse(answer.body).code,
    answer.headers['www-authenticate'],
  ];
  const causeOf = async (made: World, answer: Answer): Promise<unknown> => {
    const id = answer.headers['x-cordon-correlation-id'];
    const find = () => made.events.find(({ metadata }) => metadata.correlation_uid === id);
    await until(() => find() !== undefined, 'the event');
    return find();
  };

  it('opens the app as its person, and neither token nor proof reaches the app', async () => {
    const made = await world();
    for (const headers of [bearer(tokenFor(made)), await bound(made, boundTo(made))]) {
      const answer = await made.ask({ headers });
      assert.equal(answer.status, 200, answer.body);
      const arrived = made.arrivals.at(-1)?.headers ?? {};
      assert.deepEqual([arrived['authorization'], arrived['dpop']], [undefined, undefined]);
      assert.ok(!JSON.stringify(arrived).includes('cordon_at_'));
    }
  });

  it('is decided on like its person: what is denied to them is denied to it', async () => {
    const made = await world();
    const answer = await made.ask({ headers: bearer(tokenFor(made, { user: BOB.id })) });
    assert.deepEqual([answer.status, JSON.parse(answer.body).code, made.arrivals.length], [403, 'no-permit', 0]);
  });

  it('changes things from no origin, or from whichever it names: no browser sends a token by itself', async () => {
    const made = await world();
    const token = tokenFor(made);
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    for (const headers of [{}, foreign]) {
      const answer = await made.ask({ method: 'POST', body: 'x', headers: { ...bearer(token), ...headers } });
      assert.equal(answer.status, 200, answer.body);
    }
    const byCookie = await made.ask({ method: 'POST', body: 'x', cookie: made.signIn(), headers: foreign });
    assert.deepEqual([byCookie.status, JSON.parse(byCookie.body).code], [403, 'origin-refused']);
  });

  it('opens a WebSocket without an origin, which a cookie does not', async () => {
    const made = await world();
    const shake = (field: string): Buffer =>
      Buffer.from(
        `GET /live HTTP/1.1\r\nhost: wiki.localhost:${made.port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${field}\r\n\r\n`,
      );
    const opened = await made.raw(shake(`authorization: Bearer ${tokenFor(made)}`));
    assert.match(opened, /^HTTP\/1\.1 101 /);
    assert.match(await made.raw(shake(`cookie: ${made.signIn()}`)), /^HTTP\/1\.1 403 [^]*origin-refused/);
  });

  it('is refused by name for a token that is unknown, malformed, over, or of the other scheme, and not looked at further', async () => {
    const made = await world();
    const cookie = made.signIn();
    const known = tokenFor(made);
    const cases: readonly (readonly [Record<string, string>, keyof typeof CHALLENGES])[] = [
      [bearer(`cordon_at_${newToken()}`), 'invalid_token'],
      [bearer('cordon_at_short'), 'invalid_token'],
      [{ authorization: known }, 'invalid_token'],
      [{ authorization: `Basic ${known}` }, 'invalid_token'],
      [bearer(tokenFor(made, { expiresAt: made.clock.now() })), 'invalid_token'],
      [bearer(boundTo(made)), 'invalid_token'],
      [{ authorization: `DPoP ${known}` }, 'invalid_token'],
      [{ authorization: `DPoP ${boundTo(made)}` }, 'invalid_dpop_proof'],
      [{ authorization: `DPoP ${boundTo(made)}`, dpop: 'e30.e30.e30' }, 'invalid_dpop_proof'],
    ];
    for (const [headers, error] of cases) {
      const code = error === 'invalid_token' ? 'token-invalid' : 'proof-invalid';
      assert.deepEqual(
        refusal(await made.ask({ headers, cookie })),
        [401, code, CHALLENGES[error]],
        JSON.stringify(headers),
      );
    }
    assert.equal(made.arrivals.length, 0);
  });

  it('is refused with the token of another app (case 25), and the journal says which', async () => {
    const made = await world();
    const answer = await made.ask({ headers: bearer(tokenFor(made, { host: 'verify.localhost' })) });
    assert.deepEqual(refusal(answer), [401, 'token-invalid', CHALLENGES.invalid_token]);
    assert.ok(!answer.body.includes('verify'), 'the client is not told where the token is good');
    assert.match(JSON.stringify(await causeOf(made, answer)), /the token is for `verify\.localhost`/);
  });

  it('is refused with a proof that was used, also for another request', async () => {
    const made = await world();
    const headers = await bound(made, boundTo(made));
    assert.equal((await made.ask({ headers })).status, 200);
    for (const path of ['/', '/a']) {
      assert.deepEqual(refusal(await made.ask({ headers, path })), [
        401,
        'proof-invalid',
        CHALLENGES.invalid_dpop_proof,
      ]);
    }
    assert.equal(made.arrivals.length, 1);
  });

  it('is refused beside the cookie of another session', async () => {
    const made = await world();
    const token = tokenFor(made);
    const answer = await made.ask({ headers: bearer(token), cookie: made.signIn({ user: BOB.id }) });
    assert.deepEqual(refusal(answer), [401, 'credentials-conflict', CHALLENGES.invalid_token]);
  });

  it('is not let in by its token in the cookie', async () => {
    const made = await world();
    for (const token of [tokenFor(made), boundTo(made)]) {
      const answer = await made.ask({ cookie: `__Host-cordon_app=${token}` });
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [401, 'not-authenticated']);
    }
  });

  it('passes an `authorization` of somebody else on untouched, which authenticates nobody', async () => {
    const made = await world();
    const fields = { authorization: 'DPoP Kz8mXK1EalYznwHLCjlfBg', dpop: 'e30.e30.e30' };
    assert.equal(JSON.parse((await made.ask({ headers: fields })).body).code, 'not-authenticated');
    for (const headers of [fields, { authorization: 'Basic YWRhOng=' }, { authorization: 'Bearer eyJh.e30.' }]) {
      assert.equal((await made.ask({ headers, cookie: made.signIn() })).status, 200);
      const { authorization, dpop } = made.arrivals.at(-1)?.headers ?? {};
      assert.deepEqual({ authorization, ...(dpop === undefined ? {} : { dpop }) }, headers);
    }
  });

  it('is cut off when its token, its session or its person ends', async () => {
    const ends: readonly (readonly [string, (made: World, token: string) => void])[] = [
      ['session-revoked', (made, token) => made.remove('appSession', `app_${token.slice(-8)}`)],
      ['session-revoked', (made, token) => made.remove('session', `ses_${token.slice(-8)}`)],
      ['user-disabled', (made) => made.patch('user', ADA.id, { status: 'disabled' })],
      [
        'session-expired',
        (made) => {
          made.clock.advance(3_600_000);
          made.gateway.sweep();
        },
      ],
    ];
    for (const [reason, end] of ends) {
      const made = await world();
      const token = tokenFor(made);
      const client = await made.webSocket({ headers: bearer(token) });
      assert.equal(client.status, 101);
      end(made, token);
      const closed = await client.closed;
      assert.match(closed.reason ?? '', new RegExp(reason), reason);
      assert.equal((await made.ask({ headers: bearer(token) })).status < 400, false);
    }
  });

  it('never gets an answer of the app for a malformed token (fuzz)', async () => {
    const made = await world();
    const cookie = made.signIn();
    const known = tokenFor(made);
    const visible = fc.string({ unit: fc.constantFrom(...'ab-_.=,; "TZ09'), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(visible, visible, visible, async (before, within, after) => {
        const token = known.slice(0, 20) + within + known.slice(20);
        const authorization = `${before}Bearer ${token}${after}`;
        if (/^bearer +cordon_at_[\w-]{43}$/i.test(authorization.trim()) && token === known) return;
        const answer = await made.ask({ cookie, headers: { authorization } });
        assert.equal(answer.status, 401, authorization);
      }),
      { numRuns: 60 },
    );
    assert.equal(made.arrivals.length, 0);
  });
});

describe('the exchange of a code for a token (RFC 6749, RFC 7636, RFC 9449)', () => {
  const CODE = newToken();
  const VERIFIER = newToken();
  const FORM = { grant_type: 'authorization_code', code: CODE, code_verifier: VERIFIER };
  const TOKEN = `cordon_at_${newToken()}`;

  const setting = async (form: 'bearer' | 'dpop' | 'refused'): Promise<{ made: World; asked: unknown[] }> => {
    const asked: unknown[] = [];
    const made: World = await world({
      options: {
        handoff: {
          redeem: (input) => {
            asked.push(input);
            if (form === 'refused') return Promise.resolve(err({ code: 'handoff-invalid', message: 'no' }));
            const expiresAt = made.clock.now() + 3_600_999;
            const appSession = {
              id: 'a',
              tokenHash: 'h',
              sessionId: [...made.graph.all('session')][0]?.id ?? '',
              host: input.host,
              createdAt: 0,
              form,
              expiresAt,
            };
            return Promise.resolve(ok({ token: TOKEN, appSession }));
          },
        },
      },
    });
    made.signIn();
    return { made, asked };
  };
  const exchange = async (
    { made }: { made: World },
    form: Readonly<Record<string, string>> | string = FORM,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> =>
    await made.ask({
      method: 'POST',
      path: '/.cordon/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    });

  it('gives a bearer token for code and verifier', async () => {
    const set = await setting('bearer');
    const answer = await exchange(set, FORM, { 'user-agent': 'curl' });
    assert.equal(answer.status, 200, answer.body);
    const token = { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 };
    assert.deepEqual(JSON.parse(answer.body), { ...token, account: ADA.email }, 'and says who has allowed it');
    assert.deepEqual([answer.headers['cache-control'], answer.headers['set-cookie']], ['no-store', undefined]);
    const client = { address: '127.0.0.1', userAgent: 'curl' };
    assert.deepEqual(set.asked, [{ code: CODE, verifier: VERIFIER, host: 'wiki.localhost', client, program: {} }]);
  });

  it('gives a bound token with a proof, whose key is what it is bound to', async () => {
    const set = await setting('dpop');
    const key = await programKey('EdDSA');
    const url = `http://wiki.localhost:${set.made.port}/.cordon/token`;
    const dpop = await prove(key, { method: 'POST', url, now: set.made.clock.now() });
    const answer = await exchange(set, FORM, { dpop });
    assert.deepEqual(JSON.parse(answer.body), {
      ...{ access_token: TOKEN, token_type: 'DPoP', expires_in: 3600 },
      account: ADA.email,
    });
    const [{ program }] = set.asked as [{ program: object }];
    assert.deepEqual(program, { keyThumbprint: key.thumbprint });
  });

  it('refuses a proof for something else, and does not use the code up for it', async () => {
    const set = await setting('dpop');
    const key = await programKey();
    const dpop = await prove(key, { method: 'POST', url: 'http://wiki.localhost/other', now: set.made.clock.now() });
    const answer = await exchange(set, FORM, { dpop });
    assert.deepEqual([answer.status, JSON.parse(answer.body).error], [400, 'invalid_dpop_proof']);
    assert.deepEqual(set.asked, []);
  });

  it('says `invalid_grant` to a code that identity refuses', async () => {
    const answer = await exchange(await setting('refused'));
    assert.deepEqual([answer.status, JSON.parse(answer.body).error], [400, 'invalid_grant']);
  });

  const { code_verifier: _, ...withoutVerifier } = FORM;
  const wrong: readonly (readonly [string, Readonly<Record<string, string>> | string, object, string])[] = [
    ['another grant', { ...FORM, grant_type: 'password' }, {}, 'unsupported_grant_type'],
    ['no grant', '', {}, 'invalid_request'],
    ['no verifier', withoutVerifier, {}, 'invalid_request'],
    ['a short verifier', { ...FORM, code_verifier: 'short' }, {}, 'invalid_request'],
    ['a malformed code', { ...FORM, code: `${CODE}=` }, {}, 'invalid_request'],
    ['two codes', `${new URLSearchParams(FORM).toString()}&code=${CODE}`, {}, 'invalid_request'],
    ['JSON', JSON.stringify(FORM), { 'content-type': 'application/json' }, 'invalid_request'],
    ['a form without end', { ...FORM, more: 'x'.repeat(5000) }, {}, 'invalid_request'],
  ];
  for (const [name, form, headers, error] of wrong) {
    it(`refuses ${name}`, async () => {
      const set = await setting('bearer');
      const answer = await exchange(set, form, headers as Record<string, string>);
      assert.deepEqual([answer.status, JSON.parse(answer.body).error], [400, error]);
      assert.deepEqual(set.asked, []);
    });
  }

  it('is not done for a page of another site', async () => {
    const set = await setting('bearer');
    const answer = await exchange(set, FORM, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' });
    assert.deepEqual([answer.status, set.asked], [403, []]);
  });

  it('is not done by opening an address', async () => {
    const { made } = await setting('bearer');
    const path = `/.cordon/token?${new URLSearchParams(FORM).toString()}`;
    assert.equal((await made.ask({ path })).status, 405);
  });
});
