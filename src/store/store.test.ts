import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CordonError, manualClock } from '#base';
import { type Group, TrustGraph, type User } from '#model';
import { openStore } from '#store';

const clock = manualClock(Date.parse('2026-01-01T00:00:00Z'));
const group: Group = { id: 'admins', name: 'Admins', parents: [] };
const user: User = {
  id: 'usr_1',
  email: 'a@example.org',
  name: 'A',
  groups: ['admins'],
  status: 'active',
  createdAt: 0,
};

describe('store', () => {
  it('appends a gap-free change for every write and tells listeners before resolving', async () => {
    const store = await openStore({ path: ':memory:', clock });
    const seen: number[] = [];
    store.onChanges((changes) => seen.push(...changes.map((c) => c.change.seq)));
    await store.transact('local:0', async (tx) => {
      await tx.put('group', group);
      await tx.put('user', user);
      await tx.putPrivate('credential', 'usr_1', { hash: 'x' });
    });
    await store.transact('local:0', async (tx) => await tx.delete('user', 'usr_1'));
    assert.deepEqual(seen, [1, 2, 3, 4]);
    const changes = await store.changesAfter(0);
    assert.deepEqual(
      changes.map(({ change }) => `${change.op} ${change.kind}`),
      ['put group', 'put user', 'put credential', 'delete user'],
    );
    assert.equal(changes[1]?.entity, undefined, 'a deleted entity has no state');
    assert.equal(changes[2]?.entity, undefined, 'a private row never leaves the store');
    await store.close();
  });

  it('rolls a failed transaction back without a change', async () => {
    const store = await openStore({ path: ':memory:', clock });
    await assert.rejects(
      store.transact('system', async (tx) => {
        await tx.put('group', group);
        throw new Error('no');
      }),
    );
    assert.deepEqual(await store.snapshot(), { seq: 0, entities: [] });
    await store.close();
  });

  it('runs concurrent transactions one after the other', async () => {
    const store = await openStore({ path: ':memory:', clock });
    await store.transact('system', async (tx) => await tx.put('group', { ...group, name: '0' }));
    await Promise.all(
      Array.from(
        { length: 20 },
        async () =>
          await store.transact('system', async (tx) => {
            const current = await tx.get('group', 'admins');
            await tx.put('group', { ...group, name: String(Number(current?.name) + 1) });
          }),
      ),
    );
    assert.equal(await store.read(async (tx) => (await tx.get('group', 'admins'))?.name), '20');
    await store.close();
  });

  it('feeds a replica that equals a fresh snapshot', async () => {
    const store = await openStore({ path: ':memory:', clock });
    const graph = new TrustGraph();
    graph.load(await store.snapshot());
    store.onChanges((changes) => {
      for (const change of changes) graph.apply(change);
    });
    await store.transact('system', async (tx) => {
      await tx.put('group', group);
      await tx.put('user', user);
    });
    assert.deepEqual([...graph.groupsOf('usr_1')], ['admins']);
    await store.transact('system', async (tx) => await tx.put('user', { ...user, groups: [] }));
    assert.deepEqual([...graph.groupsOf('usr_1')], []);
    const again = new TrustGraph();
    again.load(await store.snapshot());
    assert.deepEqual([...again.all('user')], [...graph.all('user')]);
    assert.equal(again.seq, graph.seq);
    await store.close();
  });

  it('keeps what was committed across a reopen', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'cordon-')), 'cordon.db');
    const first = await openStore({ path, clock });
    await first.transact('system', async (tx) => await tx.put('group', group));
    await first.close();
    const second = await openStore({ path, clock });
    assert.deepEqual((await second.snapshot()).entities, [{ kind: 'group', id: 'admins', body: group }]);
    await second.close();
  });

  it('refuses a damaged database by name and leaves it as it was', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'cordon-')), 'cordon.db');
    writeFileSync(
      path,
      'this is not a database, and it is longer than a header would be, so that it is read as one. '.repeat(20),
    );
    await assert.rejects(
      openStore({ path, clock }),
      (error) => error instanceof CordonError && error.code === 'store-corrupt',
    );
  });

  it('refuses a directory that does not exist by name', async () => {
    await assert.rejects(
      openStore({ path: '/nonexistent/cordon.db', clock }),
      (error) => error instanceof CordonError && error.code === 'store-unavailable',
    );
  });
});
