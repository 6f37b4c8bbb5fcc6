import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { CordonError, manualClock } from '#base';
import { type Group, TrustGraph, type User } from '#model';
import { openStore, type StoreTransaction } from '#store';

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

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'cordon-'));
}

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

  it('begins no transaction before the listeners of the one before have run', async () => {
    const store = await openStore({ path: ':memory:', clock });
    const graph = new TrustGraph();
    store.onChanges((changes) => {
      for (const change of changes) graph.apply(change);
    });
    const seen = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, index) =>
          await store.transact('system', async (tx) => {
            const names = [(await tx.get('group', 'admins'))?.name, graph.get('group', 'admins')?.name];
            await tx.put('group', { ...group, name: String(index) });
            return names;
          }),
      ),
    );
    for (const [inStore, inGraph] of seen) assert.equal(inGraph, inStore);
    await store.close();
  });

  it('tells every listener, in order, whatever one of them throws, and the transaction still counts', async () => {
    const store = await openStore({ path: ':memory:', clock });
    const told: string[] = [];
    store.onChanges(() => {
      told.push('first');
      throw new Error('a bug elsewhere');
    });
    const stop = store.onChanges((changes) => told.push(`second ${changes.length}`));
    const value = await store.transact('system', async (tx) => {
      await tx.put('group', group);
      return 'done';
    });
    stop();
    await store.transact('system', async (tx) => await tx.delete('group', 'admins'));
    assert.deepEqual([value, told], ['done', ['first', 'second 1', 'first']]);
    await store.close();
  });

  it('tells nobody about a transaction that only read or deleted what was not there', async () => {
    const store = await openStore({ path: ':memory:', clock });
    let count = 0;
    store.onChanges(() => count++);
    await store.transact('system', async (tx) => {
      await tx.get('group', 'admins');
      await tx.delete('group', 'admins');
      await tx.deletePrivate('credential', 'usr_1');
    });
    assert.deepEqual([count, (await store.snapshot()).seq], [0, 0]);
    await store.close();
  });

  it('reads what the transaction itself wrote, and what was committed outside', async () => {
    const store = await openStore({ path: ':memory:', clock });
    await store.transact('system', async (tx) => {
      await tx.put('user', user);
      await tx.put('user', { ...user, id: 'usr_0' });
      await tx.putPrivate('credential', 'b', { hash: 'x' });
      await tx.putPrivate('credential', 'b', { hash: 'y' });
      assert.deepEqual(
        (await tx.list('user')).map(({ id }) => id),
        ['usr_0', 'usr_1'],
        'in the order of their ids',
      );
      await tx.delete('user', 'usr_0');
      assert.equal(await tx.get('user', 'usr_0'), undefined);
      assert.deepEqual(await tx.getPrivate('credential', 'b'), { hash: 'y' });
    });
    assert.deepEqual(await store.read(async (tx) => await tx.listPrivate('credential')), [
      { id: 'b', body: { hash: 'y' } },
    ]);
    await store.close();
  });

  it('refuses a private row under the name of an entity, which would put a secret into every snapshot', async () => {
    const store = await openStore({ path: ':memory:', clock });
    await assert.rejects(
      store.transact('system', async (tx) => await tx.putPrivate('user', 'x', { hash: 'x' })),
      /entity kind/,
    );
    await store.close();
  });

  it('refuses a write after its transaction has ended', async () => {
    const store = await openStore({ path: ':memory:', clock });
    let leaked: StoreTransaction | undefined;
    await store.transact('system', async (tx) => {
      leaked = tx;
      await tx.put('group', group);
    });
    await assert.rejects(async () => await leaked?.put('user', user), /transaction/i);
    assert.deepEqual([(await store.snapshot()).seq, (await store.changesAfter(0)).length], [1, 1]);
    await store.close();
  });

  it('pages through the change feed, each change with the present state of its entity', async () => {
    const store = await openStore({ path: ':memory:', clock });
    for (const name of ['one', 'two', 'three']) {
      await store.transact('user:ada', async (tx) => await tx.put('group', { ...group, name }));
    }
    const page = await store.changesAfter(1, 1);
    assert.deepEqual(
      page.map(({ change, entity }) => [change.seq, change.actor, change.time, entity?.body]),
      [[2, 'user:ada', clock.now(), { ...group, name: 'three' }]],
    );
    assert.deepEqual(await store.changesAfter(3), []);
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
    const path = join(folder(), 'cordon.db');
    const first = await openStore({ path, clock });
    await first.transact('system', async (tx) => await tx.put('group', group));
    await first.close();
    const second = await openStore({ path, clock });
    assert.deepEqual((await second.snapshot()).entities, [{ kind: 'group', id: 'admins', body: group }]);
    await second.close();
  });

  it('refuses a second Cordon on the same database by name, and lets it in when the first has gone', async () => {
    const path = join(folder(), 'cordon.db');
    const first = await openStore({ path, clock });
    await assert.rejects(openStore({ path, clock }), (error) => {
      assert.ok(error instanceof CordonError);
      assert.equal(error.code, 'store-unavailable');
      assert.match(error.hint ?? '', /no other Cordon/);
      return true;
    });
    await first.transact('system', async (tx) => await tx.put('group', group));
    await first.close();
    const second = await openStore({ path, clock });
    assert.equal((await second.snapshot()).seq, 1);
    await second.close();
  });

  it('goes on counting changes after a reopen', async () => {
    const path = join(folder(), 'cordon.db');
    const first = await openStore({ path, clock });
    await first.transact('system', async (tx) => await tx.put('group', group));
    await first.transact('system', async (tx) => await tx.delete('group', 'admins'));
    await first.close();
    const second = await openStore({ path, clock });
    await second.transact('system', async (tx) => await tx.put('user', user));
    assert.deepEqual(
      (await second.changesAfter(0)).map(({ change }) => change.seq),
      [1, 2, 3],
    );
    await second.close();
  });

  it('finishes what has begun before it closes', async () => {
    const path = join(folder(), 'cordon.db');
    const first = await openStore({ path, clock });
    const writes = Array.from({ length: 5 }, async (_, index) => {
      await first.transact('system', async (tx) => await tx.put('group', { ...group, id: `g${index}` }));
    });
    await first.close();
    await Promise.all(writes);
    const second = await openStore({ path, clock });
    assert.equal((await second.snapshot()).seq, 5);
    await second.close();
  });

  it('refuses the database of a newer Cordon by name and leaves it as it was', async () => {
    const path = join(folder(), 'cordon.db');
    await (await openStore({ path, clock })).close();
    const database = new DatabaseSync(path);
    database.exec("update meta set value = '99' where key = 'version'");
    database.close();
    await assert.rejects(openStore({ path, clock }), (error) => {
      assert.ok(error instanceof CordonError);
      assert.deepEqual([error.code, error.message.includes('99')], ['store-newer', true]);
      return true;
    });
    const again = new DatabaseSync(path);
    assert.deepEqual({ ...again.prepare('select value from meta').get() }, { value: '99' });
    again.close();
  });

  it('names a row that is not JSON as damage', async () => {
    const path = join(folder(), 'cordon.db');
    await (await openStore({ path, clock })).close();
    const database = new DatabaseSync(path);
    database.exec("insert into entities values ('group', 'admins', '{')");
    database.exec("insert into changes values (1, 0, 'group', 'admins', 'put', 'system')");
    database.close();
    const store = await openStore({ path, clock });
    await assert.rejects(store.snapshot(), (error) => error instanceof CordonError && error.code === 'store-corrupt');
    await store.close();
  });

  it('refuses pages that were overwritten by name', async () => {
    const path = join(folder(), 'cordon.db');
    const first = await openStore({ path, clock });
    await first.transact('system', async (tx) => {
      for (let index = 0; index < 500; index++) await tx.put('group', { ...group, id: `g${index}` });
    });
    await first.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 8192, 20_000);
    writeFileSync(path, bytes);
    await assert.rejects(
      openStore({ path, clock }),
      (error) => error instanceof CordonError && error.code === 'store-corrupt',
    );
    assert.deepEqual(readFileSync(path), bytes, 'the damaged file is evidence');
  });

  it('refuses a damaged database by name and leaves it as it was', async () => {
    const path = join(folder(), 'cordon.db');
    writeFileSync(
      path,
      'this is not a database, and it is longer than a header would be, so that it is read as one. '.repeat(20),
    );
    await assert.rejects(
      openStore({ path, clock }),
      (error) => error instanceof CordonError && error.code === 'store-corrupt',
    );
  });

  it('refuses work after it was closed by name, and closes once more without harm', async () => {
    const store = await openStore({ path: ':memory:', clock });
    await store.close();
    const isUnavailable = (error: unknown): boolean =>
      error instanceof CordonError && error.code === 'store-unavailable' && error.message.includes('closed');
    await assert.rejects(
      store.transact('system', async () => {}),
      isUnavailable,
    );
    await assert.rejects(
      store.read(async () => {}),
      isUnavailable,
    );
    await assert.rejects(store.snapshot(), isUnavailable);
    await store.close();
  });

  it('refuses a directory that does not exist by name', async () => {
    await assert.rejects(
      openStore({ path: '/nonexistent/cordon.db', clock }),
      (error) => error instanceof CordonError && error.code === 'store-unavailable',
    );
  });
});
