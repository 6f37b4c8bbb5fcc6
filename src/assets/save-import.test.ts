import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clearTierOverride, type ImportReport, saveImport, setTierOverride } from '#assets';
import { CordonError, manualClock } from '#base';
import { type Asset, effectiveTier, type OcsfEvent, type Tier, type Workload } from '#model';
import { openStore, type Store } from '#store';
import { asset } from './testdata/tree.ts';

const clock = manualClock(1000);
const LISTING = '111122223333 us-east-1 test-list';

const queue = (id: string, more: Partial<Asset> = {}): Asset => asset({ id, kind: 'queue', ...more });

const instance = (id: string, more: Partial<Asset> = {}): Asset =>
  asset({
    id,
    kind: 'compute.instance',
    name: 'web',
    labels: { app: 'web', vpc: 'vpc-forged', account: 'forged' },
    attributes: {
      evidence: { self: 'a.json' },
      listing: 'us-east-1 test-list',
      vpcId: 'vpc-1',
      subnetId: 'subnet-1',
      privateIp: '10.0.0.5',
      interfaces: [{ privateIps: ['10.0.0.5', '10.0.0.6'], ipv6: ['2001:db8::5'], publicIp: '198.51.100.1' }],
    },
    ...more,
  });

function report(assets: readonly Asset[], listings: readonly string[] = [LISTING]): ImportReport {
  return {
    provider: 'aws',
    assets,
    unknownFiles: ['odd.json'],
    ignoredFiles: [],
    problems: [],
    counts: { files: 1, read: 1, byKind: {} },
    listings,
    observedAt: clock.now(),
  };
}

async function open(): Promise<{
  store: Store;
  events: OcsfEvent[];
  save: (assets: readonly Asset[], listings?: readonly string[]) => ReturnType<typeof saveImport>;
  options: { actor: string; clock: typeof clock; append: (event: OcsfEvent) => Promise<void> };
}> {
  const store = await openStore({ path: ':memory:', clock });
  const events: OcsfEvent[] = [];
  const options = {
    actor: 'user:ada',
    clock,
    append: async (event: OcsfEvent) => {
      events.push(event);
    },
  };
  return {
    store,
    events,
    options,
    save: async (assets, listings) => await saveImport(store, report(assets, listings), options),
  };
}

const NOTHING = { created: 0, updated: 0, unchanged: 0, removed: 0, kept: 0, workloads: 0 };

describe('saving an import', () => {
  it('writes ranked assets, and the same again changes nothing but the event', async () => {
    const { store, events, save } = await open();
    assert.deepEqual(await save([queue('a'), queue('b')]), { ...NOTHING, created: 2 });
    const { seq } = await store.snapshot();
    const stored = await store.read(async (tx) => await tx.get('asset', 'a'));
    assert.equal(stored?.computedTier, 3);
    assert.ok((stored?.ledger.length ?? 0) > 0);
    assert.deepEqual(await save([queue('b'), queue('a')]), { ...NOTHING, unchanged: 2 });
    assert.equal((await store.snapshot()).seq, seq);
    assert.deepEqual(
      events.map(({ class_uid: uid, unmapped }) => [uid, unmapped?.cordon['counts'], unmapped?.cordon['unknownFiles']]),
      [
        [5023, { ...NOTHING, created: 2 }, 1],
        [5023, { ...NOTHING, unchanged: 2 }, 1],
      ],
    );
  });

  it('does not take a moved file or a later time for a change, but a label for one', async () => {
    const { save } = await open();
    await save([queue('a')]);
    clock.advance(1000);
    const moved = queue('a', {
      source: 'b.json',
      attributes: { evidence: { self: 'b.json#$.Q[7]' }, listing: 'us-east-1 test-list' },
    });
    assert.equal((await save([moved])).unchanged, 1);
    assert.equal((await save([queue('a', { labels: { env: 'prod' } })])).updated, 1);
  });

  it('removes what a whole listing no longer shows', async () => {
    const { store, save } = await open();
    await save([queue('a'), queue('b')]);
    assert.deepEqual(await save([queue('a')]), { ...NOTHING, unchanged: 1, removed: 1 });
    assert.equal(await store.read(async (tx) => await tx.get('asset', 'b')), undefined);
  });

  it('removes nothing because of a listing that is missing, broken, of another region, or of another account', async () => {
    const { save } = await open();
    await save([queue('a'), queue('b')]);
    for (const listings of [
      [],
      ['111122223333 eu-west-1 test-list'],
      ['999999999999 us-east-1 test-list'],
      ['111122223333 us-east-1 other-list'],
    ]) {
      assert.equal((await save([queue('a')], listings)).removed, 0);
    }
  });

  it('keeps what a person overrode and what an app is bound to, although it is gone', async () => {
    const { store, save, options } = await open();
    await save([queue('a'), queue('b'), queue('c')]);
    await setTierOverride(store, { assetId: 'a', tier: 0, reason: 'audit' }, options);
    await store.transact('system', async (tx) => {
      await tx.put('app', { id: 'x', name: 'x', host: 'x', assetId: 'b', tier: 3, device: 'any', allowedOrigins: [] });
    });
    const outcome = await save([]);
    assert.deepEqual([outcome.kept, outcome.removed], [2, 1]);
    assert.deepEqual(
      (await store.read(async (tx) => await tx.list('asset'))).map(({ id }) => id),
      ['a', 'b'],
    );
  });

  it('keeps an override across a change of the asset', async () => {
    const { store, save, options } = await open();
    await save([queue('a')]);
    await setTierOverride(store, { assetId: 'a', tier: 0, reason: 'audit' }, options);
    await save([queue('a', { labels: { env: 'dev' } })]);
    const after = await store.read(async (tx) => await tx.get('asset', 'a'));
    assert.deepEqual([after?.labels, after?.override?.tier, after?.override?.reason], [{ env: 'dev' }, 0, 'audit']);
  });

  it('leaves assets of other providers alone', async () => {
    const { store, save } = await open();
    await store.transact('system', async (tx) => await tx.put('asset', queue('k', { provider: 'azure' })));
    assert.equal((await save([])).removed, 0);
  });

  it('is rolled back when it cannot be recorded', async () => {
    const { store, options } = await open();
    const append = async (): Promise<never> => await Promise.reject(new CordonError('journal-unwritable', 'no space'));
    await assert.rejects(saveImport(store, report([queue('a')]), { ...options, append }), /no space/);
    assert.deepEqual(await store.snapshot(), { seq: 0, entities: [] });
  });
});

describe('the workload of an imported instance', () => {
  const workloadOf = async (store: Store): Promise<Workload | undefined> =>
    await store.read(async (tx) => await tx.get('workload', 'i-1'));

  it('has its private addresses, its tags, and what Cordon knows, which no tag can claim', async () => {
    const { store, save } = await open();
    assert.equal((await save([instance('i-1')])).workloads, 1);
    assert.deepEqual(await workloadOf(store), {
      id: 'i-1',
      name: 'web',
      labels: {
        account: '111122223333',
        app: 'web',
        name: 'web',
        region: 'us-east-1',
        subnet: 'subnet-1',
        vpc: 'vpc-1',
      },
      addresses: ['10.0.0.5', '10.0.0.6', '2001:db8::5'],
      source: 'aws',
      assetId: 'i-1',
    });
  });

  it('keeps its quarantine when the instance changes or is imported again', async () => {
    const { store, save } = await open();
    await save([instance('i-1')]);
    const quarantine = { since: 1, by: 'user:ada', reason: 'probing' };
    await store.transact('system', async (tx) => {
      const workload = await tx.get('workload', 'i-1');
      assert.ok(workload);
      await tx.put('workload', { ...workload, quarantine });
    });
    assert.equal((await save([instance('i-1')])).workloads, 0);
    assert.equal((await save([instance('i-1', { labels: { app: 'other' } })])).workloads, 1);
    assert.deepEqual((await workloadOf(store))?.quarantine, quarantine);
  });

  it('goes with its instance, but never one that somebody declared', async () => {
    const { store, save } = await open();
    await save([instance('i-1'), instance('i-2')]);
    await store.transact('system', async (tx) => {
      await tx.put('workload', { id: 'i-2', name: 'mine', labels: {}, addresses: [], source: 'declared' });
    });
    assert.equal((await save([])).removed, 2);
    assert.deepEqual(
      (await store.read(async (tx) => await tx.list('workload'))).map(({ id }) => id),
      ['i-2'],
    );
  });
});

describe('an override', () => {
  const rejects = async (work: Promise<unknown>, code: string): Promise<void> => {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof CordonError);
      assert.equal(error.code, code);
      assert.ok(error.hint !== undefined);
      return true;
    });
  };

  it('wins over the computed tier until it expires, and is recorded with who, why, and what it was', async () => {
    const { store, save, options, events } = await open();
    await save([queue('a')]);
    const until = clock.now() + 100;
    const after = await setTierOverride(
      store,
      { assetId: 'a', tier: 0, reason: '  audit ', expiresAt: until },
      options,
    );
    assert.deepEqual(after.override, { tier: 0, reason: 'audit', by: 'user:ada', at: clock.now(), expiresAt: until });
    assert.deepEqual([effectiveTier(after, until - 1), effectiveTier(after, until)], [0, 3]);
    const { unmapped, severity_id: severity } = events.at(-1) ?? {};
    assert.deepEqual(
      [
        severity,
        unmapped?.cordon['from'],
        unmapped?.cordon['to'],
        unmapped?.cordon['reason'],
        unmapped?.cordon['actor'],
      ],
      [1, 3, 0, 'audit', 'user:ada'],
    );
  });

  it('that lowers protection is recorded as more than information', async () => {
    const { store, save, options, events } = await open();
    await save([asset({ id: 'acc', kind: 'account' })]);
    await setTierOverride(store, { assetId: 'acc', tier: 3, reason: 'lab' }, options);
    assert.equal(events.at(-1)?.severity_id, 3);
  });

  it('is taken away with a reason, and the computed tier counts again', async () => {
    const { store, save, options } = await open();
    await save([queue('a')]);
    await setTierOverride(store, { assetId: 'a', tier: 0, reason: 'audit' }, options);
    const after = await clearTierOverride(store, { assetId: 'a', reason: 'audit is over' }, options);
    assert.deepEqual(['override' in after, effectiveTier(after, clock.now())], [false, 3]);
    await rejects(clearTierOverride(store, { assetId: 'a', reason: 'again' }, options), 'asset-not-overridden');
  });

  it('is refused by name without an asset, a tier, a reason or a time in the future', async () => {
    const { store, save, options } = await open();
    await save([queue('a')]);
    const set = async (more: object): Promise<Asset> =>
      await setTierOverride(store, { assetId: 'a', tier: 0, reason: 'r', ...more }, options);
    await rejects(set({ assetId: 'nothing' }), 'asset-unknown');
    for (const tier of [4, -1, 1.5, Number.NaN, '0']) await rejects(set({ tier: tier as Tier }), 'asset-tier-invalid');
    for (const reason of ['', '  \n']) await rejects(set({ reason }), 'asset-override-reason');
    for (const expiresAt of [clock.now(), 0, Number.NaN, Infinity])
      await rejects(set({ expiresAt }), 'asset-override-expiry');
    await rejects(clearTierOverride(store, { assetId: 'a', reason: ' ' }, options), 'asset-override-reason');
    await rejects(clearTierOverride(store, { assetId: 'nothing', reason: 'r' }, options), 'asset-unknown');
    const kept = await store.read(async (tx) => await tx.get('asset', 'a'));
    assert.equal(kept?.override, undefined);
  });

  it('is rolled back when it cannot be recorded', async () => {
    const { store, save, options } = await open();
    await save([queue('a')]);
    const append = async (): Promise<never> => await Promise.reject(new Error('no space'));
    await assert.rejects(
      setTierOverride(store, { assetId: 'a', tier: 0, reason: 'r' }, { ...options, append }),
      /no space/,
    );
    assert.equal((await store.read(async (tx) => await tx.get('asset', 'a')))?.override, undefined);
  });
});
