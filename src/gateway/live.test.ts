import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type AnyEntity, type App, type Device, type EntityKind, type Session, TrustGraph, type User } from '#model';
import { type Cut, dependenciesOf, type LiveEntry, LiveRegistry } from './live.ts';

const user: User = { id: 'u1', email: 'a@b.c', name: 'Ada', groups: ['team'], status: 'active', createdAt: 0 };
const owner: User = { ...user, id: 'u2', groups: ['owners'] };
const device: Device = {
  id: 'd1',
  name: 'L',
  form: 'agent',
  status: 'active',
  managed: true,
  enrolledAt: 0,
  ownerId: 'u2',
};
const session: Session = {
  id: 's1',
  userId: 'u1',
  tokenHash: 'h',
  acr: 'urn:cordon:aal2',
  amr: [],
  authenticatedAt: 0,
  createdAt: 0,
  expiresAt: 9,
  deviceId: 'd1',
  address: '192.0.2.1',
  userAgent: '',
};
const app: App = {
  id: 'a1',
  name: 'Wiki',
  host: 'wiki',
  upstream: 'http://u',
  assetId: 'x1',
  tier: 3,
  device: 'any',
  allowedOrigins: [],
};

function graphOf(): TrustGraph {
  const entities = [
    { kind: 'group', id: 'team', body: { id: 'team', name: 'team', parents: ['staff'] } },
    { kind: 'group', id: 'staff', body: { id: 'staff', name: 'staff', parents: [] } },
    { kind: 'group', id: 'owners', body: { id: 'owners', name: 'owners', parents: [] } },
    { kind: 'user', id: 'u1', body: user },
    { kind: 'user', id: 'u2', body: owner },
    { kind: 'device', id: 'd1', body: device },
    { kind: 'session', id: 's1', body: session },
    { kind: 'app', id: 'a1', body: app },
  ] as const satisfies readonly AnyEntity[];
  const graph = new TrustGraph();
  graph.load({ seq: 0, entities });
  return graph;
}

interface Made {
  readonly graph: TrustGraph;
  readonly registry: LiveRegistry;
  readonly judged: string[];
  readonly told: string[];
  readonly denied: Set<string>;
  now: number;
  open(id: string, fields?: Partial<LiveEntry['view']>, onClose?: (cut: Cut) => void): LiveEntry;
  touch(kind: EntityKind, id: string, body?: object): void;
}

function make(): Made {
  const graph = graphOf();
  const made = { graph, judged: [] as string[], told: [] as string[], denied: new Set<string>(), now: 1000 };
  const registry = new LiveRegistry({
    graph,
    now: () => made.now,
    judge: (entry) => {
      made.judged.push(entry.view.id);
      return made.denied.has(entry.view.id) ? { reason: { code: 'no-permit' } } : undefined;
    },
    onCut: (entry, cut) => made.told.push(`${entry.view.id} ${cut.reason.code}`),
    onError: (error, entry) => made.told.push(`${entry.view.id} ${String(error)}`),
    sweepMs: 1000,
  });
  return Object.assign(made, {
    registry,
    open: (id: string, fields: Partial<LiveEntry['view']> = {}, onClose: (cut: Cut) => void = () => undefined) => {
      const entry: LiveEntry = {
        view: {
          id,
          userId: 'u1',
          email: 'a@b.c',
          sessionId: 's1',
          appId: 'a1',
          app: 'Wiki',
          kind: 'websocket',
          method: 'GET',
          path: '/',
          address: '192.0.2.1',
          since: made.now,
          ...fields,
        },
        access: { session, device, app, method: 'GET', path: '/', host: 'wiki', address: '192.0.2.1', secure: true },
        appSessionId: 'as1',
        correlationId: 'cor_1',
        decidedAt: made.now,
        keys: [],
        close: onClose,
      };
      registry.add(entry);
      return entry;
    },
    touch: (kind: EntityKind, id: string, body?: object) => {
      const change = { seq: graph.seq + 1, time: 0, kind, id, op: 'put' as const, actor: 'test' };
      graph.apply({ change, ...(body === undefined ? {} : { entity: { kind, id, body } as AnyEntity }) });
    },
  });
}

describe('the registry of open exchanges', () => {
  it('knows everything an exchange depends on', () => {
    const { graph, open } = make();
    assert.deepEqual(dependenciesOf(graph, open('c1')).sort(), [
      'app:a1',
      'appSession:as1',
      'asset:x1',
      'device:d1',
      'group:owners',
      'group:staff',
      'group:team',
      'risk:device:d1',
      'risk:user:u1',
      'risk:user:u2',
      'session:s1',
      'user:u1',
      'user:u2',
    ]);
  });

  const touching: [EntityKind, string][] = [
    ['app', 'a1'],
    ['appSession', 'as1'],
    ['asset', 'x1'],
    ['device', 'd1'],
    ['group', 'staff'],
    ['risk', 'device:d1'],
    ['risk', 'user:u1'],
    ['session', 's1'],
    ['user', 'u1'],
    ['user', 'u2'],
    ['policyActivation', 'active'],
  ];
  for (const [kind, id] of touching) {
    it(`decides again when ${kind} ${id} changes`, async () => {
      const { open, touch, judged } = make();
      open('c1');
      touch(kind, id);
      await Promise.resolve();
      assert.deepEqual(judged, ['c1']);
    });
  }

  for (const [kind, id] of [
    ['user', 'u3'],
    ['group', 'other'],
    ['session', 's2'],
    ['app', 'a2'],
    ['asset', 'x2'],
    ['workload', 'w1'],
    ['policyBundle', 'policy-2'],
  ] as const) {
    it(`is not disturbed by ${kind} ${id}`, async () => {
      const { open, touch, judged } = make();
      open('c1');
      touch(kind, id);
      await Promise.resolve();
      assert.deepEqual(judged, []);
    });
  }

  it('decides once, after the last of several changes of one commit', async () => {
    const { open, touch, judged } = make();
    open('c1');
    touch('user', 'u1');
    touch('session', 's1');
    touch('policyActivation', 'active');
    assert.deepEqual(judged, []);
    await Promise.resolve();
    assert.deepEqual(judged, ['c1']);
  });

  it('follows what it depends on: a group joined later counts from then on', async () => {
    const { open, touch, judged } = make();
    open('c1');
    touch('group', 'new', { id: 'new', name: 'new', parents: [] });
    touch('user', 'u1', { ...user, groups: ['new'] });
    await Promise.resolve();
    touch('group', 'new', { id: 'new', name: 'new', parents: ['x'] });
    await Promise.resolve();
    touch('group', 'team', { id: 'team', name: 'team', parents: [] });
    await Promise.resolve();
    assert.deepEqual(judged, ['c1', 'c1']);
  });

  it('follows the app to another asset', async () => {
    const { open, touch, judged } = make();
    open('c1');
    touch('app', 'a1', { ...app, assetId: 'x2' });
    await Promise.resolve();
    touch('asset', 'x2');
    await Promise.resolve();
    assert.deepEqual(judged, ['c1', 'c1']);
  });

  it('follows the session to another device', async () => {
    const { open, touch, judged } = make();
    open('c1');
    touch('session', 's1', { ...session, deviceId: 'd2' });
    await Promise.resolve();
    touch('device', 'd2');
    await Promise.resolve();
    assert.deepEqual(judged, ['c1', 'c1']);
  });

  it('closes first, takes it out of the list, and tells of it once, soon after', async () => {
    const { registry, open, touch, denied, told } = make();
    const seen: string[] = [];
    open('c1', {}, ({ reason }) => seen.push(`closed ${reason.code}, told ${told.length}`));
    denied.add('c1');
    touch('user', 'u1');
    await Promise.resolve();
    assert.deepEqual([seen, registry.list(), told], [['closed no-permit, told 0'], [], []]);
    touch('user', 'u1');
    await turn();
    assert.deepEqual(told, ['c1 no-permit']);
  });

  it('cuts all the others when the end of one fails, and says so', async () => {
    const { registry, open, told } = make();
    const closed: string[] = [];
    open('c1', {}, () => {
      throw new Error('broken');
    });
    open('c2', {}, () => closed.push('c2'));
    registry.cut({}, { reason: { code: 'no-permit' } });
    await turn();
    assert.deepEqual([closed, told], [['c2'], ['c1 Error: broken', 'c1 no-permit', 'c2 no-permit']]);
  });

  it('tells of every cut before it closes', () => {
    const { registry, open, told } = make();
    open('c1');
    registry.cut({}, { reason: { code: 'gateway-stopping' } });
    registry.close();
    assert.deepEqual(told, ['c1 gateway-stopping']);
  });

  it('sweeps what was not decided for a second, and nothing else', () => {
    const made = make();
    made.open('old');
    made.now += 600;
    made.open('new');
    made.now += 400;
    made.registry.sweep();
    assert.deepEqual(made.judged, ['old']);
    made.now += 600;
    made.registry.sweep();
    assert.deepEqual(made.judged, ['old', 'new']);
    made.now += 400;
    made.registry.sweep();
    assert.deepEqual(made.judged, ['old', 'new', 'old']);
  });

  it('sweeps everything when the clock has jumped back', () => {
    const made = make();
    made.open('c1');
    made.open('c2');
    made.now -= 3_600_000;
    made.registry.sweep();
    assert.deepEqual(made.judged, ['c1', 'c2']);
  });

  it('cuts what matches every field of a filter', () => {
    const { registry, open } = make();
    open('c1');
    open('c2', { userId: 'u2' });
    open('c3', { userId: 'u2', kind: 'http' });
    open('c4', { deviceId: 'd1' });
    const cut: Cut = { reason: { code: 'connection-ended' } };
    assert.equal(registry.cut({ userId: 'u2', kind: 'http' }, cut), 1);
    assert.equal(registry.cut({ deviceId: 'd1' }, cut), 1);
    assert.equal(registry.cut({ sessionId: 'nobody' }, cut), 0);
    assert.equal(registry.cut({}, cut), 2);
  });

  it('counts what a session has open, and forgets it when it is removed, once', () => {
    const { registry, open } = make();
    const one = open('c1');
    open('c2');
    assert.equal(registry.countOf('s1'), 2);
    registry.remove(one);
    registry.remove(one);
    assert.deepEqual([registry.countOf('s1'), registry.has(one)], [1, false]);
    registry.cut({}, { reason: { code: 'connection-ended' } });
    assert.equal(registry.countOf('s1'), 0);
  });

  it('finds what is open, whatever came and went before the first change and after it', async () => {
    const { registry, open, touch, judged } = make();
    const opened = ['c1', 'c2', 'c3', 'c4', 'c5'].map((id) => open(id));
    for (const at of [1, 4, 0]) if (opened[at] !== undefined) registry.remove(opened[at]);
    open('c6');
    touch('risk', 'user:u1');
    await Promise.resolve();
    assert.deepEqual(judged.splice(0).sort(), ['c3', 'c4', 'c6']);
    open('c7');
    if (opened[2] !== undefined) registry.remove(opened[2]);
    touch('group', 'team', { id: 'team', name: 'team', parents: [] });
    await Promise.resolve();
    assert.deepEqual(judged.sort(), ['c4', 'c6', 'c7']);
    assert.deepEqual(
      registry
        .list()
        .map(({ id }) => id)
        .sort(),
      ['c4', 'c6', 'c7'],
    );
  });

  it('looks up what an exchange depends on with the first change, and not again for the passing of time', async () => {
    const made = make();
    const entry = made.open('c1');
    assert.equal(entry.keys.length, 0);
    made.touch('workload', 'w1');
    const { keys } = entry;
    assert.deepEqual([...keys].sort(), dependenciesOf(made.graph, entry).sort());
    made.now += 1000;
    made.registry.sweep();
    assert.equal(entry.keys, keys);
    made.touch('device', 'd1', { ...device, ownerId: 'u1' });
    await Promise.resolve();
    assert.ok(!entry.keys.includes('user:u2'), 'the owner before is of no concern any more');
    assert.deepEqual(made.judged, ['c1', 'c1']);
  });

  it('looks up with a sweep what stays, whatever is taken out around it', async () => {
    const made = make();
    const [first, second, third] = ['c1', 'c2', 'c3'].map((id) => made.open(id));
    made.now += 100;
    const young = made.open('c4');
    if (second !== undefined) made.registry.remove(second);
    made.registry.sweep();
    assert.ok([first, third].every((entry) => entry?.keys.includes('session:s1') === true));
    assert.equal(young.keys.length, 0);
    assert.equal(made.judged.length, 0, 'nothing is due');
    made.touch('session', 's1');
    await Promise.resolve();
    assert.deepEqual(made.judged.sort(), ['c1', 'c3', 'c4']);
    if (third !== undefined) made.registry.remove(third);
    made.registry.remove(young);
    made.touch('session', 's1');
    await Promise.resolve();
    assert.deepEqual(made.judged, ['c1', 'c3', 'c4', 'c1']);
  });

  it('finds by a change what was swept before the first change', async () => {
    const made = make();
    made.open('c1');
    made.now += 1000;
    made.registry.sweep();
    made.touch('risk', 'user:u2');
    await Promise.resolve();
    assert.deepEqual(made.judged, ['c1', 'c1']);
  });

  it('looks at everything once when all are touched, by time and by policies', async () => {
    const made = make();
    for (const id of ['c1', 'c2', 'c3']) made.open(id);
    made.now += 1000;
    made.touch('policyActivation', 'active');
    made.registry.sweep();
    await Promise.resolve();
    assert.deepEqual(made.judged, ['c1', 'c2', 'c3']);
  });

  it('does not decide about what was removed while it waited', async () => {
    const { registry, open, touch, judged } = make();
    const one = open('c1');
    touch('user', 'u1');
    registry.remove(one);
    await Promise.resolve();
    assert.deepEqual(judged, []);
  });

  it('lets others have their turn while it decides about many', async () => {
    const graph = graphOf();
    let others = 0;
    let judged = 0;
    const registry = new LiveRegistry({
      graph,
      now: () => 0,
      judge: () => {
        judged += 1;
        for (const end = performance.now() + 1; performance.now() < end; );
        return undefined;
      },
      onCut: () => undefined,
      onError: () => undefined,
      sweepMs: 1000,
    });
    const base = make().open('c');
    for (let i = 0; i < 100; i++) registry.add({ ...base, view: { ...base.view, id: `c${i}` } });
    registry.touchAll();
    while (judged < 100) {
      others += 1;
      await turn();
    }
    assert.ok(others >= 4, `${others} turns`);
    assert.equal(judged, 100);
  });
});
