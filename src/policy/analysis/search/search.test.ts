import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AnyEntity, type App, type Device, type Session, TrustGraph, type User } from '#model';
import { decideAccess } from '../../decide.ts';
import type { ActivePolicies } from '../../load.ts';
import { load, NOW } from '../../testdata/estate.ts';
import { type Found, type SearchBasis, whatCan, whatCanNow, whoCan, whoCanNow } from './search.ts';

const WIKI: App = { id: 'wiki', name: 'Wiki', host: 'wiki.localhost', tier: 3, device: 'any', allowedOrigins: [] };
const VAULT: App = { ...WIKI, id: 'vault', host: 'vault.localhost', tier: 0 };

function person(id: string, groups: readonly string[], status: User['status'] = 'active'): AnyEntity {
  return { kind: 'user', id, body: { id, email: `${id}@example.org`, name: id, groups, status, createdAt: 0 } };
}

function graphOf(entities: readonly AnyEntity[]): TrustGraph {
  const graph = new TrustGraph();
  graph.load({
    seq: 1,
    entities: [
      ...entities,
      { kind: 'group', id: 'platform', body: { id: 'platform', name: 'Platform', parents: ['engineering'] } },
      { kind: 'app', id: 'wiki', body: WIKI },
      { kind: 'app', id: 'vault', body: VAULT },
    ],
  });
  return graph;
}

const PEOPLE = [
  person('ada', ['platform']),
  person('bob', ['finance']),
  person('cyd', ['engineering', 'finance']),
  person('dan', ['engineering'], 'disabled'),
  person('eve', ['admins']),
];
const POLICIES = load({
  'a.cedar': `@id("engineering")
permit (principal in Group::"engineering", action == Action::"access", resource);
@id("finance-from-office")
permit (principal in Group::"finance", action == Action::"access", resource == App::"wiki")
when { context.ip.isInRange(ip("198.51.100.0/24")) };
@id("read-only-at-night")
forbid (principal, action == Action::"access", resource == App::"vault")
when { context.now.toTime() >= duration("20h") }
unless { context.method == "GET" };`,
});

const basis = (policies: ActivePolicies = POLICIES, known: SearchBasis['known'] = {}): SearchBasis => ({
  policies,
  graph: graphOf(PEOPLE),
  now: NOW,
  known,
});

function told(found: Iterable<Found | undefined>): string[] {
  return [...found].flatMap((one) =>
    one === undefined ? [] : [`${one.user.id} ${one.answer} ${one.policies.join()} ${one.dependsOn.join()}`.trim()],
  );
}

describe('who can', () => {
  it('lists everybody who could, and says of whom it depends on what', () => {
    assert.deepEqual(told(whoCan(basis(), { action: 'access', app: WIKI })), [
      'ada yes a.cedar#engineering',
      'bob depends a.cedar#finance-from-office context.ip',
      'cyd yes a.cedar#engineering',
    ]);
    assert.deepEqual(told(whoCan(basis(), { action: 'access', app: VAULT })), [
      'ada depends a.cedar#read-only-at-night context.method,context.now',
      'cyd depends a.cedar#read-only-at-night context.method,context.now',
    ]);
  });

  it('decides what it is told', () => {
    const office = basis(POLICIES, { address: '198.51.100.9' });
    assert.deepEqual(told(whoCan(office, { action: 'access', app: WIKI })), [
      'ada yes a.cedar#engineering',
      'bob yes a.cedar#finance-from-office',
      'cyd yes a.cedar#engineering,a.cedar#finance-from-office',
    ]);
    const reading = basis(POLICIES, { method: 'GET' });
    assert.deepEqual(told(whoCan(reading, { action: 'access', app: VAULT })), [
      'ada yes a.cedar#engineering',
      'cyd yes a.cedar#engineering',
    ]);
  });

  it('knows who may view and manage Cordon', () => {
    assert.deepEqual(told(whoCan(basis(), { action: 'manage' })), ['eve yes builtin.admins']);
  });

  it('goes on after the one who was last', () => {
    assert.deepEqual(told(whoCan(basis(), { action: 'access', app: WIKI }, 'ada')), [
      'bob depends a.cedar#finance-from-office context.ip',
      'cyd yes a.cedar#engineering',
    ]);
  });

  it('takes what it does not know of a device for open', () => {
    const policies = load({
      'a.cedar':
        'permit (principal, action == Action::"access", resource) when { context.device has id && context.device.id.form == "agent" };',
    });
    assert.deepEqual(
      told(whoCan(basis(policies), { action: 'access', app: WIKI })).at(0),
      'ada depends a.cedar#0 context.device.id',
    );
  });

  it('lists everything that one person could do', () => {
    const user = basis().graph.get('user', 'eve');
    const ada = basis().graph.get('user', 'ada');
    assert.ok(user !== undefined && ada !== undefined);
    const things = (found: Iterable<Found | undefined>): string[] =>
      [...found].flatMap((one) =>
        one === undefined
          ? []
          : [`${one.doing.action} ${one.doing.action === 'access' ? one.doing.app.id : ''} ${one.answer}`],
      );
    assert.deepEqual(things(whatCan(basis(), user)), ['manage  yes', 'view  yes']);
    assert.deepEqual(things(whatCan(basis(), ada)), ['access vault depends', 'access wiki yes']);
    assert.deepEqual(things(whatCan(basis(), ada, 'access vault')), ['access wiki yes']);
  });
});

function signedIn(id: string, more: Partial<Session> = {}): AnyEntity[] {
  const device: Device = {
    id: `d-${id}`,
    name: 'laptop',
    form: 'agent',
    ownerId: id,
    managed: true,
    status: 'active',
    enrolledAt: 0,
    posture: { collectedAt: NOW, verdict: 'healthy', results: [] },
  };
  const session: Session = {
    id: `s-${id}-${more.address ?? ''}`,
    userId: id,
    tokenHash: id,
    acr: 'urn:cordon:aal3',
    amr: ['hwk', 'user', 'mfa'],
    authenticatedAt: NOW,
    createdAt: NOW,
    expiresAt: NOW + 1000,
    deviceId: device.id,
    address: '192.0.2.1',
    userAgent: '',
    ...more,
  };
  return [
    { kind: 'device', id: device.id, body: device },
    { kind: 'session', id: session.id, body: session },
  ];
}

describe('who can now', () => {
  const graph = graphOf([
    ...PEOPLE,
    ...signedIn('ada', { authenticatedAt: NOW - 3_600_000 }),
    ...signedIn('bob', { address: '198.51.100.7' }),
    ...signedIn('bob', { address: '203.0.113.7' }),
    ...signedIn('cyd', { expiresAt: NOW }),
    ...signedIn('dan'),
  ]);
  const now: SearchBasis = { policies: POLICIES, graph, now: NOW, known: {} };

  it('asks every session that exists, from where it was made', () => {
    const found = [...whoCanNow(now, { action: 'access', app: WIKI })].flatMap((one) => one ?? []);
    assert.deepEqual(
      found.map(({ user, sessions, policies }) => [user.id, sessions, policies.join()]),
      [
        ['ada', 1, 'a.cedar#engineering'],
        ['bob', 1, 'a.cedar#finance-from-office'],
      ],
    );
  });

  it('keeps the guardrails of the session and device that there are', () => {
    assert.deepEqual(told(whoCanNow(now, { action: 'access', app: VAULT })), []);
    const ada = graph.get('user', 'ada');
    assert.ok(ada !== undefined);
    assert.deepEqual(told(whatCanNow(now, ada)), ['ada yes a.cedar#engineering']);
  });
});

const CONDITIONS = [
  '',
  'when { context.ip.isInRange(ip("198.51.100.0/24")) }',
  'when { context.method == "GET" }',
  'unless { context.now.toTime() >= duration("20h") }',
  'when { context.path like "/a/*" && principal in Group::"finance" }',
  'when { context.path like "/a/*" || principal in Group::"finance" }',
  'when { context.session.aal == 3 }',
  'when { context.now.offset(duration("9000000000000000000ms")) > context.now && context.secure == false }',
  'when { principal.name == "ada" && context.method == "POST" }',
];
const policy = fc
  .tuple(
    fc.constantFrom('permit', 'forbid'),
    fc.constantFrom('', ' in Group::"engineering"', ' in Group::"finance"'),
    fc.constantFrom(...CONDITIONS),
  )
  .map(
    ([effect, scope, condition]) => `${effect} (principal${scope}, action == Action::"access", resource) ${condition};`,
  );

describe('who can, whatever the policies', () => {
  const graph = graphOf([...PEOPLE, ...['ada', 'bob', 'cyd', 'dan', 'eve'].flatMap((id) => signedIn(id))]);
  const requests = ['GET', 'POST'].flatMap((method) =>
    ['/', '/a/b'].flatMap((path) =>
      ['192.0.2.1', '198.51.100.7'].flatMap((address) =>
        [NOW, NOW + 9 * 3_600_000].map((at) => ({ method, path, address, at })),
      ),
    ),
  );

  it('says yes of whom every request is permitted, no of whom none is, and never otherwise', () => {
    fc.assert(
      fc.property(fc.array(policy, { minLength: 1, maxLength: 4 }), (texts) => {
        const policies = load({ 'a.cedar': texts.join('\n') });
        const search: SearchBasis = { policies, graph, now: NOW, known: {} };
        const answers = new Map(
          [...whoCan(search, { action: 'access', app: WIKI })].flatMap((one) =>
            one === undefined ? [] : [[one.user.id, one.answer]],
          ),
        );
        for (const session of graph.all('session')) {
          const effects = requests.map(({ method, path, address, at }) => {
            const request = { session, app: WIKI, method, path, host: WIKI.host, address, secure: true };
            const moved = {
              ...graph.get('session', session.id),
              expiresAt: NOW + 99_999_999,
              authenticatedAt: at,
            } as Session;
            const world = graphOf([...PEOPLE, ...signedIn(session.userId, moved)]);
            return decideAccess({ policies, graph: world, now: at, request: { ...request, session: moved } }).effect;
          });
          const answer = answers.get(session.userId) ?? 'no';
          if (answer === 'yes')
            assert.ok(
              effects.every((effect) => effect === 'permit'),
              `${session.userId} yes`,
            );
          if (answer === 'no')
            assert.ok(
              effects.every((effect) => effect === 'forbid'),
              `${session.userId} no`,
            );
          if (answer === 'depends') assert.ok(texts.some((text) => /method|ip|now|path/.test(text)));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is exactly what deciding for everybody gives when nothing is open', () => {
    fc.assert(
      fc.property(
        fc.array(policy, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...requests.filter(({ at }) => at === NOW)),
        (texts, known) => {
          const policies = load({ 'a.cedar': texts.join('\n') });
          const found = [...whoCan({ policies, graph, now: NOW, known }, { action: 'access', app: WIKI })].flatMap(
            (one) => one ?? [],
          );
          assert.ok(found.every(({ answer }) => answer === 'yes'));
          const brute = [...graph.all('session')].filter((session) => {
            const { method, path, address } = known;
            const request = { session, app: WIKI, method, path, host: WIKI.host, address, secure: true };
            return decideAccess({ policies, graph, now: NOW, request }).effect === 'permit';
          });
          assert.deepEqual(
            found.map(({ user }) => user.id),
            brute.map(({ userId }) => userId).sort(),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('asks about a hundred thousand people in seconds', () => {
    const crowd = Array.from({ length: 100_000 }, (_, at) =>
      person(`p${String(at).padStart(6, '0')}`, at % 3 === 0 ? ['platform'] : ['finance']),
    );
    const search: SearchBasis = { policies: POLICIES, graph: graphOf(crowd), now: NOW, known: {} };
    const before = performance.now();
    let yes = 0;
    let depends = 0;
    for (const found of whoCan(search, { action: 'access', app: WIKI })) {
      if (found?.answer === 'yes') yes += 1;
      if (found?.answer === 'depends') depends += 1;
    }
    assert.deepEqual([yes, depends], [33_334, 66_666]);
    assert.ok(performance.now() - before < 10_000);
  });
});
