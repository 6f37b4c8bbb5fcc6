import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#base';
import { START } from '../testdata/api-bench.ts';
import { enrol, type Person } from '../testdata/browser.ts';
import { type DecisionBench, openDecisionBench } from './testdata/decision-bench.ts';

type Body = Record<string, Json>;

const EVALUATION = '/access/v1/evaluation';

/** The first administrator, who works here too. */
async function enrolAda(bench: DecisionBench): Promise<Person> {
  const ada = await enrol(bench, 'ada@example.org');
  await bench.store.transact('system', async (tx) => {
    const user = await tx.get('user', ada.userId);
    assert.ok(user);
    await tx.put('user', { ...user, groups: ['admins', 'staff'] });
  });
  return ada;
}

describe('decisions about Cordon’s own apps over AuthZEN', () => {
  let bench: DecisionBench;
  let ada: Person;
  let eve: Person;
  let sessions: Map<string, string>;

  before(async () => {
    bench = await openDecisionBench();
    ada = await enrolAda(bench);
    eve = await enrol(bench, 'eve@example.org', ['staff']);
    await enrol(bench, 'out@example.org', ['analysts']);
    sessions = new Map(Array.from(bench.graph.all('session'), ({ id, userId }) => [userId, id]));
    await bench.store.transact('system', async (tx) => {
      const wiki = await tx.get('app', 'wiki');
      assert.ok(wiki);
      await tx.put('app', { ...wiki, id: 'vault', host: 'vault.localhost', tier: 1 });
    });
  });
  after(async () => await bench.close());

  const subject = (person: Person, more: Body = {}): Body => ({
    type: 'user',
    id: person.userId,
    properties: { session: sessions.get(person.userId) ?? '', ...more },
  });
  const question = (who: Body, more: Body = {}): Body => ({
    subject: who,
    action: { name: 'access' },
    resource: { type: 'app', id: 'wiki' },
    context: { method: 'GET', path: '/', ip: '127.0.0.1', secure: true },
    ...more,
  });
  const decide = async (body: Body): Promise<Body> => {
    const answer = await bench.ask(EVALUATION, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  const codes = ({ context }: Body): string[] =>
    Object.keys((context as { reason_admin?: object } | undefined)?.reason_admin ?? {});

  it('are those of the gateway: a permit for who is signed in and may', async () => {
    assert.deepEqual(await decide(question(subject(eve))), { decision: true });
    assert.deepEqual(await decide(question(subject(eve), { context: {} })), { decision: true }, 'with every default');
  });

  const cases: readonly (readonly [what: string, body: () => Body, codes: string[]])[] = [
    ['nobody without a session', () => question({ type: 'user', id: eve.userId }), ['not-authenticated']],
    [
      'a session of somebody else',
      () => question(subject(eve, { session: sessions.get(ada.userId) ?? '' })),
      ['session-revoked'],
    ],
    ['a session that is not there', () => question(subject(eve, { session: 'ses_none' })), ['session-revoked']],
    ['a device that is not there', () => question(subject(eve, { device: 'dev_none' })), ['device-unknown']],
    ['a person who is not there', () => question({ type: 'user', id: 'usr_none' }), ['account-unknown']],
    [
      'an app that is not there',
      () => question(subject(eve), { resource: { type: 'app', id: 'none' } }),
      ['app-unknown'],
    ],
    ['an action that is none', () => question(subject(eve), { action: { name: 'connect' } }), ['action-unknown']],
    ['another type of subject', () => question({ ...subject(eve), type: 'workload' }), ['type-unknown']],
    [
      'another type of resource',
      () => question(subject(eve), { resource: { type: 'asset', id: 'x' } }),
      ['type-unknown'],
    ],
    [
      'access to Cordon itself',
      () => question(subject(eve), { resource: { type: 'cordon', id: 'cordon' } }),
      ['action-unknown'],
    ],
    ['managing an app', () => question(subject(ada), { action: { name: 'manage' } }), ['action-unknown']],
    [
      'managing without the right to',
      () => question(subject(eve), { action: { name: 'manage' }, resource: { type: 'cordon', id: 'cordon' } }),
      ['no-permit'],
    ],
    [
      'another Cordon',
      () => question(subject(ada), { action: { name: 'view' }, resource: { type: 'cordon', id: 'other' } }),
      ['app-unknown'],
    ],
    ['a session that is no text', () => question(subject(eve, { session: 7 })), ['attributes-invalid']],
    ['a method that is no text', () => question(subject(eve), { context: { method: 7 } }), ['attributes-invalid']],
    ['a path that is none', () => question(subject(eve), { context: { path: 'x' } }), ['attributes-invalid']],
    ...['/wiki/../admin', '//admin', '/%2e%2e/admin', '/a%2Fadmin', '/admin;x'].map((path): (typeof cases)[number] => [
      `the path ${path}, which others could read otherwise`,
      () => question(subject(eve), { context: { path } }),
      ['attributes-invalid'],
    ]),
    ['an address that is none', () => question(subject(eve), { context: { ip: '1.2.3' } }), ['attributes-invalid']],
    ['a word for true', () => question(subject(eve), { context: { secure: 'yes' } }), ['attributes-invalid']],
  ];
  for (const [what, body, expected] of cases) {
    it(`deny ${what} as ${expected.join(', ')}`, async () => {
      const answer = await decide(body());
      assert.equal(answer['decision'], false);
      assert.deepEqual(codes(answer), expected);
    });
  }

  it('are about the path that the gateway would decide on, without escapes and query', async () => {
    assert.deepEqual(await decide(question(subject(eve), { context: { path: '/%61dmin?x=1' } })), { decision: true });
    const [row] = await bench.journal.query(
      `select event->'unmapped'->'cordon'->'request'->'context' as context from events where class_uid = 6003 order by seq desc limit 1`,
    );
    assert.equal((row?.['context'] as { path?: unknown } | undefined)?.path, '/admin');
  });

  it('name all that the tier of the app demands', async () => {
    bench.clock.advance(2 * 3_600_000);
    const answer = await decide(question(subject(eve), { resource: { type: 'app', id: 'vault' } }));
    bench.clock.advance(-2 * 3_600_000);
    assert.deepEqual(codes(answer), ['mfa-too-weak', 'sign-in-too-old', 'device-unmanaged']);
  });

  it('offer the step-up when it would help', async () => {
    await bench.store.transact('system', async (tx) => {
      const session = await tx.get('session', sessions.get(eve.userId) ?? '');
      assert.ok(session);
      await tx.put('session', { ...session, authenticatedAt: START - 13 * 3_600_000, expiresAt: START + 3_600_000 });
    });
    const { decision, context } = await decide(question(subject(eve)));
    assert.equal(decision, false);
    assert.deepEqual(context, {
      reason_admin: { 'sign-in-too-old': `Your sign-in is too old for this: guardrail.t3.sign-in-age` },
      reason_user: { 'sign-in-too-old': 'Your sign-in is too old for this' },
      acr_values: 'urn:cordon:aal2',
      max_age: 43_200,
    });
    await bench.store.transact('system', async (tx) => {
      const session = await tx.get('session', sessions.get(eve.userId) ?? '');
      if (session !== undefined) await tx.put('session', { ...session, authenticatedAt: START });
    });
  });

  it('say nothing about a person’s devices and risk', async () => {
    const { context } = await decide(question(subject(eve), { resource: { type: 'app', id: 'vault' } }));
    const text = JSON.stringify(context);
    assert.match(text, /mfa-too-weak/);
    for (const secret of ['browser', 'eve@example.org', 'urn:cordon:aal2;', 'has urn'])
      assert.ok(!text.includes(secret), text);
  });

  it('come many at once, in order, and stop where the semantic says', async () => {
    const none = { resource: { type: 'app', id: 'none' } };
    const evaluations = [{}, none, {}];
    const decisions = async (semantic: string): Promise<unknown[]> => {
      const body = { ...question(subject(eve)), evaluations, options: { evaluations_semantic: semantic } };
      const answer = await bench.ask('/access/v1/evaluations', body);
      return answer.json<{ evaluations: { decision: boolean }[] }>().evaluations.map(({ decision }) => decision);
    };
    assert.deepEqual(await decisions('execute_all'), [true, false, true]);
    assert.deepEqual(await decisions('deny_on_first_deny'), [true, false]);
    assert.deepEqual(await decisions('permit_on_first_permit'), [true]);
  });

  it('end with the session, at the next question', async () => {
    const guest = await enrol(bench, 'guest@example.org', ['staff']);
    const [mine] = Array.from(bench.graph.all('session')).filter(({ userId }) => userId === guest.userId);
    const body = question({ type: 'user', id: guest.userId, properties: { session: mine?.id ?? '' } });
    assert.deepEqual(await decide(body), { decision: true });
    await bench.store.transact('system', async (tx) => await tx.delete('session', mine?.id ?? ''));
    assert.deepEqual(codes(await decide(body)), ['session-revoked']);
  });

  it('are each in the journal, with all that they were made from', async () => {
    await decide(question(subject(eve)));
    await decide(question(subject(eve), { resource: { type: 'app', id: 'vault' } }));
    const [permit, denial] = bench.journal.recent(2);
    assert.match(permit?.message ?? '', /^first was told that user usr_\w+ is permitted: access app wiki$/);
    assert.equal((permit?.user as { email_addr?: string } | undefined)?.email_addr, 'eve@example.org');
    const { version, proven, request, model } = permit?.unmapped?.cordon ?? {};
    assert.deepEqual([version, proven, model], [1, true, 'cordon']);
    assert.ok(request, 'so that replay can ask it again');
    assert.equal(denial?.action_id, 2);
  });

  it('find who may, in which session, and what they may', async () => {
    const found = async (path: string, body: Body): Promise<Body> =>
      (await bench.ask(`/access/v1/search/${path}`, body)).json();
    const { results } = await found('subject', question({ type: 'user' }));
    const expected = [ada, eve]
      .map((person) => subject(person))
      .sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
    assert.deepEqual(results, expected);
    for (const result of results) assert.deepEqual(await decide(question(result)), { decision: true });
    assert.deepEqual((await found('resource', question(subject(eve), { resource: { type: 'app' } })))['results'], [
      { type: 'app', id: 'wiki' },
    ]);
    assert.deepEqual((await found('action', question(subject(eve))))['results'], [{ name: 'access' }]);
    const cordon = { resource: { type: 'cordon', id: 'cordon' } };
    assert.deepEqual((await found('action', question(subject(ada), cordon)))['results'], [
      { name: 'manage' },
      { name: 'view' },
    ]);
    assert.deepEqual((await found('subject', question({ type: 'workload' })))['results'], []);
  });
});

describe('decisions that cannot be recorded', () => {
  it('deny the critical with cannot-record, and let the others be', async (t) => {
    const bench = await openDecisionBench();
    t.after(async () => await bench.close());
    const ada = await enrolAda(bench);
    const [session] = bench.graph.all('session');
    const ask = async (action: string, resource: Body): Promise<Body> =>
      (
        await bench.ask(EVALUATION, {
          subject: { type: 'user', id: ada.userId, properties: { session: session?.id ?? '' } },
          action: { name: action },
          resource,
        })
      ).json();
    const wiki = { type: 'app', id: 'wiki' };
    const cordon = { type: 'cordon', id: 'cordon' };
    assert.deepEqual([await ask('access', wiki), await ask('view', cordon)], [{ decision: true }, { decision: true }]);
    await bench.journal.close();
    assert.deepEqual(await ask('access', wiki), { decision: true });
    const title = 'The journal cannot be written';
    assert.deepEqual(await ask('view', cordon), {
      decision: false,
      context: { reason_admin: { 'cannot-record': title }, reason_user: { 'cannot-record': title } },
    });
  });
});
