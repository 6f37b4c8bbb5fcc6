import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { Kysely, sql } from 'kysely';
import { nodeSqliteDialect } from './dialect.ts';

interface Notes {
  note: { id: number; text: string };
}

async function open(pages?: number): Promise<Kysely<Notes>> {
  const database = new DatabaseSync(':memory:');
  database.exec('create table note (id integer primary key, text text)');
  if (pages !== undefined) database.exec(`pragma max_page_count = ${pages}`);
  return new Kysely<Notes>({ dialect: nodeSqliteDialect(database) });
}

const count = async (db: Kysely<Notes>): Promise<number> => (await db.selectFrom('note').selectAll().execute()).length;

describe('the dialect of the embedded database', () => {
  it('tells a full disk as such, rolls back, and works on', async () => {
    const db = await open(8);
    const fill = db.transaction().execute(async (tx) => {
      for (let id = 1; id < 100; id++)
        await tx
          .insertInto('note')
          .values({ id, text: 'x'.repeat(4000) })
          .execute();
    });
    await assert.rejects(fill, /database or disk is full/);
    assert.equal(await count(db), 0);
    await db.transaction().execute(async (tx) => await tx.insertInto('note').values({ id: 1, text: 'fits' }).execute());
    assert.equal(await count(db), 1);
    await db.destroy();
  });

  it('lets statements of two transactions never mix', async () => {
    const db = await open();
    const seen: string[] = [];
    const run = async (name: string): Promise<void> => {
      await db.transaction().execute(async (tx) => {
        seen.push(`${name} begins`);
        await tx.insertInto('note').values({ id: seen.length, text: name }).execute();
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${name} ends`);
      });
    };
    await Promise.all([run('a'), run('b')]);
    assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
    await db.destroy();
  });

  it('takes values as values, never as SQL', async () => {
    const db = await open();
    const text = "'); drop table note; --";
    await db.insertInto('note').values({ id: 1, text }).execute();
    const [row, ...more] = await db.selectFrom('note').select('text').where('text', '=', text).execute();
    assert.deepEqual([row?.text, more], [text, []]);
    const { numUpdatedRows } = await db.updateTable('note').set({ text: 'b' }).executeTakeFirstOrThrow();
    assert.equal(numUpdatedRows, 1n);
    await db.destroy();
  });

  it('refuses to stream, which nothing needs', async () => {
    const db = await open();
    await assert.rejects(async () => {
      for await (const row of db.selectFrom('note').selectAll().stream()) assert.fail(JSON.stringify(row));
    }, /streaming is not supported/);
    await assert.rejects(sql`select nonsense from nowhere`.execute(db), /no such table/);
    await db.destroy();
  });
});
