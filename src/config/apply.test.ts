import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { manualClock } from '#base';
import { applyConfiguration, type Configuration, diffConfiguration, parseConfiguration } from '#config';
import { type EntityKind, TrustGraph, type Workload } from '#model';
import { openStore, type Store } from '#store';

const POLICY = '@id("open") permit (principal, action == Action::"access", resource == App::"verify");';

function configuration(
  text: string,
  policies: Readonly<Record<string, string>> = { 'a.cedar': POLICY },
): Configuration {
  const result = parseConfiguration({ file: 'cordon.yaml', text, directory: '/', policies });
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

interface Bench {
  readonly store: Store;
  readonly graph: TrustGraph;
  /** Applies a document and returns what changed, as `op kind id`. */
  apply(document: Configuration, now?: number): Promise<string[]>;
}

async function open(): Promise<Bench> {
  const store = await openStore({ path: ':memory:', clock: manualClock(0) });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  return {
    store,
    graph,
    apply: async (document, now = 5) => {
      const result = await applyConfiguration(document, { store }, { actor: 'local:0', message: 'test', now });
      assert.ok(result.ok, JSON.stringify(result));
      return result.value.map(({ op, kind, id }) => `${op} ${kind} ${id}`);
    },
  };
}

const FULL = `
apps: { verify: { builtin: verify }, wiki: { upstream: "http://127.0.0.1:1" } }
groups: { staff: {} }
segments: { web: { labels: { app: web } } }
workloads: { printer: { labels: { app: print }, addresses: [192.0.2.7] } }
responses: { cut: { when: port-probe, action: quarantine } }
`;

describe('applying a document', () => {
  it('puts everything in force, and what it says is what was in the difference before', async () => {
    const { graph, apply, store } = await open();
    const document = configuration(FULL);
    const expected = diffConfiguration(document, graph).map(({ op, kind, id }) => `${op} ${kind} ${id}`);
    const changes = await apply(document);
    assert.deepEqual(changes, expected);
    assert.deepEqual(changes, [
      'add group admins',
      'add group analysts',
      'add group staff',
      'add app verify',
      'add app wiki',
      'add segment web',
      'add workload printer',
      'add responseRule cut',
      'add policies policy-1',
    ]);
    assert.deepEqual([...graph.all('app')], document.apps);
    assert.deepEqual([...graph.all('segment')], document.segments);
    assert.equal(graph.get('workload', 'printer')?.source, 'declared');
    assert.deepEqual(graph.get('policyBundle', 'policy-1')?.texts, { 'a.cedar': POLICY });
    assert.deepEqual(graph.get('policyActivation', 'active'), {
      id: 'active',
      bundleId: 'policy-1',
      version: 1,
      by: 'local:0',
      at: 5,
    });
    assert.equal((await store.changesAfter(0))[0]?.change.actor, 'local:0');
  });

  it('a second time changes nothing, not even the sequence number', async () => {
    const { graph, apply } = await open();
    await apply(configuration(FULL));
    const { seq } = graph;
    assert.deepEqual(await apply(configuration(FULL), 99), []);
    assert.deepEqual(diffConfiguration(configuration(FULL), graph), []);
    assert.equal(graph.seq, seq);
  });

  it('removes what the document no longer holds, but never a group, which may have members', async () => {
    const { graph, apply } = await open();
    await apply(configuration(FULL));
    const changes = await apply(configuration('apps: { verify: { builtin: verify, tier: T1 } }'));
    assert.deepEqual(changes, [
      'change app verify',
      'remove app wiki',
      'remove segment web',
      'remove workload printer',
      'remove responseRule cut',
    ]);
    assert.deepEqual([...graph.all('group')].map(({ id }) => id).sort(), ['admins', 'analysts', 'staff']);
  });

  it('leaves alone what it does not own', async () => {
    const { store, graph, apply } = await open();
    const agent: Workload = { id: 'wl_1', name: 'db', labels: {}, addresses: [], source: 'agent' };
    await store.transact('system', async (tx) => {
      await tx.put('workload', agent);
      await tx.put('workload', { ...agent, id: 'wl_2', source: 'aws' });
      await tx.put('group', { id: 'night-shift', name: 'Night shift', parents: [] });
      await tx.put('user', { id: 'ada', email: '', name: '', groups: ['night-shift'], status: 'active', createdAt: 0 });
      await tx.putPrivate('credential', 'ada', { hash: 'x' });
    });
    await apply(configuration(FULL));
    await apply(configuration(''));
    assert.deepEqual([...graph.all('workload')].map(({ id }) => id).sort(), ['wl_1', 'wl_2']);
    assert.deepEqual([...graph.groupsOf('ada')], ['night-shift']);
    assert.equal(graph.get('group', 'night-shift')?.name, 'Night shift');
    assert.deepEqual(await store.read(async (tx) => await tx.getPrivate('credential', 'ada')), { hash: 'x' });
  });

  it('keeps the quarantine of a declared workload, also one that was ordered while it was being applied', async () => {
    const { store, graph, apply } = await open();
    await apply(configuration(FULL));
    const quarantine = { since: 1, by: 'user:bob', reason: 'probing' };
    const order = store.transact('user:bob', async (tx) => {
      const printer = await tx.get('workload', 'printer');
      assert.ok(printer);
      await tx.put('workload', { ...printer, quarantine });
    });
    const changes = await apply(configuration(FULL.replace('app: print', 'app: printer')));
    await order;
    assert.deepEqual(changes, ['change workload printer']);
    assert.deepEqual(graph.get('workload', 'printer')?.quarantine, quarantine);
    assert.deepEqual(graph.get('workload', 'printer')?.labels, { app: 'printer' });
  });

  it('exchanges the hosts of two apps, and both stay reachable', async () => {
    const { graph, apply } = await open();
    const text = (a: string, b: string): string =>
      `apps: { a: { builtin: verify, host: ${a}.localhost }, b: { builtin: verify, host: ${b}.localhost } }`;
    await apply(configuration(text('x', 'y')));
    await apply(configuration(text('y', 'x')));
    assert.deepEqual([graph.appByHost('x.localhost')?.id, graph.appByHost('y.localhost')?.id], ['b', 'a']);
    await apply(configuration('apps: { c: { builtin: verify, host: x.localhost } }'));
    assert.deepEqual([graph.appByHost('x.localhost')?.id, graph.appByHost('y.localhost')], ['c', undefined]);
  });

  it('refuses everything when a policy does not validate, with its place', async () => {
    const { graph, store, apply } = await open();
    await apply(configuration(''));
    const { seq } = graph;
    const wrong = configuration(FULL, {
      'a.cedar': POLICY,
      'b.cedar': 'permit (principal, action, resource);\npermit (',
    });
    const result = await applyConfiguration(wrong, { store }, { actor: 'local:0', message: '', now: 6 });
    assert.equal(result.ok, false);
    assert.ok(
      !result.ok && result.error.every(({ source }) => source?.file === 'b.cedar' && source.line !== undefined),
    );
    assert.equal(graph.seq, seq);
    assert.equal(graph.get('policyActivation', 'active')?.version, 1);
  });

  it('is all or nothing when the store fails half-way', async () => {
    const { store, graph } = await open();
    let writes = 0;
    const failing: Pick<Store, 'transact'> = {
      transact: async (actor, work) =>
        await store.transact(
          actor,
          async (tx) =>
            await work({
              get: async (kind, id) => await tx.get(kind, id),
              list: async (kind) => await tx.list(kind),
              getPrivate: async (kind, id) => await tx.getPrivate(kind, id),
              listPrivate: async (kind) => await tx.listPrivate(kind),
              put: async (kind, body) => {
                if (++writes === 4) throw new Error('the disk is gone');
                await tx.put(kind, body);
              },
              delete: async (kind: EntityKind, id) => await tx.delete(kind, id),
              putPrivate: async (kind, id, body) => await tx.putPrivate(kind, id, body),
              deletePrivate: async (kind, id) => await tx.deletePrivate(kind, id),
            }),
        ),
    };
    await assert.rejects(
      applyConfiguration(configuration(FULL), { store: failing }, { actor: 'x', message: '', now: 1 }),
      /the disk is gone/,
    );
    assert.deepEqual([graph.seq, (await store.snapshot()).entities], [0, []]);
  });
});

describe('applying policies with tests', () => {
  it('changes nothing when a test fails or cannot be read, and stores the tests with the policies when they pass', async () => {
    const { store, graph, apply } = await open();
    const test = (expect: string): string =>
      `people: { ada: {} }\napps: { verify: {}, wiki: {} }\ntests: { t: { who: ada, opens: verify, expect: ${expect} } }\n`;
    for (const [text, code] of [
      [test('forbid'), 'policy-test-failed'],
      ['tests: { t: {} }', 'policy-test-invalid'],
    ] as const) {
      const document = configuration('', { 'a.cedar': POLICY, 'a.cedartest.yaml': text });
      const result = await applyConfiguration(document, { store }, { actor: 'local:0', message: 'test', now: 5 });
      assert.ok(!result.ok);
      assert.equal(result.error[0]?.code, code);
      assert.equal(graph.get('policyActivation', 'active'), undefined);
    }
    assert.equal(graph.get('app', 'verify'), undefined, 'nothing else is applied either');
    await apply(configuration('', { 'a.cedar': POLICY, 'a.cedartest.yaml': test('permit') }));
    assert.deepEqual(Object.keys(graph.get('policyBundle', 'policy-1')?.texts ?? {}), ['a.cedar', 'a.cedartest.yaml']);
  });

  it('applies the rest of a document whose policies are in force already, whatever their tests say', async () => {
    const { store, graph, apply } = await open();
    const texts = { 'a.cedar': POLICY, 'a.cedartest.yaml': 'tests: { t: {} }' };
    const bundle = { id: 'policy-1', version: 1, texts, author: 'x', message: '', createdAt: 0 };
    await store.transact('local:0', async (tx) => {
      await tx.put('policyBundle', bundle);
      await tx.put('policyActivation', { id: 'active', bundleId: 'policy-1', version: 1, by: 'x', at: 0 });
    });
    await apply(configuration('groups: { staff: {} }', texts));
    assert.ok(graph.get('group', 'staff') !== undefined);
    assert.equal(graph.get('policyActivation', 'active')?.version, 1);
  });
});

describe('applying any document after any other', () => {
  it('ends where applying it alone ends, groups aside, and the difference says exactly what was done', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const documents = fc.record({
      apps: fc.dictionary(
        name,
        fc.record({
          builtin: fc.constant('verify'),
          host: fc.constantFrom('x.localhost', 'y.localhost', 'z.localhost'),
          tier: fc.constantFrom('T0', 'T3'),
        }),
      ),
      segments: fc.dictionary(name, fc.record({ labels: fc.dictionary(fc.constantFrom('app', 'env'), name) })),
      workloads: fc.dictionary(
        name,
        fc.record({
          labels: fc.dictionary(fc.constantFrom('app', 'env'), name),
          addresses: fc.subarray(['192.0.2.1', '2001:db8::1']),
        }),
      ),
      responses: fc.dictionary(name, fc.record({ when: name, action: fc.constantFrom('quarantine', 'alert-only') })),
    });
    const unique = documents.filter(({ apps }) => {
      const hosts = Object.values(apps).map(({ host }) => host);
      return new Set(hosts).size === hosts.length;
    });
    await fc.assert(
      fc.asyncProperty(unique, unique, async (first, second) => {
        const document = configuration(JSON.stringify(second));
        const [alone, after] = [await open(), await open()];
        await alone.apply(document);
        await after.apply(configuration(JSON.stringify(first)));
        const expected = diffConfiguration(document, after.graph).map(({ op, kind, id }) => `${op} ${kind} ${id}`);
        assert.deepEqual(await after.apply(document), expected);
        for (const kind of ['app', 'segment', 'workload', 'responseRule'] as const) {
          assert.deepEqual(sorted(after.graph.all(kind)), sorted(alone.graph.all(kind)));
        }
        for (const { host, id } of document.apps) assert.equal(after.graph.appByHost(host)?.id, id);
        assert.deepEqual(await after.apply(document), []);
        await alone.store.close();
        await after.store.close();
      }),
      { numRuns: 8 }, // each run checks policies four times
    );
  });
});

function sorted<T extends { readonly id: string }>(entities: Iterable<T>): T[] {
  return [...entities].sort((a, b) => (a.id < b.id ? -1 : 1));
}

describe('policies in a document', () => {
  it('become a new version with author and message when their texts change, and the old one stays', async () => {
    const { graph, apply } = await open();
    await apply(configuration(''));
    const other = { 'a.cedar': `${POLICY}\n// changed\n` };
    assert.deepEqual(await apply(configuration('', other), 7), ['change policies policy-2']);
    assert.deepEqual(graph.get('policyBundle', 'policy-1')?.texts, { 'a.cedar': POLICY });
    const bundle = graph.get('policyBundle', 'policy-2');
    assert.deepEqual([bundle?.version, bundle?.author, bundle?.message, bundle?.createdAt], [2, 'local:0', 'test', 7]);
    assert.equal(graph.get('policyActivation', 'active')?.bundleId, 'policy-2');
  });

  it('whose file was renamed are another version, because ids follow the file', async () => {
    const { apply } = await open();
    await apply(configuration(''));
    assert.deepEqual(await apply(configuration('', { 'b.cedar': POLICY })), ['change policies policy-2']);
  });

  it('take a version of their own when two are applied at the same time, and none is overwritten', async () => {
    const { graph, apply } = await open();
    await Promise.all([1, 2, 3].map(async (n) => await apply(configuration('', { 'a.cedar': `${POLICY} // ${n}` }))));
    assert.deepEqual(
      [...graph.all('policyBundle')].map(({ version, texts }) => [version, texts['a.cedar']]),
      [1, 2, 3].map((n) => [n, `${POLICY} // ${n}`]),
    );
    assert.equal(graph.get('policyActivation', 'active')?.version, 3);
  });
});
