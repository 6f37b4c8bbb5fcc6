import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bench, clientAt, codeOf, must, openBench, PASSWORD, type Person } from './testdata/identity-bench.ts';

const by = 'local:0';
const client = clientAt('198.51.100.7');

async function team(): Promise<{ bench: Bench; ada: Person; bob: Person }> {
  const bench = await openBench();
  const ada = await bench.enrol({ email: 'ada@example.org', factors: ['totp'] });
  must(await bench.identity.groups.create({ id: 'engineering', by }));
  const bob = await bench.enrol({ email: 'bob@example.org', groups: ['engineering'], factors: ['totp', 'passkey'] });
  return { bench, ada, bob };
}

describe('invitations', () => {
  for (const [name, input, code] of [
    ['an address that is none', { email: 'bob', groups: [] }, 'email-invalid'],
    ['an address with a line break', { email: 'b@example.org\nBcc: x@example.org', groups: [] }, 'email-invalid'],
    ['an address that is taken, in other letters', { email: 'ADA@EXAMPLE.ORG', groups: [] }, 'email-taken'],
    ['a group there is not', { email: 'c@example.org', groups: ['nobody'] }, 'group-unknown'],
    ['a name of two lines', { email: 'c@example.org', name: 'a\u0000b', groups: [] }, 'name-invalid'],
  ] as const) {
    it(`refuse ${name}`, async () => {
      const { bench } = await team();
      assert.equal(codeOf(await bench.identity.invitations.invite({ name: 'C', by, ...input })), code);
    });
  }

  it('give one address to one account when two arrive at once', async () => {
    const { bench } = await team();
    const invite = { email: 'c@example.org', name: 'C', groups: [], by };
    const outcomes = await Promise.all([
      bench.identity.invitations.invite(invite),
      bench.identity.invitations.invite(invite),
    ]);
    assert.deepEqual(outcomes.map(codeOf).sort(), ['email-taken', 'ok']);
  });
});

describe('administration', () => {
  it('disables: sessions end at once, and nothing signs in until enabled again', async () => {
    const { bench, bob } = await team();
    must(await bench.identity.accounts.disable({ userId: bob.userId, by }));
    assert.equal(bench.identity.sessions.list(bob.userId).length, 0);
    assert.equal(codeOf(bench.identity.sessions.authenticate(bob.signedIn.sessionToken)), 'not-authenticated');
    assert.equal(
      codeOf(await bench.identity.signIn.password({ email: bob.email, password: PASSWORD, client })),
      'credentials-wrong',
    );
    const { flow, options } = must(await bench.identity.signIn.beginPasskey({ client }));
    const response = bob.authenticator?.get(options);
    assert.equal(codeOf(await bench.identity.signIn.finishPasskey({ flow, response, client })), 'user-disabled');
    must(await bench.identity.accounts.enable({ userId: bob.userId, by }));
    assert.equal(codeOf(await bench.identity.signIn.password({ email: bob.email, password: PASSWORD, client })), 'ok');
  });

  it('disables even when the journal cannot be written', async () => {
    const { bench, bob } = await team();
    bench.breakJournal(true);
    await assert.rejects(bench.identity.accounts.disable({ userId: bob.userId, by }));
    assert.equal(bench.graph.get('user', bob.userId)?.status, 'disabled');
  });

  it('grants nothing when the journal cannot be written', async () => {
    const { bench, bob } = await team();
    bench.breakJournal(true);
    await assert.rejects(bench.identity.accounts.setGroups({ userId: bob.userId, groups: ['admins'], by }));
    await assert.rejects(bench.identity.invitations.invite({ email: 'c@example.org', name: 'C', groups: [], by }));
    assert.deepEqual(bench.graph.get('user', bob.userId)?.groups, ['engineering']);
    assert.equal(bench.graph.count('user'), 2);
  });

  it('enables somebody who never enrolled as invited, not as active', async () => {
    const { bench } = await team();
    const { userId } = must(
      await bench.identity.invitations.invite({ email: 'c@example.org', name: 'C', groups: [], by }),
    );
    must(await bench.identity.accounts.disable({ userId, by }));
    must(await bench.identity.accounts.enable({ userId, by }));
    assert.equal(bench.graph.get('user', userId)?.status, 'invited');
  });

  it('resets factors to a new link: password, passkeys, sessions and browsers are gone', async () => {
    const { bench, bob } = await team();
    const link = must(await bench.identity.accounts.resetFactors({ userId: bob.userId, by }));
    assert.equal(bench.graph.get('user', bob.userId)?.status, 'invited');
    assert.equal(bench.identity.sessions.list(bob.userId).length, 0);
    assert.equal([...bench.graph.all('device')].filter(({ ownerId }) => ownerId === bob.userId).length, 0);
    assert.deepEqual(await bench.identity.factors.summary(bob.userId), {
      password: false,
      totp: false,
      passkeys: [],
      recoveryCodesLeft: 0,
    });
    assert.equal(
      codeOf(await bench.identity.signIn.password({ email: bob.email, password: PASSWORD, client })),
      'credentials-wrong',
    );
    const state = must(await bench.identity.enrolment.open({ token: link.token }));
    assert.deepEqual([state.email, state.hasPassword, state.isFirstAdministrator], [bob.email, false, false]);
    const again = must(await bench.identity.accounts.resetFactors({ userId: bob.userId, by }));
    assert.equal(codeOf(await bench.identity.enrolment.open({ token: link.token })), 'link-invalid');
    must(await bench.identity.accounts.disable({ userId: bob.userId, by }));
    assert.equal(codeOf(await bench.identity.enrolment.open({ token: again.token })), 'link-invalid');
    assert.equal(codeOf(await bench.identity.accounts.resetFactors({ userId: bob.userId, by })), 'account-disabled');
  });

  it('removes an account with everything it proves itself with', async () => {
    const { bench, bob } = await team();
    must(await bench.identity.accounts.remove({ userId: bob.userId, by }));
    assert.equal(bench.graph.get('user', bob.userId), undefined);
    const rows = await bench.store.read(async (tx) => [
      ...(await tx.listPrivate('identity-credential')),
      ...(await tx.listPrivate('identity-passkey')),
      ...(await tx.listPrivate('identity-invitation')),
    ]);
    assert.deepEqual(
      rows.map(({ id }) => id === bob.userId),
      [false],
    );
    assert.equal(codeOf(await bench.identity.accounts.remove({ userId: bob.userId, by })), 'user-unknown');
  });

  it('never leaves Cordon without an active administrator', async () => {
    const { bench, ada, bob } = await team();
    const { accounts, groups } = bench.identity;
    const last = async (): Promise<string[]> =>
      [
        await accounts.disable({ userId: ada.userId, by }),
        await accounts.remove({ userId: ada.userId, by }),
        await accounts.setGroups({ userId: ada.userId, groups: [], by }),
        await accounts.resetFactors({ userId: ada.userId, by }),
      ].map(codeOf);
    assert.deepEqual(
      await last(),
      Array.from({ length: 4 }, () => 'last-administrator'),
    );
    assert.equal(
      codeOf(bench.identity.sessions.authenticate(ada.signedIn.sessionToken)),
      'ok',
      'nothing of it happened',
    );
    must(await groups.create({ id: 'owners', parents: ['admins'], by }));
    must(await accounts.setGroups({ userId: bob.userId, groups: ['owners'], by }));
    must(await accounts.setGroups({ userId: ada.userId, groups: [], by }));
    assert.equal(codeOf(await groups.setParents({ id: 'owners', parents: [], by })), 'last-administrator');
    assert.equal(codeOf(await accounts.disable({ userId: bob.userId, by })), 'last-administrator');
  });

  it('keeps one administrator when two are disabled at once', async () => {
    const { bench, ada, bob } = await team();
    must(await bench.identity.accounts.setGroups({ userId: bob.userId, groups: ['admins'], by }));
    const outcomes = await Promise.all(
      [ada, bob].map(async ({ userId }) => await bench.identity.accounts.disable({ userId, by })),
    );
    assert.deepEqual(outcomes.map(codeOf).sort(), ['last-administrator', 'ok']);
  });

  for (const [name, input, code] of [
    ['a name with capitals', { id: 'Ops' }, 'group-name-invalid'],
    ['an empty name', { id: '' }, 'group-name-invalid'],
    ['a group there is', { id: 'engineering' }, 'group-exists'],
    ['a parent there is not', { id: 'ops', parents: ['nobody'] }, 'group-unknown'],
  ] as const) {
    it(`refuses ${name} for a new group`, async () => {
      const { bench } = await team();
      assert.equal(codeOf(await bench.identity.groups.create({ by, ...input })), code);
    });
  }

  it('refuses a group inside itself', async () => {
    const { bench } = await team();
    must(await bench.identity.groups.create({ id: 'ops', parents: ['engineering'], by }));
    assert.equal(
      codeOf(await bench.identity.groups.setParents({ id: 'engineering', parents: ['ops'], by })),
      'group-cycle',
    );
    assert.equal(codeOf(await bench.identity.groups.setParents({ id: 'ops', parents: ['ops'], by })), 'group-cycle');
  });

  it('writes every change to the journal with its author', async () => {
    const { bench, bob } = await team();
    bench.events.length = 0;
    must(await bench.identity.accounts.setGroups({ userId: bob.userId, groups: [], by: 'user:usr_x' }));
    must(await bench.identity.accounts.disable({ userId: bob.userId, by: 'user:usr_x' }));
    must(await bench.identity.accounts.enable({ userId: bob.userId, by: 'user:usr_x' }));
    must(await bench.identity.accounts.remove({ userId: bob.userId, by: 'user:usr_x' }));
    const changes = bench.events.filter(({ class_uid: uid }) => uid === 3004);
    assert.deepEqual(
      changes.map(({ activity_name: name }) => name),
      ['update', 'disable', 'enable', 'delete'],
    );
    for (const { actor } of changes) assert.deepEqual(actor, { user: { uid: 'user:usr_x' } });
  });
});
