import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '#identity';
import { totpCode } from './mfa/totp.ts';
import { type Bench, clientAt, codeOf, must, openBench, ORIGIN, PASSWORD } from './testdata/identity-bench.ts';
import { SoftwareAuthenticator } from './testdata/software-authenticator.ts';

const client = clientAt('192.0.2.1');

async function firstEnrolment(bench: Bench): Promise<string> {
  const link = await bench.identity.invitations.bootstrap();
  return must(await bench.identity.enrolment.open({ token: link?.token ?? '' })).enrolment;
}

function presentCode(bench: Bench, secret: string): string {
  return totpCode(secret, Math.floor(bench.clock.now() / 30_000));
}

describe('the first administrator', () => {
  it('gets a link while there is no active administrator, and only then', async () => {
    const bench = await openBench();
    assert.ok((await bench.identity.invitations.bootstrap()) !== undefined);
    const admin = await bench.enrol({ email: 'admin@example.org', factors: ['totp'] });
    assert.equal(await bench.identity.invitations.bootstrap(), undefined);
    const user = bench.graph.get('user', admin.userId);
    assert.deepEqual([user?.status, user?.groups], ['active', ['admins']]);
  });

  it('makes every link before invalid by asking for a new one', async () => {
    const bench = await openBench();
    const first = await bench.identity.invitations.bootstrap();
    const second = await bench.identity.invitations.bootstrap();
    assert.equal(codeOf(await bench.identity.enrolment.open({ token: first?.token ?? '' })), 'link-invalid');
    assert.equal(codeOf(await bench.identity.enrolment.open({ token: second?.token ?? '' })), 'ok');
  });

  it('is one, even when two enrolments run side by side', async () => {
    const bench = await openBench();
    const link = await bench.identity.invitations.bootstrap();
    const enrolments = [];
    for (const email of ['a@example.org', 'b@example.org']) {
      const { enrolment } = must(await bench.identity.enrolment.open({ token: link?.token ?? '' }));
      must(await bench.identity.enrolment.setPassword({ enrolment, name: 'A', email, password: PASSWORD }));
      const { secret } = must(bench.identity.enrolment.beginTotp({ enrolment }));
      must(bench.identity.enrolment.confirmTotp({ enrolment, code: presentCode(bench, secret) }));
      enrolments.push(enrolment);
    }
    const outcomes = await Promise.all(
      enrolments.map(async (enrolment) => await bench.identity.enrolment.finish({ enrolment, client })),
    );
    assert.deepEqual(outcomes.map(codeOf).sort(), ['link-invalid', 'ok']);
    assert.equal(bench.graph.count('user'), 1);
  });

  it('needs an address', async () => {
    const bench = await openBench();
    const enrolment = await firstEnrolment(bench);
    const outcome = await bench.identity.enrolment.setPassword({ enrolment, name: 'A', password: PASSWORD });
    assert.equal(codeOf(outcome), 'email-invalid');
  });
});

describe('a link', () => {
  it('dies after an hour, with the enrolment that was opened from it', async () => {
    const bench = await openBench();
    const link = await bench.identity.invitations.bootstrap();
    const token = link?.token ?? '';
    const { enrolment } = must(await bench.identity.enrolment.open({ token }));
    bench.clock.advance(3_600_000);
    assert.equal(codeOf(await bench.identity.enrolment.open({ token })), 'link-invalid');
    assert.equal(codeOf(bench.identity.enrolment.state({ enrolment })), 'flow-expired');
    assert.equal((await bench.identity.sweep()).invitations, 1);
  });

  it('dies on finish, and a second finish of the same enrolment does too', async () => {
    const bench = await openBench();
    await bench.enrol({ email: 'admin@example.org', factors: ['totp'] });
    const link = must(
      await bench.identity.invitations.invite({ email: 'B@Example.org', name: 'B', groups: [], by: 'local:0' }),
    );
    const { enrolment, email } = must(await bench.identity.enrolment.open({ token: link.token }));
    assert.equal(email, 'b@example.org');
    must(
      await bench.identity.enrolment.setPassword({
        enrolment,
        name: 'B',
        email: 'evil@example.org',
        password: PASSWORD,
      }),
    );
    const { secret } = must(bench.identity.enrolment.beginTotp({ enrolment }));
    must(bench.identity.enrolment.confirmTotp({ enrolment, code: presentCode(bench, secret) }));
    const both = await Promise.all(
      [1, 2].map(async () => await bench.identity.enrolment.finish({ enrolment, client })),
    );
    assert.deepEqual(both.map(codeOf).sort(), ['link-invalid', 'ok']);
    assert.equal(codeOf(await bench.identity.enrolment.open({ token: link.token })), 'link-invalid');
    assert.equal(
      bench.graph.get('user', link.userId)?.email,
      'b@example.org',
      'only the first administrator names an address',
    );
  });

  it('that two people hold gives each an enrolment of their own', async () => {
    const bench = await openBench();
    const link = await bench.identity.invitations.bootstrap();
    const mine = must(await bench.identity.enrolment.open({ token: link?.token ?? '' })).enrolment;
    const theirs = must(await bench.identity.enrolment.open({ token: link?.token ?? '' })).enrolment;
    const { options } = must(await bench.identity.enrolment.beginPasskey({ enrolment: theirs }));
    const response = new SoftwareAuthenticator({ origin: ORIGIN }).create(options);
    assert.equal(codeOf(await bench.identity.enrolment.confirmPasskey({ enrolment: mine, response })), 'flow-expired');
    assert.equal(must(bench.identity.enrolment.state({ enrolment: mine })).passkeys, 0);
  });

  it('is stored as a hash only', async () => {
    const bench = await openBench();
    const link = await bench.identity.invitations.bootstrap();
    const changes = JSON.stringify(await bench.store.changesAfter(0));
    const rows = await bench.store.read(async (tx) => JSON.stringify(await tx.listPrivate('identity-invitation')));
    assert.ok(!changes.includes(link?.token ?? '') && !rows.includes(link?.token ?? ''));
  });

  it('cannot be finished when the journal cannot be written, and can afterwards', async () => {
    const bench = await openBench();
    const enrolment = await firstEnrolment(bench);
    must(
      await bench.identity.enrolment.setPassword({ enrolment, name: 'A', email: 'a@example.org', password: PASSWORD }),
    );
    const { secret } = must(bench.identity.enrolment.beginTotp({ enrolment }));
    must(bench.identity.enrolment.confirmTotp({ enrolment, code: presentCode(bench, secret) }));
    bench.breakJournal(true);
    await assert.rejects(bench.identity.enrolment.finish({ enrolment, client }));
    assert.equal(bench.graph.count('user'), 0);
    bench.breakJournal(false);
    assert.equal(codeOf(await bench.identity.enrolment.finish({ enrolment, client })), 'ok');
  });
});

type Step =
  | 'password'
  | 'weak'
  | 'beginTotp'
  | 'goodCode'
  | 'badCode'
  | 'beginPasskey'
  | 'goodPasskey'
  | 'badPasskey'
  | 'finish';

/** Runs steps against the real thing beside the simplest model of what must be there before an account is active. */
async function runSteps(steps: readonly Step[]): Promise<void> {
  const bench = await openBench();
  const { enrolment: flow } = bench.identity;
  const enrolment = await firstEnrolment(bench);
  const authenticator = new SoftwareAuthenticator({ origin: ORIGIN });
  const model = { password: false, totp: false, passkey: false, finished: false };
  let secret: string | undefined;
  let options: Parameters<SoftwareAuthenticator['create']>[0] | undefined;
  for (const step of steps) {
    let outcome: Outcome<unknown> | undefined;
    switch (step) {
      case 'password':
      case 'weak': {
        const password = step === 'weak' ? 'password' : PASSWORD;
        outcome = await flow.setPassword({ enrolment, name: 'A', email: 'a@example.org', password });
        if (outcome.ok) model.password = true;
        break;
      }
      case 'beginTotp': {
        const begun = flow.beginTotp({ enrolment });
        if (begun.ok) {
          secret = begun.value.secret;
          model.totp = false;
        }
        break;
      }
      case 'goodCode':
      case 'badCode':
        outcome = flow.confirmTotp({
          enrolment,
          code: step === 'badCode' ? 'aaaaaa' : presentCode(bench, secret ?? 'AAAA'),
        });
        if (outcome.ok) model.totp = true;
        if (step === 'badCode') assert.ok(!outcome.ok);
        break;
      case 'beginPasskey': {
        const begun = await flow.beginPasskey({ enrolment });
        if (begun.ok) options = begun.value.options;
        break;
      }
      case 'goodPasskey':
      case 'badPasskey': {
        if (options === undefined) break;
        const response = authenticator.create(options, { userVerified: step === 'goodPasskey' });
        outcome = await flow.confirmPasskey({ enrolment, response });
        if (outcome.ok) model.passkey = true;
        if (step === 'badPasskey') assert.ok(!outcome.ok);
        break;
      }
      case 'finish': {
        const expected = model.password && (model.totp || model.passkey) && !model.finished;
        outcome = await flow.finish({ enrolment, client });
        assert.equal(outcome.ok, expected, `finish after ${steps.join(' ')}`);
        model.finished ||= outcome.ok;
        break;
      }
    }
    const active = [...bench.graph.all('user')].filter(({ status }) => status === 'active').length;
    assert.equal(active, model.finished ? 1 : 0);
    assert.equal(bench.graph.count('session'), model.finished ? 1 : 0);
  }
  await bench.store.close();
}

describe('enrolment', () => {
  it('finishes with a password and a second factor that answered, and never otherwise, in any order of steps', async () => {
    const step = fc.constantFrom<Step>(
      'password',
      'weak',
      'beginTotp',
      'goodCode',
      'badCode',
      'beginPasskey',
      'goodPasskey',
      'badPasskey',
      'finish',
    );
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), runSteps), { numRuns: 150 });
  });

  for (const [name, steps] of [
    ['with an app', ['password', 'beginTotp', 'goodCode', 'finish', 'finish']],
    ['with a passkey', ['beginPasskey', 'goodPasskey', 'password', 'finish']],
    ['not with a password alone', ['password', 'finish']],
    ['not with a passkey alone', ['beginPasskey', 'goodPasskey', 'finish']],
    ['not with a secret that was shown and never confirmed', ['password', 'beginTotp', 'finish']],
    ['not with a secret that replaced the confirmed one', ['password', 'beginTotp', 'goodCode', 'beginTotp', 'finish']],
    ['not with a passkey that did not verify the person', ['password', 'beginPasskey', 'badPasskey', 'finish']],
  ] as const) {
    it(`can be finished ${name}`, async () => await runSteps(steps));
  }

  for (const [name, behaviour] of [
    ['another origin', { origin: 'http://id.localhost.evil.example' }],
    ['another relying party', { rpId: 'localhost' }],
    ['another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['no user verification', { userVerified: false }],
  ] as const) {
    it(`refuses a passkey made with ${name}, and the same challenge a second time`, async () => {
      const bench = await openBench();
      const enrolment = await firstEnrolment(bench);
      const authenticator = new SoftwareAuthenticator({ origin: ORIGIN });
      const { options } = must(await bench.identity.enrolment.beginPasskey({ enrolment }));
      const bad = await bench.identity.enrolment.confirmPasskey({
        enrolment,
        response: authenticator.create(options, behaviour),
      });
      assert.equal(codeOf(bad), 'passkey-refused');
      const again = await bench.identity.enrolment.confirmPasskey({
        enrolment,
        response: authenticator.create(options),
      });
      assert.equal(codeOf(again), 'flow-expired');
    });
  }

  it('refuses a passkey challenge after five minutes', async () => {
    const bench = await openBench();
    const enrolment = await firstEnrolment(bench);
    const { options } = must(await bench.identity.enrolment.beginPasskey({ enrolment }));
    bench.clock.advance(300_000);
    const response = new SoftwareAuthenticator({ origin: ORIGIN }).create(options);
    assert.equal(codeOf(await bench.identity.enrolment.confirmPasskey({ enrolment, response })), 'flow-expired');
  });

  for (const response of [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { id: 'a', response: {} },
    { id: 'a', rawId: 'a', type: 'public-key', response: { clientDataJSON: '!!', attestationObject: '' } },
  ]) {
    it(`refuses \`${JSON.stringify(response)}\` as a passkey`, async () => {
      const bench = await openBench();
      const enrolment = await firstEnrolment(bench);
      must(await bench.identity.enrolment.beginPasskey({ enrolment }));
      assert.equal(codeOf(await bench.identity.enrolment.confirmPasskey({ enrolment, response })), 'passkey-refused');
    });
  }

  it('refuses a passkey that another account has', async () => {
    const bench = await openBench();
    await bench.enrol({ email: 'admin@example.org', factors: ['passkey'] });
    const taken = await bench.store.read(async (tx) => (await tx.listPrivate('identity-passkey'))[0]?.id ?? '');
    const link = must(
      await bench.identity.invitations.invite({ email: 'b@example.org', name: 'B', groups: [], by: 'local:0' }),
    );
    const { enrolment } = must(await bench.identity.enrolment.open({ token: link.token }));
    must(await bench.identity.enrolment.setPassword({ enrolment, name: 'B', password: PASSWORD }));
    const { options } = must(await bench.identity.enrolment.beginPasskey({ enrolment }));
    const response = new SoftwareAuthenticator({ origin: ORIGIN, credentialId: taken }).create(options);
    must(await bench.identity.enrolment.confirmPasskey({ enrolment, response }));
    assert.equal(codeOf(await bench.identity.enrolment.finish({ enrolment, client })), 'passkey-refused');
    assert.equal(bench.graph.get('user', link.userId)?.status, 'invited');
  });

  it('ends in an aal2 session, whatever the factor', async () => {
    const bench = await openBench();
    const admin = await bench.enrol({ email: 'admin@example.org', factors: ['passkey'] });
    assert.equal(admin.signedIn.session.acr, 'urn:cordon:aal2');
    assert.equal(must(bench.identity.sessions.authenticate(admin.signedIn.sessionToken)).user.id, admin.userId);
    assert.equal(admin.recoveryCodes.length, 10);
  });
});
