import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#base';
import { openStore } from '#store';
import { followedStore } from './followed-store.ts';

const GROUP = { id: 'staff', name: 'Staff', parents: [] };

describe('a followed store', () => {
  it('is the store, as long as nobody follows it', async () => {
    const store = followedStore(await openStore({ path: ':memory:', clock: systemClock }));
    const seen: number[] = [];
    const end = store.onChanges((changes) => seen.push(...changes.map(({ change }) => change.seq)));
    await store.transact('system', async (tx) => await tx.put('group', GROUP));
    assert.deepEqual([seen, (await store.snapshot()).entities.length], [[1], 1]);
    assert.equal((await store.changesAfter(0)).length, 1);
    assert.deepEqual(await store.read(async (tx) => await tx.get('group', 'staff')), GROUP);
    end();
    await store.close();
  });

  it('resolves a transaction when those who follow have caught up, and holds up nobody else until then', async () => {
    const store = followedStore(await openStore({ path: ':memory:', clock: systemClock }));
    const waits: PromiseWithResolvers<void>[] = [];
    store.waitFor(async () => {
      const wait = Promise.withResolvers<void>();
      waits.push(wait);
      await wait.promise;
    });
    const resolved: string[] = [];
    const put = async (id: string): Promise<void> => {
      await store.transact('system', async (tx) => await tx.put('group', { ...GROUP, id }));
      resolved.push(id);
    };
    const both = [put('a'), put('b')];
    while (waits.length < 2) await new Promise(setImmediate);
    assert.deepEqual([resolved, (await store.snapshot()).seq], [[], 2], 'both are committed');
    waits[1]?.resolve();
    await both[1];
    assert.deepEqual(resolved, ['b']);
    waits[0]?.resolve();
    await both[0];
    await store.close();
  });

  it('tells of a transaction that failed at once', async () => {
    const store = followedStore(await openStore({ path: ':memory:', clock: systemClock }));
    store.waitFor(async () => await new Promise(() => undefined));
    const failing = store.transact('system', async () => await Promise.reject(new Error('no')));
    await assert.rejects(failing, /no/);
    await store.close();
  });
});
