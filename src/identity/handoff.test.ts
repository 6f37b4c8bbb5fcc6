import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashToken, newToken } from '#base';
import type { ProgramRequest } from './flows.ts';
import { type Bench, clientAt, codeOf, must, openBench, type Person } from './testdata/identity-bench.ts';

const client = clientAt('198.51.100.7');
const HOST = 'wiki.localhost';
const HOUR = 3_600_000;
const KEY = hashToken('a key');
const CURL: ProgramRequest = { name: 'curl on ada-laptop', form: 'bearer' };
const CLI: ProgramRequest = { name: 'cordon on ada-laptop', form: 'dpop', keyThumbprint: KEY };

async function oneAdmin(): Promise<{ bench: Bench; ada: Person }> {
  const bench = await openBench();
  return { bench, ada: await bench.enrol({ email: 'ada@example.org', factors: ['totp', 'passkey'] }) };
}

interface Code {
  readonly code: string;
  readonly verifier: string;
  readonly host: string;
}

function codeFor({ identity }: Bench, { signedIn }: Person, program?: ProgramRequest): Code {
  const verifier = newToken();
  const { session } = must(identity.sessions.authenticate(signedIn.sessionToken));
  const asked = { session, host: HOST, challenge: hashToken(verifier), ...(program === undefined ? {} : { program }) };
  return { code: must(identity.handoff.issue(asked)).code, verifier, host: HOST };
}

describe('a code for a program', () => {
  it('becomes a token that scanners for secrets know, bound to session, host and key, and stored as a hash', async () => {
    const { bench, ada } = await oneAdmin();
    const code = codeFor(bench, ada, CLI);
    const { token, appSession } = must(
      await bench.identity.handoff.redeem({ ...code, client, program: { keyThumbprint: KEY } }),
    );
    assert.match(token, /^cordon_at_[A-Za-z0-9_-]{43}$/);
    const { id, createdAt, ...rest } = appSession;
    assert.deepEqual(rest, {
      tokenHash: hashToken(token),
      sessionId: ada.signedIn.session.id,
      host: HOST,
      form: 'dpop',
      keyThumbprint: KEY,
      program: 'cordon on ada-laptop',
      expiresAt: createdAt + 8 * HOUR,
    });
    assert.deepEqual(bench.graph.get('appSession', id), appSession);
    assert.ok(!JSON.stringify([await bench.store.changesAfter(0), bench.events]).includes(token));
  });

  it('is in the journal with what the program calls itself, and with the id of the token', async () => {
    const { bench, ada } = await oneAdmin();
    const { appSession } = must(
      await bench.identity.handoff.redeem({ ...codeFor(bench, ada, CURL), client, program: {} }),
    );
    const event = bench.events.at(-1);
    assert.equal(event?.message, '`curl on ada-laptop` got a token for wiki.localhost');
    assert.deepEqual(event.unmapped?.cordon, {
      host: HOST,
      program: 'curl on ada-laptop',
      form: 'bearer',
      token: appSession.id,
      expiresAt: appSession.expiresAt,
    });
  });

  for (const [program, hours] of [
    [CURL, 1],
    [CLI, 8],
  ] as const) {
    it(`gives a ${program.form} token for ${hours} h, and never beyond the end of the session`, async () => {
      const { bench, ada } = await oneAdmin();
      const { session } = ada.signedIn;
      const redeem = async (): Promise<number | undefined> =>
        must(await bench.identity.handoff.redeem({ ...codeFor(bench, ada, program), program })).appSession.expiresAt;
      assert.equal(await redeem(), bench.clock.now() + hours * HOUR);
      bench.clock.advance(12 * HOUR - 60_000);
      assert.equal(await redeem(), session.expiresAt);
      assert.equal(bench.identity.handoff.endOf(session, program.form), session.expiresAt);
    });
  }

  it('is good for three minutes, which is time to carry it to a terminal', async () => {
    const { bench, ada } = await oneAdmin();
    const [early, late] = [codeFor(bench, ada, CURL), codeFor(bench, ada, CURL)];
    bench.clock.advance(179_999);
    assert.equal(codeOf(await bench.identity.handoff.redeem({ ...early, program: {} })), 'ok');
    bench.clock.advance(1);
    assert.equal(codeOf(await bench.identity.handoff.redeem({ ...late, program: {} })), 'handoff-invalid');
  });

  const wrong: readonly (readonly [string, ProgramRequest | undefined, object])[] = [
    ['by a browser, for its cookie', CURL, {}],
    ['by a program, when it was issued to a browser', undefined, { program: {} }],
    ['without the key that it is bound to', CLI, { program: {} }],
    ['with another key', CLI, { program: { keyThumbprint: hashToken('another') } }],
    ['with another verifier', CLI, { program: { keyThumbprint: KEY }, verifier: newToken() }],
    ['at another host', CLI, { program: { keyThumbprint: KEY }, host: 'mail.localhost' }],
  ];
  for (const [name, program, change] of wrong) {
    it(`is refused ${name}, and is used up`, async () => {
      const { bench, ada } = await oneAdmin();
      const code = codeFor(bench, ada, program);
      const right = program === undefined ? code : { ...code, program: { keyThumbprint: KEY } };
      assert.equal(codeOf(await bench.identity.handoff.redeem({ ...code, ...change })), 'handoff-invalid');
      assert.equal(codeOf(await bench.identity.handoff.redeem(right)), 'handoff-invalid');
      assert.equal(bench.graph.count('appSession'), 0);
    });
  }

  const unfit: Readonly<Record<string, ProgramRequest>> = {
    'a bound token without a key': { name: 'x', form: 'dpop' },
    'a key that is no thumbprint': { name: 'x', form: 'dpop', keyThumbprint: 'short' },
    'a bearer token with a key': { ...CURL, keyThumbprint: KEY },
    'no name': { ...CURL, name: '' },
    'a name of two lines': { ...CURL, name: 'curl\non your bank' },
    'a name that turns the text around': { ...CURL, name: 'curl\u202e' },
    'a name that nobody sees': { ...CURL, name: '\u3164\u115f' },
    'a name without end': { ...CURL, name: 'x'.repeat(81) },
  };
  for (const [name, program] of Object.entries(unfit)) {
    it(`is not issued for ${name}`, async () => {
      const { bench, ada } = await oneAdmin();
      const { session } = ada.signedIn;
      const asked = { session, host: HOST, challenge: hashToken('v'), program };
      assert.equal(codeOf(bench.identity.handoff.issue(asked)), 'handoff-invalid');
    });
  }
});

describe('the token of a program', () => {
  const signedInProgram = async (): Promise<{ bench: Bench; ada: Person; id: string }> => {
    const { bench, ada } = await oneAdmin();
    const { appSession } = must(
      await bench.identity.handoff.redeem({ ...codeFor(bench, ada, CURL), client, program: {} }),
    );
    return { bench, ada, id: appSession.id };
  };

  it('ends with the session, when its person signs out', async () => {
    const { bench, ada, id } = await signedInProgram();
    await bench.identity.sessions.end({ token: ada.signedIn.sessionToken, client });
    assert.equal(bench.graph.get('appSession', id), undefined);
  });

  it('ends when an administrator disables the account', async () => {
    const { bench, id, ada } = await signedInProgram();
    const { userId } = ada.signedIn.session;
    await bench.enrol({ email: 'eve@example.org', factors: ['totp'], groups: ['admins'] });
    must(await bench.identity.accounts.disable({ userId, by: 'local:0' }));
    assert.equal(bench.graph.get('appSession', id), undefined);
  });

  it('ends with a step-up, as every sign-in carried to a host does', async () => {
    const { bench, ada, id } = await signedInProgram();
    const { sessionToken } = ada.signedIn;
    const { flow, options } = must(await bench.identity.stepUp.beginPasskey({ sessionToken }));
    const response = ada.authenticator?.get(options);
    must(await bench.identity.stepUp.finishPasskey({ sessionToken, flow, response, client }));
    assert.equal(bench.graph.get('appSession', id), undefined);
  });

  it('is swept after its end, while the session goes on', async () => {
    const { bench, ada, id } = await signedInProgram();
    bench.clock.advance(HOUR - 1);
    assert.equal((await bench.identity.sweep()).appSessions, 0);
    assert.deepEqual(
      bench.identity.programs.list(ada.signedIn.session.userId).map((one) => one.id),
      [id],
    );
    bench.clock.advance(1);
    assert.deepEqual(bench.identity.programs.list(), []);
    assert.equal((await bench.identity.sweep()).appSessions, 1);
    assert.equal(codeOf(bench.identity.sessions.authenticate(ada.signedIn.sessionToken)), 'ok');
  });

  it('can be ended by itself, by its person and by nobody else, and that is in the journal', async () => {
    const { bench, ada, id } = await signedInProgram();
    const { userId } = ada.signedIn.session;
    const { programs } = bench.identity;
    const by = `user:${userId}` as const;
    assert.equal(codeOf(await programs.end({ id, by, ownerId: 'usr_eve' })), 'session-unknown');
    assert.equal(codeOf(await programs.end({ id: 'app_none', by, ownerId: userId })), 'session-unknown');
    assert.deepEqual(programs.list('usr_eve'), []);
    must(await programs.end({ id, by, ownerId: userId }));
    assert.deepEqual(programs.list(), []);
    assert.equal(
      bench.events.at(-1)?.message,
      `the token of \`curl on ada-laptop\` for wiki.localhost was ended by user:${userId}`,
    );
  });

  it('is not the cookie of a browser, which cannot be ended as a program', async () => {
    const { bench, ada } = await oneAdmin();
    const { appSession } = must(await bench.identity.handoff.redeem({ ...codeFor(bench, ada), client }));
    assert.equal(codeOf(await bench.identity.programs.end({ id: appSession.id, by: 'local:0' })), 'session-unknown');
    assert.deepEqual(bench.identity.programs.list(), []);
  });
});
