import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { hashToken, newToken } from '#base';
import { type AppSession, type Session, TrustGraph } from '#model';
import { type Credential, findCredential, isOwnAuthorization, type Presented, spendProof } from './credential.ts';
import { ReplayMemory } from './replay-memory.ts';
import { type ProgramKey, programKey, prove } from './testdata/prove.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const ORIGIN = 'https://wiki.example.org';
const BEARER = `cordon_at_${newToken()}`;
const BOUND = `cordon_at_${newToken()}`;
const COOKIE = newToken();
const FOREIGN_COOKIE = newToken();

const session = (id: string): Session => ({
  id,
  userId: 'usr_ada',
  tokenHash: hashToken(newToken()),
  acr: 'urn:cordon:aal2',
  amr: [],
  authenticatedAt: NOW,
  createdAt: NOW,
  expiresAt: NOW + 3_600_000,
  address: '',
  userAgent: '',
});

describe('the credential of a request', () => {
  let key: ProgramKey;
  let graph: TrustGraph;
  let replays: ReplayMemory;
  before(async () => {
    key = await programKey();
  });
  beforeEach(() => {
    replays = new ReplayMemory(() => NOW);
    graph = new TrustGraph();
    const app = (token: string, more: Partial<AppSession> = {}): AppSession => ({
      id: `app_${token.slice(-6)}`,
      tokenHash: hashToken(token),
      sessionId: 'ses_1',
      host: 'wiki.example.org',
      createdAt: NOW,
      ...more,
    });
    const expiresAt = NOW + 60_000;
    const appSessions = [
      app(BEARER, { form: 'bearer', expiresAt }),
      app(BOUND, { form: 'dpop', expiresAt, keyThumbprint: key.thumbprint }),
      app(COOKIE),
      app(FOREIGN_COOKIE, { sessionId: 'ses_2' }),
    ];
    graph.load({
      seq: 1,
      entities: [
        ...['ses_1', 'ses_2'].map((id) => ({ kind: 'session' as const, id, body: session(id) })),
        ...appSessions.map((body) => ({ kind: 'appSession' as const, id: body.id, body })),
      ],
    });
  });

  type Sent = Partial<Omit<Presented, 'proofs'>> & { readonly proofs?: readonly string[] };
  const presented = ({ proofs = [], ...more }: Sent = {}): Presented => ({
    method: 'GET',
    origin: () => ORIGIN,
    path: '/a',
    host: 'wiki.example.org',
    now: NOW,
    authorization: undefined,
    proofs: () => proofs,
    cookie: undefined,
    ...more,
  });
  const find = (more: Sent): Credential => {
    const spent = spendProof(findCredential(presented(more), { graph }), { graph }, replays);
    assert.ok(!(spent instanceof Promise), 'a memory of this process answers at once');
    return spent;
  };
  const told = (more: Sent): string => {
    const found = find(more);
    if (found.kind === 'none') return 'none';
    return found.kind === 'refused' ? `${found.reason}: ${found.cause}` : `${found.kind} ${found.appSession.sessionId}`;
  };
  const proof = async (more: Partial<Parameters<typeof prove>[1]> = {}): Promise<string> =>
    await prove(key, { method: 'GET', url: `${ORIGIN}/a`, now: NOW, token: BOUND, ...more });
  const cookieField = (token: string): string => `theme=dark; __Host-cordon_app=${token}`;

  it('is none where nothing is presented', () => assert.equal(told({}), 'none'));

  it('is the cookie of this host', () => assert.equal(told({ cookie: cookieField(COOKIE) }), 'cookie ses_1'));

  it('is a bearer token, with any letters of the scheme', () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      assert.equal(told({ authorization: `${scheme} ${BEARER}` }), 'token ses_1');
    }
  });

  it('is a bound token with its proof, each proof once', async () => {
    const once = { authorization: `DPoP ${BOUND}`, proofs: [await proof()] };
    assert.equal(told(once), 'token ses_1');
    assert.equal(told(once), 'proof-invalid: the proof was used before');
    assert.equal(told({ ...once, proofs: [await proof()] }), 'token ses_1');
  });

  it('is refused where its token ended while another process was asked about its proof', async () => {
    const asked = Promise.withResolvers<'new'>();
    const found = findCredential(presented({ authorization: `DPoP ${BOUND}`, proofs: [await proof()] }), { graph });
    const replays = { use: async () => await asked.promise };
    const none = { get: () => undefined, appSessionByTokenHash: () => undefined };
    const [kept, ended] = [graph, none].map((now) => spendProof(found, { graph: now }, replays));
    asked.resolve('new');
    assert.equal((await kept)?.kind, 'token');
    assert.deepEqual(await ended, {
      kind: 'refused',
      reason: 'token-invalid',
      cause: 'the token has ended meanwhile',
    });
  });

  it('is refused where nobody can say whether its proof was used', async () => {
    const found = findCredential(presented({ authorization: `DPoP ${BOUND}`, proofs: [await proof()] }), { graph });
    const gone = { use: async () => await Promise.reject(new Error('the other process is gone')) };
    assert.deepEqual(await spendProof(found, { graph }, gone), {
      kind: 'refused',
      reason: 'proof-invalid',
      cause: 'whether the proof was used before cannot be known now',
    });
  });

  it('is refused when more proofs come than can be remembered', async () => {
    replays = new ReplayMemory(() => NOW, { perOwner: 1, inAll: 10 });
    assert.equal(told({ authorization: `DPoP ${BOUND}`, proofs: [await proof()] }), 'token ses_1');
    const next = { authorization: `DPoP ${BOUND}`, proofs: [await proof()] };
    assert.equal(told(next), 'proof-invalid: too many proofs at once');
  });

  it('is refused with a proof from before a restart, which may have been used then', async () => {
    replays = new ReplayMemory(() => NOW + 5000);
    const old = { authorization: `DPoP ${BOUND}`, proofs: [await proof({ now: NOW + 4000 })] };
    assert.equal(told(old), 'proof-invalid: the proof was made before Cordon started, so it may have been used');
    assert.equal(told({ ...old, proofs: [await proof({ now: NOW + 5000 })] }), 'token ses_1');
  });

  it('takes the room of its person only, whatever the number of their tokens, and the same name for another token', async () => {
    const more = ['ses_1', 'ses_2', 'ses_bob'].map((sessionId) => ({ sessionId, token: `cordon_at_${newToken()}` }));
    const { thumbprint: keyThumbprint } = key;
    const put = (kind: 'session' | 'appSession', body: Session | AppSession): void => {
      const change = { seq: graph.seq + 1, time: NOW, kind, id: body.id, op: 'put', actor: 'system' } as const;
      // Kind and body were joined above.
      graph.apply({ change, entity: { kind, id: body.id, body } as never });
    };
    put('session', { ...session('ses_bob'), userId: 'usr_bob' });
    for (const { sessionId, token } of more) {
      const common = {
        id: `app_${token.slice(-6)}`,
        host: 'wiki.example.org',
        createdAt: NOW,
        expiresAt: NOW + 60_000,
      };
      put('appSession', { ...common, tokenHash: hashToken(token), sessionId, form: 'dpop', keyThumbprint });
    }
    replays = new ReplayMemory(() => NOW, { perOwner: 2, inAll: 10 });
    const uses: string[] = [];
    for (const token of [BOUND, ...more.map((one) => one.token)]) {
      const request = { method: 'GET', url: `${ORIGIN}/a`, now: NOW, token };
      const proofs = [await prove(key, request, { claims: { jti: 'one name' } })];
      uses.push(told({ authorization: `DPoP ${token}`, proofs }));
    }
    assert.deepEqual(uses, ['token ses_1', 'token ses_1', 'proof-invalid: too many proofs at once', 'token ses_bob']);
  });

  it('is the token where the cookie beside it is of the same session, unknown, doubled or of another host', () => {
    const authorization = `Bearer ${BEARER}`;
    const cookies = [COOKIE, newToken(), `x; __Host-cordon_app=${FOREIGN_COOKIE}`];
    for (const one of cookies) assert.equal(told({ authorization, cookie: cookieField(one) }), 'token ses_1');
  });

  it('is refused beside the cookie of another session', () => {
    assert.equal(
      told({ authorization: `Bearer ${BEARER}`, cookie: cookieField(FOREIGN_COOKIE) }),
      'credentials-conflict: the cookie is of another session',
    );
  });

  it('is never a token in the cookie: that would be good without its proof', () => {
    for (const token of [BOUND, BEARER]) assert.equal(told({ cookie: cookieField(token) }), 'none');
  });

  it('is never the value of a cookie in the token field', () => {
    assert.equal(
      told({ authorization: `Bearer cordon_at_${COOKIE}` }),
      'token-invalid: no such token is known; it may have ended with its session',
    );
    assert.equal(told({ authorization: `Bearer ${COOKIE}` }), 'none');
  });

  it('is refused at the host of another app (case 25), and as the cookie of another host', () => {
    graph.load({
      seq: 2,
      entities: [
        { kind: 'session', id: 'ses_1', body: session('ses_1') },
        {
          kind: 'appSession',
          id: 'app_1',
          body: {
            id: 'app_1',
            tokenHash: hashToken(BEARER),
            sessionId: 'ses_1',
            host: 'mail.example.org',
            createdAt: NOW,
            form: 'bearer',
            expiresAt: NOW + 1,
          },
        },
      ],
    });
    assert.equal(told({ authorization: `Bearer ${BEARER}` }), 'token-invalid: the token is for `mail.example.org`');
    assert.equal(told({ cookie: cookieField(COOKIE) }), 'none');
  });

  it('is refused once its time is over', () => {
    assert.equal(told({ authorization: `Bearer ${BEARER}`, now: NOW + 59_999 }), 'token ses_1');
    assert.equal(
      told({ authorization: `Bearer ${BEARER}`, now: NOW + 60_000 }),
      'token-invalid: the token has expired',
    );
  });

  it('is refused when its session has ended', () => {
    const change = { seq: 2, time: NOW, kind: 'session', id: 'ses_1', op: 'delete', actor: 'system' } as const;
    graph.apply({ change });
    assert.equal(told({ authorization: `Bearer ${BEARER}` }), 'token-invalid: the session has ended');
  });

  it('is refused in the scheme of the other form: a stolen bound token is no bearer token', async () => {
    const cookie = cookieField(COOKIE);
    assert.equal(
      told({ authorization: `Bearer ${BOUND}`, proofs: [await proof()], cookie }),
      'token-invalid: a dpop token came as Bearer',
    );
    assert.equal(told({ authorization: `DPoP ${BEARER}`, cookie }), 'token-invalid: a bearer token came as DPoP');
  });

  it('is refused without its proof, with two, by another key, and for another request, whatever the cookie says', async () => {
    const cookie = cookieField(COOKIE);
    const authorization = `DPoP ${BOUND}`;
    const other = await programKey();
    const request = { method: 'GET', url: `${ORIGIN}/a`, now: NOW, token: BOUND };
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[], 'there is no proof'],
      [[await proof(), await proof()], 'there is more than one proof'],
      [[await prove(other, request)], 'the proof is by another key'],
      [[await proof({ method: 'POST' })], 'the proof is for another method'],
      [[await proof({ url: `${ORIGIN}/b` })], 'the proof is for another address'],
      [[await proof({ token: BEARER })], 'the proof is for another token'],
      [[await proof({ now: NOW - 61_000 })], 'the proof was not made within the last 60 seconds'],
      [['e30.e30.e30'], '`typ` of the proof is not `dpop+jwt`'],
    ];
    for (const [proofs, cause] of cases) {
      assert.equal(told({ authorization, proofs, cookie }), `proof-invalid: ${cause}`);
    }
  });

  it('does not let a refused proof use up the name of a good one', async () => {
    const other = await programKey();
    const request = { method: 'GET', url: `${ORIGIN}/a`, now: NOW, token: BOUND };
    const named = { claims: { jti: 'the-name' } };
    const authorization = `DPoP ${BOUND}`;
    assert.equal(find({ authorization, proofs: [await prove(other, request, named)] }).kind, 'refused');
    assert.equal(find({ authorization, proofs: [await prove(key, request, named)] }).kind, 'token');
  });

  const foreign = [
    'Basic YWRhOnNlY3JldA==',
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'DPoP Kz~8mXK1EalYznwH',
    'Negotiate x',
    'cordon',
  ];
  for (const authorization of foreign) {
    it(`leaves \`${authorization}\` to the app, and it authenticates nobody`, () => {
      assert.equal(isOwnAuthorization(authorization), false);
      assert.equal(told({ authorization }), 'none');
      assert.equal(told({ authorization, cookie: cookieField(COOKIE) }), 'cookie ses_1', 'the cookie still counts');
    });
  }

  const malformed = [
    'cordon_at_',
    BEARER,
    `Bearer ${BEARER}x`,
    `Bearer ${BEARER.slice(0, -1)}`,
    `Bearer ${BEARER} `,
    `Bearer  ${BEARER},`,
    `Bearer\t${BEARER}`,
    `Bearer ${BEARER}, Bearer ${BEARER}`,
    `Bearer=${BEARER}`,
    `Basic ${BEARER}`,
    `Token ${BEARER}`,
    `Bearer x${BEARER}`,
    `Bearer "${BEARER}"`,
    `Bearer ${BEARER.replace('at_', 'at_=')}`,
    ` Bearer ${BEARER}`,
  ];
  for (const authorization of malformed) {
    it(`refuses \`${authorization.replaceAll(BEARER, 'TOKEN')}\` and looks at nothing else`, () => {
      assert.equal(isOwnAuthorization(authorization), true);
      assert.equal(
        told({ authorization, cookie: cookieField(COOKIE) }),
        'token-invalid: the field is not a scheme and a token',
      );
    });
  }

  it('is never found in what is malformed (fuzz), and never throws', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom('Bearer ', 'DPoP ', 'cordon_at_', '__Host-cordon_app=', ';', ' ', '.'),
      fc.base64String().map((text) => text.replace(/[+/=]/g, '-')),
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(
        fc.option(text, { nil: undefined }),
        fc.array(text, { maxLength: 3 }),
        text,
        (authorization, proofs, cookie) => {
          const { kind } = find({ authorization, proofs, cookie });
          assert.equal(kind, isOwnAuthorization(authorization) ? 'refused' : 'none');
        },
      ),
      { numRuns: 1000 },
    );
  });
});
