import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashToken, newToken } from '#base';
import {
  type Bench,
  clientAt,
  codeOf,
  must,
  openBench,
  ORIGIN,
  PASSWORD,
  type Person,
} from './testdata/identity-bench.ts';
import { SoftwareAuthenticator } from './testdata/software-authenticator.ts';

const client = clientAt('198.51.100.7');
const HOST = 'verify.localhost';

async function oneAdmin(): Promise<{ bench: Bench; ada: Person }> {
  const bench = await openBench();
  return { bench, ada: await bench.enrol({ email: 'ada@example.org', factors: ['totp', 'passkey'] }) };
}

/** The token of a session that the person has just confirmed with the passkey. */
async function byPasskey({ identity }: Bench, { signedIn, authenticator }: Person): Promise<string> {
  const { sessionToken } = signedIn;
  const { flow, options } = must(await identity.stepUp.beginPasskey({ sessionToken }));
  const response = authenticator?.get(options);
  return must(await identity.stepUp.finishPasskey({ sessionToken, flow, response, client })).sessionToken;
}

function codeFor(bench: Bench, person: Person, host: string = HOST): { code: string; verifier: string } {
  const verifier = newToken();
  const { session } = must(bench.identity.sessions.authenticate(person.signedIn.sessionToken));
  const { code } = must(bench.identity.handoff.issue({ session, host, challenge: hashToken(verifier) }));
  return { code, verifier };
}

describe('sessions', () => {
  it('are stored as a hash only', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessionToken, deviceToken = '' } = ada.signedIn;
    assert.equal(Buffer.from(sessionToken, 'base64url').length, 32);
    const all = JSON.stringify([await bench.store.changesAfter(0), bench.events]);
    assert.ok(deviceToken !== '' && !all.includes(sessionToken) && !all.includes(deviceToken));
  });

  it('last twelve hours, are refused by name afterwards, and are swept with their app sessions', async () => {
    const { bench, ada } = await oneAdmin();
    must(await bench.identity.handoff.redeem({ ...codeFor(bench, ada), host: HOST }));
    bench.clock.advance(12 * 3_600_000 - 1);
    assert.equal(codeOf(bench.identity.sessions.authenticate(ada.signedIn.sessionToken)), 'ok');
    bench.clock.advance(1);
    assert.equal(codeOf(bench.identity.sessions.authenticate(ada.signedIn.sessionToken)), 'session-expired');
    const swept = await bench.identity.sweep();
    assert.deepEqual([swept.sessions, swept.appSessions], [1, 1]);
    assert.equal(bench.graph.count('session') + bench.graph.count('appSession'), 0);
    assert.equal(bench.events.at(-1)?.message, 'session expired');
  });

  it('are refused by name without a token, with a wrong one and for a disabled account', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessions } = bench.identity;
    assert.equal(codeOf(sessions.authenticate(undefined)), 'not-authenticated');
    assert.equal(codeOf(sessions.authenticate('')), 'not-authenticated');
    assert.equal(codeOf(sessions.authenticate(ada.signedIn.session.tokenHash)), 'not-authenticated');
    await bench.store.transact('local:0', async (tx) => {
      const user = await tx.get('user', ada.userId);
      if (user !== undefined) await tx.put('user', { ...user, status: 'disabled' });
    });
    assert.equal(codeOf(sessions.authenticate(ada.signedIn.sessionToken)), 'user-disabled');
  });

  it('end on sign-out, with app sessions, even when the journal cannot be written', async () => {
    const { bench, ada } = await oneAdmin();
    must(await bench.identity.handoff.redeem({ ...codeFor(bench, ada), host: HOST }));
    bench.breakJournal(true);
    await assert.rejects(bench.identity.sessions.end({ token: ada.signedIn.sessionToken, client }));
    assert.equal(codeOf(bench.identity.sessions.authenticate(ada.signedIn.sessionToken)), 'not-authenticated');
    assert.equal(bench.graph.count('appSession'), 0);
  });

  it('end by id for their owner only, and all at once but one', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessions } = bench.identity;
    const sessionId = ada.signedIn.session.id;
    const stranger = await sessions.endById({ sessionId, by: 'user:usr_other', ownerId: 'usr_other' });
    assert.equal(codeOf(stranger), 'session-unknown');
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client }));
    const second = must(
      await bench.identity.signIn.finishPasskey({ flow, response: ada.authenticator?.get(options), client }),
    );
    const ended = await sessions.endAll({
      userId: ada.userId,
      by: 'local:0',
      reason: 'session-revoked',
      except: second.session.id,
    });
    assert.equal(ended, 1);
    assert.deepEqual(
      sessions.list(ada.userId).map(({ id }) => id),
      [second.session.id],
    );
    assert.equal(codeOf(await sessions.endById({ sessionId: second.session.id, by: 'local:0' })), 'ok');
    assert.equal(sessions.list(ada.userId).length, 0);
    assert.equal(bench.events.at(-1)?.activity_name, 'logoff');
  });
});

describe('step-up', () => {
  it('by passkey replaces the session: the old token and its app sessions are dead, the end does not move', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessionToken, session } = ada.signedIn;
    must(await bench.identity.handoff.redeem({ ...codeFor(bench, ada), host: HOST }));
    bench.clock.advance(3_600_000);
    const { flow, options } = must(await bench.identity.stepUp.beginPasskey({ sessionToken }));
    const response = ada.authenticator?.get(options);
    const next = must(await bench.identity.stepUp.finishPasskey({ sessionToken, flow, response, client }));
    assert.equal(codeOf(bench.identity.sessions.authenticate(sessionToken)), 'not-authenticated');
    assert.equal(bench.graph.get('session', session.id), undefined);
    assert.equal(bench.graph.count('appSession'), 0);
    assert.equal(next.session.acr, 'urn:cordon:aal3');
    assert.equal(next.session.authenticatedAt, bench.clock.now());
    assert.equal(next.session.expiresAt, session.expiresAt);
    assert.equal(next.session.deviceId, session.deviceId);
    assert.equal(codeOf(bench.identity.sessions.authenticate(next.sessionToken)), 'ok');
  });

  it('rotates a session once, however many answers arrive at the same time', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessionToken } = ada.signedIn;
    const begun = [];
    for (let i = 0; i < 3; i++) begun.push(must(await bench.identity.stepUp.beginPasskey({ sessionToken })));
    const answers = begun.map(({ flow, options }) => ({ flow, response: ada.authenticator?.get(options) }));
    const outcomes = await Promise.all(
      answers.map(async (answer) => await bench.identity.stepUp.finishPasskey({ sessionToken, ...answer, client })),
    );
    assert.equal(outcomes.filter(({ ok }) => ok).length, 1);
    assert.equal(bench.identity.sessions.list(ada.userId).length, 1);
  });

  it('by code renews an aal2 session and never raises it', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessionToken } = ada.signedIn;
    assert.deepEqual(must(await bench.identity.stepUp.options({ sessionToken })).factors, ['passkey', 'totp']);
    const next = must(await bench.identity.stepUp.totp({ sessionToken, code: bench.freshCode(ada), client }));
    assert.equal(next.session.acr, 'urn:cordon:aal2');
    assert.equal(codeOf(bench.identity.sessions.authenticate(sessionToken)), 'not-authenticated');
  });

  it('by code is impossible for a stronger session: it would fake a recent passkey', async () => {
    const { bench, ada } = await oneAdmin();
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client }));
    const strong = must(
      await bench.identity.signIn.finishPasskey({ flow, response: ada.authenticator?.get(options), client }),
    );
    const { sessionToken } = strong;
    const outcome = await bench.identity.stepUp.totp({ sessionToken, code: bench.freshCode(ada), client });
    assert.equal(codeOf(outcome), 'step-up-impossible');
    assert.deepEqual(must(await bench.identity.stepUp.options({ sessionToken })).factors, ['passkey']);
  });

  it('by passkey is impossible without one, and says what to do', async () => {
    const bench = await openBench();
    const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
    const outcome = await bench.identity.stepUp.beginPasskey({ sessionToken: ada.signedIn.sessionToken });
    assert.equal(codeOf(outcome), 'step-up-impossible');
  });

  it("does not take another session's challenge", async () => {
    const { bench, ada } = await oneAdmin();
    const { flow: f, options: o } = must(await bench.identity.signIn.beginPasskey({ client }));
    const other = must(
      await bench.identity.signIn.finishPasskey({ flow: f, response: ada.authenticator?.get(o), client }),
    );
    const { flow, options } = must(
      await bench.identity.stepUp.beginPasskey({ sessionToken: ada.signedIn.sessionToken }),
    );
    const response = ada.authenticator?.get(options);
    const outcome = await bench.identity.stepUp.finishPasskey({
      sessionToken: other.sessionToken,
      flow,
      response,
      client,
    });
    assert.equal(codeOf(outcome), 'flow-expired');
  });
});

describe('hand-off', () => {
  it('carries a session to one host', async () => {
    const { bench, ada } = await oneAdmin();
    const { token, appSession } = must(
      await bench.identity.handoff.redeem({ ...codeFor(bench, ada), host: HOST, client }),
    );
    assert.equal(bench.graph.appSessionByTokenHash(hashToken(token))?.id, appSession.id);
    assert.deepEqual([appSession.host, appSession.sessionId], [HOST, ada.signedIn.session.id]);
  });

  it('gives the cookie to exactly one of two parallel redeems', async () => {
    const { bench, ada } = await oneAdmin();
    const code = codeFor(bench, ada);
    const outcomes = await Promise.all(
      [1, 2, 3].map(async () => await bench.identity.handoff.redeem({ ...code, host: HOST })),
    );
    assert.deepEqual(outcomes.map(codeOf).sort(), ['handoff-invalid', 'handoff-invalid', 'ok']);
    assert.equal(bench.graph.count('appSession'), 1);
  });

  for (const [name, change] of [
    ['another host', { host: 'other.localhost' }],
    ['another verifier', { verifier: newToken() }],
    ['an empty verifier', { verifier: '' }],
    ['another code', { code: newToken() }],
  ] as const) {
    it(`is refused with ${name}, and the code is used up`, async () => {
      const { bench, ada } = await oneAdmin();
      const right = { ...codeFor(bench, ada), host: HOST };
      assert.equal(codeOf(await bench.identity.handoff.redeem({ ...right, ...change })), 'handoff-invalid');
      assert.equal(bench.events.at(-1)?.status_code, 'handoff-invalid');
      const again = await bench.identity.handoff.redeem(right);
      assert.equal(codeOf(again), 'code' in change ? 'ok' : 'handoff-invalid');
    });
  }

  it('is refused after sixty seconds, and when the session has ended', async () => {
    const { bench, ada } = await oneAdmin();
    const late = codeFor(bench, ada);
    bench.clock.advance(60_000);
    assert.equal(codeOf(await bench.identity.handoff.redeem({ ...late, host: HOST })), 'handoff-invalid');
    const code = codeFor(bench, ada);
    await bench.identity.sessions.end({ token: ada.signedIn.sessionToken, client });
    assert.equal(codeOf(await bench.identity.handoff.redeem({ ...code, host: HOST })), 'handoff-invalid');
    assert.equal(bench.graph.count('appSession'), 0);
  });

  for (const challenge of ['', 'short', `${'a'.repeat(43)}=`, 'a'.repeat(44)]) {
    it(`is not issued for the challenge \`${challenge}\``, async () => {
      const { bench, ada } = await oneAdmin();
      const { session } = ada.signedIn;
      assert.equal(codeOf(bench.identity.handoff.issue({ session, host: HOST, challenge })), 'handoff-invalid');
    });
  }
});

describe("a person's own factors", () => {
  it('gain a passkey after a recent sign-in, which then raises the session', async () => {
    const bench = await openBench();
    const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
    const { sessionToken } = ada.signedIn;
    const authenticator = new SoftwareAuthenticator({ origin: ORIGIN });
    const adding = must(await bench.identity.factors.beginPasskey({ sessionToken }));
    const response = authenticator.create(adding.options);
    const summary = must(
      await bench.identity.factors.confirmPasskey({ sessionToken, flow: adding.flow, response, client }),
    );
    assert.equal(summary.passkeys.length, 1);
    const { flow, options } = must(await bench.identity.stepUp.beginPasskey({ sessionToken }));
    const stepUp = { sessionToken, flow, response: authenticator.get(options), client };
    assert.equal(must(await bench.identity.stepUp.finishPasskey(stepUp)).session.acr, 'urn:cordon:aal3');
  });

  it('of an account with a passkey do not change by a session that rests on a code, whatever kind of code', async () => {
    for (const factor of ['totp', 'recovery'] as const) {
      const { bench, ada } = await oneAdmin();
      const { signIn, factors } = bench.identity;
      const { pending } = must(await signIn.password({ email: ada.email, password: PASSWORD, client }));
      const code = factor === 'totp' ? bench.freshCode(ada) : (ada.recoveryCodes[0] ?? '');
      const { sessionToken } = must(await signIn[factor]({ pending, code, client }));
      const before = await factors.summary(ada.userId);
      const passkeyId = before.passkeys[0]?.id ?? '';
      for (const outcome of [
        await factors.beginPasskey({ sessionToken }),
        await factors.removePasskey({ sessionToken, passkeyId, client }),
        await factors.renewRecoveryCodes({ sessionToken, client }),
      ]) {
        assert.equal(codeOf(outcome), 'mfa-too-weak');
      }
      assert.deepEqual(await factors.summary(ada.userId), before);
    }
  });

  it('gain no second passkey by a code, even when its ceremony began before the first was there', async () => {
    const bench = await openBench();
    const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
    const { sessionToken } = ada.signedIn;
    const { factors } = bench.identity;
    const add = async () => {
      const { flow, options } = must(await factors.beginPasskey({ sessionToken }));
      return { flow, sessionToken, client, response: new SoftwareAuthenticator({ origin: ORIGIN }).create(options) };
    };
    const [mine, phished] = [await add(), await add()];
    must(await factors.confirmPasskey(mine));
    assert.equal(codeOf(await factors.confirmPasskey(phished)), 'mfa-too-weak');
    assert.equal((await factors.summary(ada.userId)).passkeys.length, 1);
  });

  it('do not change when the sign-in is older than fifteen minutes', async () => {
    const { bench, ada } = await oneAdmin();
    const { sessionToken } = ada.signedIn;
    bench.clock.advance(15 * 60_000 + 1);
    const { factors } = bench.identity;
    for (const outcome of [
      await factors.beginPasskey({ sessionToken }),
      await factors.confirmPasskey({ sessionToken, flow: 'x', response: {}, client }),
      await factors.removePasskey({ sessionToken, passkeyId: 'x', client }),
      await factors.renewRecoveryCodes({ sessionToken, client }),
    ]) {
      assert.equal(codeOf(outcome), 'sign-in-too-old');
    }
  });

  it('keep at least one second factor', async () => {
    const bench = await openBench();
    const ada = await bench.enrol({ email: 'ada@example.org', factors: ['passkey'] });
    const sessionToken = await byPasskey(bench, ada);
    const passkeyId = (await bench.identity.factors.summary(ada.userId)).passkeys[0]?.id ?? '';
    const outcome = await bench.identity.factors.removePasskey({ sessionToken, passkeyId, client });
    assert.equal(codeOf(outcome), 'last-second-factor');
  });

  it('lose a passkey, which then opens nothing', async () => {
    const { bench, ada } = await oneAdmin();
    const sessionToken = await byPasskey(bench, ada);
    const passkeyId = (await bench.identity.factors.summary(ada.userId)).passkeys[0]?.id ?? '';
    must(await bench.identity.factors.removePasskey({ sessionToken, passkeyId, client }));
    assert.equal(
      codeOf(await bench.identity.factors.removePasskey({ sessionToken, passkeyId, client })),
      'passkey-unknown',
    );
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client }));
    const response = ada.authenticator?.get(options);
    assert.equal(codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client })), 'passkey-refused');
  });

  it('renew recovery codes; the ones before are dead', async () => {
    const { bench, ada } = await oneAdmin();
    const sessionToken = await byPasskey(bench, ada);
    const { recoveryCodes } = must(await bench.identity.factors.renewRecoveryCodes({ sessionToken, client }));
    const { pending } = must(await bench.identity.signIn.password({ email: ada.email, password: PASSWORD, client }));
    const old = await bench.identity.signIn.recovery({ pending, code: ada.recoveryCodes[0] ?? '', client });
    assert.equal(codeOf(old), 'code-wrong');
    assert.equal(codeOf(await bench.identity.signIn.recovery({ pending, code: recoveryCodes[0] ?? '', client })), 'ok');
  });
});
