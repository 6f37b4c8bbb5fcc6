import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type AnyEntity,
  type App,
  type ChangeWithEntity,
  type Device,
  type EntityKind,
  type EntityOf,
  type Session,
  TrustGraph,
} from '#model';

function entity<K extends EntityKind>(kind: K, body: EntityOf[K]): AnyEntity {
  return { kind, id: body.id, body } as unknown as AnyEntity;
}

function app(id: string, more: Partial<App> = {}): App {
  return { id, name: id, host: `${id}.localhost`, tier: 3, device: 'any', allowedOrigins: [], ...more };
}

function session(id: string, more: Partial<Session> = {}): Session {
  return {
    id,
    userId: 'ada',
    tokenHash: `token-${id}`,
    acr: 'urn:cordon:aal2',
    amr: [],
    authenticatedAt: 0,
    createdAt: 0,
    expiresAt: 1,
    address: '192.0.2.1',
    userAgent: '',
    ...more,
  };
}

function device(id: string, more: Partial<Device> = {}): Device {
  return { id, name: id, form: 'agent', managed: true, status: 'active', enrolledAt: 0, ...more };
}

/** A graph and a feed that numbers what it is given. */
function feed(): {
  graph: TrustGraph;
  put: (one: AnyEntity) => void;
  drop: (kind: EntityKind, id: string) => void;
} {
  const graph = new TrustGraph();
  const apply = (change: Pick<ChangeWithEntity['change'], 'kind' | 'id' | 'op'>, one?: AnyEntity): void => {
    const row = { seq: graph.seq + 1, time: 0, actor: 'system', ...change };
    graph.apply(one === undefined ? { change: row } : { change: row, entity: one });
  };
  return {
    graph,
    put: (one) => apply({ kind: one.kind, id: one.id, op: 'put' }, one),
    drop: (kind, id) => apply({ kind, id, op: 'delete' }),
  };
}

const change = (seq: number): ChangeWithEntity => ({
  change: { seq, time: 0, kind: 'group', id: `g${seq}`, op: 'put', actor: 'system' },
  entity: entity('group', { id: `g${seq}`, name: 'g', parents: [] }),
});

describe('the change feed of a graph', () => {
  it('is applied in order, and what is there already changes nothing', () => {
    const graph = new TrustGraph();
    graph.load({ seq: 4, entities: [] });
    const touched: number[] = [];
    graph.onTouched(({ seq }) => touched.push(seq));
    graph.apply(change(4));
    graph.apply(change(5));
    graph.apply(change(5));
    assert.deepEqual([graph.seq, touched, graph.count('group')], [5, [5], 1]);
  });

  it('that has a gap throws, changes nothing, and leaves a graph that is not whole until it is loaded anew', () => {
    const graph = new TrustGraph();
    graph.load({ seq: 1, entities: [] });
    assert.throws(() => graph.apply(change(3)), /gap: have 1, got 3/);
    assert.deepEqual([graph.seq, graph.count('group'), graph.isWhole], [1, 0, false]);
    graph.apply(change(2));
    assert.equal(graph.isWhole, false, 'what is missing is still missing');
    graph.load({ seq: 3, entities: [] });
    assert.deepEqual([graph.seq, graph.isWhole], [3, true]);
  });

  it('counts private rows without holding them', () => {
    const graph = new TrustGraph();
    const row = { seq: 1, time: 0, kind: 'credential', id: 'ada', op: 'put', actor: 'user:ada' } as const;
    assert.deepEqual(graph.apply({ change: row }), { seq: 1, kind: 'credential', id: 'ada' });
    assert.equal(graph.seq, 1);
  });

  it('tells what was before and after', () => {
    const { graph, put, drop } = feed();
    const told: unknown[] = [];
    graph.onTouched(({ before, after }) => told.push([before?.body, after?.body]));
    const [one, two] = [app('a'), app('a', { tier: 0 })];
    put(entity('app', one));
    put(entity('app', two));
    drop('app', 'a');
    assert.deepEqual(told, [
      [undefined, one],
      [one, two],
      [two, undefined],
    ]);
  });

  it('reaches every listener when one throws, and the next change too', () => {
    const { graph, put } = feed();
    const told: string[] = [];
    graph.onTouched(() => {
      throw new Error('a bug elsewhere');
    });
    graph.onTouched(({ id }) => told.push(id));
    put(entity('session', session('s1')));
    put(entity('session', session('s2')));
    assert.deepEqual(told, ['s1', 's2'], 'a cut must not be lost because another part has a bug');
  });

  it('forgets everything on load, indexes and groups included', () => {
    const { graph, put } = feed();
    put(entity('app', app('a')));
    put(entity('session', session('s')));
    put(entity('device', device('d', { certificateThumbprint: 'c', tokenHash: 't' })));
    put(entity('user', { id: 'ada', email: '', name: '', groups: ['staff'], status: 'active', createdAt: 0 }));
    assert.deepEqual([...graph.groupsOf('ada')], ['staff']);
    graph.load({ seq: 9, entities: [] });
    assert.deepEqual(
      [
        graph.appByHost('a.localhost'),
        graph.sessionByTokenHash('token-s'),
        graph.deviceByCertificate('c'),
        graph.deviceByTokenHash('t'),
        graph.groupsOf('ada').size,
      ],
      [undefined, undefined, undefined, undefined, 0],
    );
  });
});

describe('the indexes of a graph', () => {
  it('follow a host that moves to another app, in either order of the two changes', () => {
    const { graph, put, drop } = feed();
    put(entity('app', app('old', { host: 'wiki.localhost' })));
    put(entity('app', app('new', { host: 'wiki.localhost' })));
    drop('app', 'old');
    assert.equal(graph.appByHost('wiki.localhost')?.id, 'new');
  });

  it('follow two apps that exchange their hosts', () => {
    const { graph, put } = feed();
    put(entity('app', app('a', { host: 'x.localhost' })));
    put(entity('app', app('b', { host: 'y.localhost' })));
    put(entity('app', app('a', { host: 'y.localhost' })));
    put(entity('app', app('b', { host: 'x.localhost' })));
    assert.deepEqual([graph.appByHost('x.localhost')?.id, graph.appByHost('y.localhost')?.id], ['b', 'a']);
  });

  it('lose a token that was rotated, a certificate that was renewed and a session that was ended', () => {
    const { graph, put, drop } = feed();
    put(entity('session', session('s', { tokenHash: 'one' })));
    put(entity('session', session('s', { tokenHash: 'two' })));
    put(entity('device', device('d', { certificateThumbprint: 'one' })));
    put(entity('device', device('d', { certificateThumbprint: 'two' })));
    assert.deepEqual([graph.sessionByTokenHash('one'), graph.deviceByCertificate('one')], [undefined, undefined]);
    assert.deepEqual([graph.sessionByTokenHash('two')?.id, graph.deviceByCertificate('two')?.id], ['s', 'd']);
    drop('session', 's');
    assert.equal(graph.sessionByTokenHash('two'), undefined);
  });

  it('equal what a walk over the maps finds, after any sequence of transactions', () => {
    const key = fc.constantFrom('k1', 'k2', 'k3', 'k4');
    const optionalKey = fc.option(key, { nil: undefined });
    const id = fc.constantFrom('1', '2', '3');
    const op = fc.oneof(
      fc.record({ kind: fc.constant('app'), id, host: key }),
      fc.record({ kind: fc.constant('session'), id, token: key }),
      fc.record({ kind: fc.constant('appSession'), id, token: key }),
      fc.record({ kind: fc.constant('device'), id, token: optionalKey, certificate: optionalKey }),
      fc.record({ kind: fc.constant('user'), id, groups: fc.subarray(['g1', 'g2', 'g3']) }),
      fc.record({
        kind: fc.constant('group'),
        id: fc.constantFrom('g1', 'g2', 'g3'),
        parents: fc.subarray(['g1', 'g2', 'g3']),
      }),
      fc.record({
        kind: fc.constantFrom('app', 'session', 'appSession', 'device', 'user', 'group'),
        id: fc.constantFrom('1', '2', '3', 'g1', 'g2', 'g3'),
        isDrop: fc.constant(true),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(op, { selector: (o) => `${o.kind} ${o.id}`, maxLength: 6 })),
        (transactions) => {
          const { graph, put, drop } = feed();
          let held = new Map<string, AnyEntity>();
          for (const transaction of transactions) {
            const next = new Map(held);
            for (const one of transaction) {
              if ('isDrop' in one) next.delete(`${one.kind} ${one.id}`);
              else next.set(`${one.kind} ${one.id}`, made(one));
            }
            // Hosts, tokens and certificates are unique at the end of a transaction, though not in between.
            if (!isUnique(next)) continue;
            for (const one of transaction) {
              if ('isDrop' in one) drop(one.kind, one.id);
              else put(made(one));
            }
            held = next;
            // Asked after every transaction, so that what is remembered of it can go wrong in the next.
            assertIndexed(graph, held);
          }
        },
      ),
    );
  });
});

interface Made {
  readonly kind: string;
  readonly id: string;
  readonly host?: string;
  readonly token?: string | undefined;
  readonly certificate?: string | undefined;
  readonly groups?: readonly string[];
  readonly parents?: readonly string[];
}

function made({ kind, id, host = '', token, certificate, groups = [], parents = [] }: Made): AnyEntity {
  if (kind === 'app') return entity('app', app(id, { host }));
  if (kind === 'session') return entity('session', session(id, { tokenHash: token ?? '' }));
  if (kind === 'appSession') {
    return entity('appSession', { id, tokenHash: token ?? '', sessionId: 's', host: 'h', createdAt: 0 });
  }
  if (kind === 'group') return entity('group', { id, name: id, parents });
  if (kind === 'user') return entity('user', { id, email: '', name: '', groups, status: 'active', createdAt: 0 });
  return entity(
    'device',
    device(id, {
      ...(token === undefined ? {} : { tokenHash: token }),
      ...(certificate === undefined ? {} : { certificateThumbprint: certificate }),
    }),
  );
}

function keysOf(one: AnyEntity): string[] {
  if (one.kind === 'app') return [`app ${one.body.host}`];
  if (one.kind === 'session' || one.kind === 'appSession') return [`${one.kind} ${one.body.tokenHash}`];
  if (one.kind !== 'device') return [];
  const { tokenHash, certificateThumbprint } = one.body;
  return [`token ${tokenHash}`, `certificate ${certificateThumbprint}`].filter((key) => !key.endsWith('undefined'));
}

function isUnique(held: ReadonlyMap<string, AnyEntity>): boolean {
  const keys = [...held.values()].flatMap(keysOf);
  return new Set(keys).size === keys.length;
}

function assertIndexed(graph: TrustGraph, held: ReadonlyMap<string, AnyEntity>): void {
  const all = [...held.values()];
  const find = (key: string): unknown => all.find((one) => keysOf(one).includes(key))?.body;
  for (const key of ['k1', 'k2', 'k3', 'k4']) {
    assert.deepEqual(
      [
        graph.appByHost(key),
        graph.sessionByTokenHash(key),
        graph.appSessionByTokenHash(key),
        graph.deviceByTokenHash(key),
        graph.deviceByCertificate(key),
      ],
      [`app ${key}`, `session ${key}`, `appSession ${key}`, `token ${key}`, `certificate ${key}`].map(find),
    );
  }
  for (const id of ['1', '2', '3']) {
    const reached = new Set<string>();
    const visit = (group: string): void => {
      if (reached.has(group)) return;
      reached.add(group);
      const found = held.get(`group ${group}`);
      if (found?.kind === 'group') found.body.parents.forEach(visit);
    };
    const user = held.get(`user ${id}`);
    if (user?.kind === 'user') user.body.groups.forEach(visit);
    assert.deepEqual([...graph.groupsOf(id)].sort(), [...reached].sort());
  }
  for (const one of all) assert.equal(graph.get(one.kind, one.id), undefinedOr(graph, one));
}

/** The very entity of the graph when it equals the one expected. */
function undefinedOr(graph: TrustGraph, one: AnyEntity): unknown {
  const found = [...graph.all(one.kind)].find(({ id }) => id === one.id);
  assert.deepEqual(found, one.body);
  return found;
}

describe('the groups of a user', () => {
  it('are those of all parents, and cycles end', () => {
    const { graph, put } = feed();
    put(entity('group', { id: 'a', name: 'a', parents: ['b'] }));
    put(entity('group', { id: 'b', name: 'b', parents: ['c'] }));
    put(entity('group', { id: 'c', name: 'c', parents: ['a', 'nowhere'] }));
    put(entity('user', { id: 'ada', email: '', name: '', groups: ['a'], status: 'active', createdAt: 0 }));
    assert.deepEqual([...graph.groupsOf('ada')].sort(), ['a', 'b', 'c', 'nowhere']);
    put(entity('group', { id: 'b', name: 'b', parents: [] }));
    assert.deepEqual([...graph.groupsOf('ada')].sort(), ['a', 'b']);
  });

  it('are none for somebody who is not known, also when asked before the account exists', () => {
    const { graph, put, drop } = feed();
    assert.equal(graph.groupsOf('ada').size, 0);
    put(entity('user', { id: 'ada', email: '', name: '', groups: ['staff'], status: 'active', createdAt: 0 }));
    assert.deepEqual([...graph.groupsOf('ada')], ['staff']);
    drop('user', 'ada');
    assert.equal(graph.groupsOf('ada').size, 0);
  });
});

describe('the tier of an app', () => {
  const asset = (computedTier: 0 | 1 | 2 | 3, override?: EntityOf['asset']['override']): AnyEntity =>
    entity('asset', {
      id: 'arn:x',
      kind: 'database',
      name: 'x',
      provider: 'aws',
      account: '',
      region: '',
      labels: {},
      attributes: {},
      relations: [],
      source: '',
      observedAt: 0,
      computedTier,
      impact: 0,
      confidence: 0,
      ledger: [],
      ...(override === undefined ? {} : { override }),
    });
  const bound = app('a', { tier: 2, assetId: 'arn:x' });

  it('is its own without an asset, the stricter of both with one, and T0 when the asset is not known', () => {
    const { graph, put, drop } = feed();
    assert.equal(graph.tierOf(app('b', { tier: 2 }), 0), 2);
    assert.equal(graph.tierOf(bound, 0), 0);
    put(asset(3));
    assert.equal(graph.tierOf(bound, 0), 2);
    put(asset(1));
    assert.equal(graph.tierOf(bound, 0), 1);
    drop('asset', 'arn:x');
    assert.equal(graph.tierOf(bound, 0), 0);
  });

  it('follows an override until the moment it expires', () => {
    const { graph, put } = feed();
    put(asset(1, { tier: 0, reason: 'audit', by: 'user:bob', at: 0, expiresAt: 100 }));
    assert.deepEqual([graph.tierOf(bound, 99), graph.tierOf(bound, 100)], [0, 1]);
    put(asset(1, { tier: 3, reason: 'lab', by: 'user:bob', at: 0 }));
    assert.equal(graph.tierOf(bound, Number.MAX_SAFE_INTEGER), 2, 'the own tier of the app stays the least');
  });
});
