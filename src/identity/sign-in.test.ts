import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '#identity';
import {
  type Bench,
  CHEAP,
  clientAt,
  codeOf,
  must,
  openBench,
  ORIGIN,
  PASSWORD,
  type Person,
} from './testdata/identity-bench.ts';
import { SoftwareAuthenticator } from './testdata/software-authenticator.ts';

const elsewhere = clientAt('198.51.100.7');

async function both(): Promise<{ bench: Bench; ada: Person; bob: Person }> {
  const bench = await openBench();
  const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp', 'passkey'] });
  const bob = await bench.enrol({ email: 'bob@example.org', factors: ['totp', 'passkey'], multiDevice: true });
  bench.events.length = 0;
  return { bench, ada, bob };
}

async function pendingOf(bench: Bench, person: Person, client: Client = elsewhere): Promise<string> {
  return must(await bench.identity.signIn.password({ email: person.email, password: PASSWORD, client })).pending;
}

describe('sign-in with a password', () => {
  it('gives no session, only the choice of second factors', async () => {
    const { bench, ada } = await both();
    const before = bench.graph.count('session');
    const step = must(
      await bench.identity.signIn.password({ email: ' ADA@example.org ', password: PASSWORD, client: elsewhere }),
    );
    assert.deepEqual(step.factors, ['passkey', 'totp', 'recovery']);
    assert.equal(bench.graph.count('session'), before);
    assert.equal(codeOf(bench.identity.sessions.authenticate(step.pending)), 'not-authenticated');
    assert.equal(bench.events.at(-1)?.['is_mfa'], false);
    assert.deepEqual(bench.events.at(-1)?.user, { uid: ada.userId, email_addr: ada.email, name: 'A. Person' });
  });

  it('answers an unknown account, a wrong password, an invited and a disabled account alike', async () => {
    const { bench, bob } = await both();
    must(await bench.identity.invitations.invite({ email: 'carol@example.org', name: 'C', groups: [], by: 'local:0' }));
    must(await bench.identity.accounts.disable({ userId: bob.userId, by: 'local:0' }));
    const answers = [];
    for (const [email, password] of [
      ['ada@example.org', 'wrong password'],
      ['ada@example.org', `${'é'.repeat(5000)}`],
      ['nobody@example.org', PASSWORD],
      ['not an address', PASSWORD],
      ['', ''],
      ['carol@example.org', PASSWORD],
      ['bob@example.org', PASSWORD],
    ] as const) {
      const client = clientAt(`203.0.113.${answers.length + 1}`);
      answers.push(await bench.identity.signIn.password({ email, password, client }));
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(codeOf(answers[0] ?? { ok: true, value: 0 }), 'credentials-wrong');
  });

  it('takes as long for an unknown account as for a known one', async () => {
    const bench = await openBench({ ...CHEAP, password: { ...CHEAP.password, memoryKiB: 4096, passes: 2 } });
    await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
    const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
    for (let i = 0; i < 21; i++) {
      // In turns, so that whatever else the machine does meets both.
      for (const [kind, email] of [
        ['known', 'ada@example.org'],
        ['unknown', 'nobody@example.org'],
      ] as const) {
        bench.clock.advance(7_200_001);
        const start = performance.now();
        await bench.identity.signIn.password({
          email,
          password: 'wrong password',
          client: clientAt(`192.0.2.${i + 1}`),
        });
        times[kind].push(performance.now() - start);
      }
    }
    const [known = 0, unknown = 0] = [times.known, times.unknown].map((list) => list.sort((x, y) => x - y)[10]);
    assert.ok(unknown > known / 2 && unknown < known * 2, `known ${known} ms, unknown ${unknown} ms`);
  });

  it('names the account in the event of a wrong password, and never an id for an unknown one', async () => {
    const { bench, ada } = await both();
    await bench.identity.signIn.password({ email: ada.email, password: 'hunter2 hunter2', client: elsewhere });
    await bench.identity.signIn.password({
      email: 'nobody@example.org',
      password: 'hunter2 hunter2',
      client: elsewhere,
    });
    const [wrong, unknown] = bench.events;
    assert.equal(wrong?.class_uid, 3002);
    assert.equal(wrong?.status_id, 2);
    assert.equal(wrong?.status_code, 'password-wrong');
    assert.deepEqual(wrong?.user, { uid: ada.userId, email_addr: ada.email, name: 'A. Person' });
    assert.deepEqual(wrong?.src_endpoint, { ip: '198.51.100.7' });
    assert.equal(unknown?.status_code, 'account-unknown');
    assert.deepEqual(unknown?.user, { email_addr: 'nobody@example.org' });
    assert.ok(!JSON.stringify(bench.events).includes('hunter2'));
  });

  it('is refused when the event cannot be written', async () => {
    const { bench, ada } = await both();
    bench.breakJournal(true);
    await assert.rejects(bench.identity.signIn.password({ email: ada.email, password: PASSWORD, client: elsewhere }));
  });
});

describe('the second factor', () => {
  it('by app makes an aal2 session', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    const signedIn = must(await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: elsewhere }));
    assert.equal(signedIn.session.acr, 'urn:cordon:aal2');
    assert.deepEqual(signedIn.session.amr, ['pwd', 'otp', 'mfa']);
    assert.equal(signedIn.session.expiresAt - bench.clock.now(), 12 * 3_600_000);
    assert.equal(must(bench.identity.sessions.authenticate(signedIn.sessionToken)).user.id, ada.userId);
    const event = bench.events.at(-1);
    assert.equal(event?.['is_mfa'], true);
    assert.deepEqual(event?.['session'], { uid: signedIn.session.id });
    assert.ok(!JSON.stringify(bench.events).includes(signedIn.sessionToken), 'no token in an event');
  });

  it('uses the pending sign-in up', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    must(await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: elsewhere }));
    const again = await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: elsewhere });
    assert.equal(codeOf(again), 'flow-expired');
  });

  it('is due within five minutes', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    bench.clock.advance(300_000);
    assert.equal(
      codeOf(await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: elsewhere })),
      'flow-expired',
    );
  });

  it('refuses a TOTP code a second time within its window, from anywhere', async () => {
    const { bench, ada } = await both();
    const code = bench.freshCode(ada);
    must(await bench.identity.signIn.totp({ pending: await pendingOf(bench, ada), code, client: elsewhere }));
    const replay = await bench.identity.signIn.totp({
      pending: await pendingOf(bench, ada),
      code,
      client: clientAt('192.0.2.99'),
    });
    assert.equal(codeOf(replay), 'code-wrong');
    assert.equal(bench.events.at(-1)?.status_code, 'code-replayed');
    const stepUp = await bench.identity.stepUp.totp({
      sessionToken: ada.signedIn.sessionToken,
      code,
      client: elsewhere,
    });
    assert.equal(codeOf(stepUp), 'code-wrong');
  });

  it('lets exactly one of two parallel uses of one code through', async () => {
    const { bench, ada } = await both();
    const code = bench.freshCode(ada);
    const pendings = [await pendingOf(bench, ada), await pendingOf(bench, ada)];
    const outcomes = await Promise.all(
      pendings.map(async (pending) => await bench.identity.signIn.totp({ pending, code, client: elsewhere })),
    );
    assert.deepEqual(outcomes.map(codeOf).sort(), ['code-wrong', 'ok']);
  });

  it('turns one pending sign-in into one session, even by two factors at once', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    const code = bench.freshCode(ada);
    const outcomes = await Promise.all([
      bench.identity.signIn.totp({ pending, code, client: elsewhere }),
      bench.identity.signIn.recovery({ pending, code: ada.recoveryCodes[0] ?? '', client: elsewhere }),
    ]);
    assert.deepEqual(outcomes.map(codeOf).sort(), ['flow-expired', 'ok']);
  });

  it('refuses the code of another person', async () => {
    const { bench, ada, bob } = await both();
    const pending = await pendingOf(bench, ada);
    assert.equal(
      codeOf(await bench.identity.signIn.totp({ pending, code: bench.freshCode(bob), client: elsewhere })),
      'code-wrong',
    );
  });

  it('by recovery code works once, says so loudly, and stays at aal2', async () => {
    const { bench, ada } = await both();
    const code = ada.recoveryCodes[0] ?? '';
    const signedIn = must(
      await bench.identity.signIn.recovery({ pending: await pendingOf(bench, ada), code, client: elsewhere }),
    );
    assert.equal(signedIn.session.acr, 'urn:cordon:aal2');
    assert.equal(bench.events.at(-1)?.severity_id, 4);
    const again = await bench.identity.signIn.recovery({
      pending: await pendingOf(bench, ada),
      code,
      client: elsewhere,
    });
    assert.equal(codeOf(again), 'code-wrong');
    assert.equal((await bench.identity.factors.summary(ada.userId)).recoveryCodesLeft, 9);
  });

  it('gives nothing when the account was disabled meanwhile', async () => {
    const { bench, bob } = await both();
    const pending = await pendingOf(bench, bob);
    must(await bench.identity.accounts.disable({ userId: bob.userId, by: 'local:0' }));
    const outcome = await bench.identity.signIn.totp({ pending, code: bench.freshCode(bob), client: elsewhere });
    assert.equal(codeOf(outcome), 'user-disabled');
    assert.equal(bench.identity.sessions.list(bob.userId).length, 0);
  });

  it('rolls the session and the used code back when the event cannot be written', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    const code = bench.freshCode(ada);
    const before = bench.graph.count('session');
    bench.breakJournal(true);
    await assert.rejects(bench.identity.signIn.totp({ pending, code, client: elsewhere }));
    assert.equal(bench.graph.count('session'), before);
    bench.breakJournal(false);
    assert.equal(codeOf(await bench.identity.signIn.totp({ pending, code, client: elsewhere })), 'ok');
  });
});

describe('sign-in with a passkey', () => {
  for (const [name, multiDevice, acr, amr] of [
    ['a device-bound passkey', false, 'urn:cordon:aal3', ['hwk', 'user', 'mfa']],
    ['a synced passkey', true, 'urn:cordon:aal2-phr', ['swk', 'user', 'mfa']],
  ] as const) {
    it(`reaches ${acr} with ${name} alone`, async () => {
      const bench = await openBench();
      const person = await bench.enrol({ email: 'ada@example.org', factors: ['passkey'], multiDevice });
      for (let i = 0; i < 2; i++) {
        const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
        assert.equal(options.allowCredentials, undefined, 'nobody learns which passkeys there are');
        const response = person.authenticator?.get(options);
        const { session } = must(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere }));
        assert.equal(session.acr, acr);
        assert.deepEqual(session.amr, amr);
        assert.equal(session.userId, person.userId);
      }
    });
  }

  it('works as the second factor of a password', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ pending, client: elsewhere }));
    const response = ada.authenticator?.get(options);
    const { session } = must(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere }));
    assert.deepEqual(session.amr, ['pwd', 'hwk', 'user', 'mfa']);
    assert.equal(
      codeOf(await bench.identity.signIn.totp({ pending, code: bench.freshCode(ada), client: elsewhere })),
      'flow-expired',
    );
  });

  for (const [name, behaviour] of [
    ['made on another origin', { origin: 'https://id.localhost.evil.example' }],
    ['for another relying party', { rpId: 'evil.example' }],
    ['to another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['without user verification', { userVerified: false }],
    ['with a counter that went back', { counter: 1 }],
    ['with another backup eligibility', { multiDevice: true, counter: 50 }],
    ['with the handle of nobody', { userHandle: Buffer.from('usr_nobody').toString('base64url') }],
  ] as const) {
    it(`refuses an answer ${name}`, async () => {
      const { bench, ada } = await both();
      for (const bad of [false, true]) {
        const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
        const response = ada.authenticator?.get(options, bad ? behaviour : {});
        const outcome = await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere });
        assert.equal(codeOf(outcome), bad ? 'passkey-refused' : 'ok');
      }
      assert.equal(bench.events.at(-1)?.status_code, 'passkey-refused');
    });
  }

  it('lets exactly one of two answers with the same counter through, even side by side', async () => {
    const { bench, ada } = await both();
    const begun = [];
    for (let i = 0; i < 2; i++) begun.push(must(await bench.identity.signIn.beginPasskey({ client: elsewhere })));
    const answers = begun.map(({ flow, options }) => ({
      flow,
      response: ada.authenticator?.get(options, { counter: 7 }),
    }));
    const outcomes = await Promise.all(
      answers.map(async (answer) => await bench.identity.signIn.finishPasskey({ ...answer, client: elsewhere })),
    );
    assert.deepEqual(outcomes.map(codeOf).sort(), ['ok', 'passkey-refused']);
  });

  it('does not mind the counter of a synced passkey', async () => {
    const { bench, bob } = await both();
    for (const counter of [9, 3]) {
      const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
      const response = bob.authenticator?.get(options, { counter });
      assert.equal(codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere })), 'ok');
    }
  });

  it('refuses an answer a second time, and after five minutes', async () => {
    const { bench, ada } = await both();
    const first = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
    const response = ada.authenticator?.get(first.options);
    const replay = { flow: first.flow, response, client: elsewhere };
    const outcomes = await Promise.all([
      bench.identity.signIn.finishPasskey(replay),
      bench.identity.signIn.finishPasskey(replay),
    ]);
    assert.deepEqual(outcomes.map(codeOf).sort(), ['flow-expired', 'ok']);
    const second = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
    assert.equal(
      codeOf(await bench.identity.signIn.finishPasskey({ flow: second.flow, response, client: elsewhere })),
      'passkey-refused',
    );
    const third = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
    bench.clock.advance(300_000);
    const late = { flow: third.flow, response: ada.authenticator?.get(third.options), client: elsewhere };
    assert.equal(codeOf(await bench.identity.signIn.finishPasskey(late)), 'flow-expired');
  });

  it("refuses another person's passkey as the second factor, whatever handle it claims", async () => {
    const { bench, ada, bob } = await both();
    for (const behaviour of [{}, { userHandle: Buffer.from(ada.userId).toString('base64url') }]) {
      const pending = await pendingOf(bench, ada);
      const { flow, options } = must(await bench.identity.signIn.beginPasskey({ pending, client: elsewhere }));
      const response = bob.authenticator?.get({ challenge: options.challenge }, behaviour);
      assert.equal(
        codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere })),
        'passkey-refused',
      );
    }
  });

  it("refuses another person's handle in a sign-in by passkey alone", async () => {
    const { bench, ada, bob } = await both();
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
    const response = bob.authenticator?.get(options, { userHandle: Buffer.from(ada.userId).toString('base64url') });
    assert.equal(
      codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere })),
      'passkey-refused',
    );
  });

  it('refuses a challenge of one flow in every other', async () => {
    const { bench, ada } = await both();
    const { sessionToken } = ada.signedIn;
    const { signIn, stepUp, factors } = bench.identity;
    const begin = {
      signIn: async () => must(await signIn.beginPasskey({ client: elsewhere })),
      secondFactor: async () =>
        must(await signIn.beginPasskey({ pending: await pendingOf(bench, ada), client: elsewhere })),
      stepUp: async () => must(await stepUp.beginPasskey({ sessionToken })),
    };
    const { authenticator = new SoftwareAuthenticator({ origin: ORIGIN }) } = ada;
    for (const [name, start] of Object.entries(begin)) {
      const { flow, options } = await start();
      const response = authenticator.get(options);
      const wrong =
        name === 'stepUp'
          ? await signIn.finishPasskey({ flow, response, client: elsewhere })
          : await stepUp.finishPasskey({ sessionToken, flow, response, client: elsewhere });
      assert.equal(codeOf(wrong), 'flow-expired', name);
      const other = await start();
      const crossed = { flow: other.flow, response, client: elsewhere };
      const outcome =
        name === 'stepUp'
          ? await stepUp.finishPasskey({ sessionToken, ...crossed })
          : await signIn.finishPasskey(crossed);
      assert.equal(codeOf(outcome), 'passkey-refused', `${name}: the response answers another challenge`);
      const adding = await start();
      const added = await factors.confirmPasskey({ sessionToken, flow: adding.flow, response, client: elsewhere });
      assert.equal(codeOf(added), 'flow-expired', `${name} is not a registration`);
    }
  });

  for (const response of [
    undefined,
    null,
    'x',
    {},
    { id: '', response: {} },
    { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: { userHandle: 7 } },
  ]) {
    it(`refuses \`${JSON.stringify(response)}\``, async () => {
      const { bench } = await both();
      const { flow } = must(await bench.identity.signIn.beginPasskey({ client: elsewhere }));
      assert.equal(
        codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client: elsewhere })),
        'passkey-refused',
      );
    });
  }

  it('holds at most twenty challenges for one address', async () => {
    const { bench, ada } = await both();
    const mine = must(await bench.identity.signIn.beginPasskey({ client: clientAt('192.0.2.50') }));
    for (let i = 0; i < 200; i++) await bench.identity.signIn.beginPasskey({ client: elsewhere });
    const response = ada.authenticator?.get(mine.options);
    assert.equal(
      codeOf(await bench.identity.signIn.finishPasskey({ flow: mine.flow, response, client: elsewhere })),
      'ok',
    );
  });
});

describe('browsers', () => {
  it('are recognised by their cookie, for their owner only', async () => {
    const { bench, ada, bob } = await both();
    const again = must(
      await bench.identity.signIn.totp({
        pending: await pendingOf(bench, ada),
        code: bench.freshCode(ada),
        client: ada.client,
      }),
    );
    assert.equal(again.deviceToken, undefined);
    assert.equal(again.session.deviceId, ada.signedIn.session.deviceId);
    const other = must(
      await bench.identity.signIn.totp({
        pending: await pendingOf(bench, bob),
        code: bench.freshCode(bob),
        client: ada.client,
      }),
    );
    assert.ok(other.deviceToken !== undefined);
    assert.notEqual(other.session.deviceId, ada.signedIn.session.deviceId);
    assert.equal(bench.graph.get('device', other.session.deviceId ?? '')?.name, 'Firefox on Linux');
  });

  it('that were revoked are not known again', async () => {
    const { bench, ada } = await both();
    await bench.store.transact('local:0', async (tx) => {
      const device = await tx.get('device', ada.signedIn.session.deviceId ?? '');
      if (device !== undefined) await tx.put('device', { ...device, status: 'revoked' });
    });
    const again = must(
      await bench.identity.signIn.totp({
        pending: await pendingOf(bench, ada),
        code: bench.freshCode(ada),
        client: ada.client,
      }),
    );
    assert.equal(again.deviceToken, undefined);
    assert.equal(again.session.deviceId, undefined);
  });

  it('are remembered up to twenty per person', async () => {
    const { bench, ada } = await both();
    for (let i = 0; i < 25; i++) {
      must(
        await bench.identity.signIn.totp({
          pending: await pendingOf(bench, ada),
          code: bench.freshCode(ada),
          client: elsewhere,
        }),
      );
    }
    assert.equal([...bench.graph.all('device')].filter(({ ownerId }) => ownerId === ada.userId).length, 20);
    assert.equal(bench.identity.sessions.list(ada.userId).length, 20);
  });
});

describe('a restart', () => {
  it('ends what was in progress and nothing else', async () => {
    const { bench, ada } = await both();
    const pending = await pendingOf(bench, ada);
    const code = bench.freshCode(ada);
    const restarted = bench.restart();
    assert.equal(codeOf(await restarted.signIn.totp({ pending, code, client: elsewhere })), 'flow-expired');
    assert.equal(codeOf(restarted.sessions.authenticate(ada.signedIn.sessionToken)), 'ok');
    const { pending: next } = must(
      await restarted.signIn.password({ email: ada.email, password: PASSWORD, client: elsewhere }),
    );
    assert.equal(codeOf(await restarted.signIn.totp({ pending: next, code, client: elsewhere })), 'ok');
    const again = must(await restarted.signIn.password({ email: ada.email, password: PASSWORD, client: elsewhere }));
    const replay = await restarted.signIn.totp({ pending: again.pending, code, client: elsewhere });
    assert.equal(codeOf(replay), 'code-wrong', 'the replay memory survives');
  });
});
