import { type Kysely, sql } from 'kysely';
import { CordonError } from '#base';

/** Tables of the store. Entities and private rows are JSON documents; the change feed is the order of everything. */
export interface Tables {
  entities: { kind: string; id: string; body: string };
  /** Credentials, invitations, keys: never in a snapshot, never sent to a replica. */
  private_rows: { kind: string; id: string; body: string };
  changes: { seq: number; time: number; kind: string; id: string; op: 'put' | 'delete'; actor: string };
  meta: { key: string; value: string };
}

/** Ordered; each runs once, in the transaction that records its number. Never edit one that was released. */
const MIGRATIONS: readonly ((db: Kysely<Tables>) => Promise<void>)[] = [
  async (db) => {
    for (const table of ['entities', 'private_rows'] as const) {
      await db.schema
        .createTable(table)
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint(`${table}_key`, ['kind', 'id'])
        .execute();
    }
    await db.schema
      .createTable('changes')
      .addColumn('seq', 'integer', (column) => column.primaryKey())
      .addColumn('time', 'bigint', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('op', 'text', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .execute();
  },
];

/** Brings the schema to the newest version; refuses a database that a newer Cordon wrote. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .createTable('meta')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'version').executeTakeFirst();
  const version = row === undefined ? 0 : Number(row.value);
  if (version > MIGRATIONS.length) {
    throw new CordonError(
      'store-newer',
      `the store has schema version ${version}, this Cordon knows ${MIGRATIONS.length}`,
      {
        hint: 'start the newer Cordon that wrote it, or restore a backup',
      },
    );
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await db.transaction().execute(async (tx) => {
      await migration(tx);
      const value = String(index + 1);
      await sql`insert into meta (key, value) values ('version', ${value}) on conflict (key) do update set value = ${value}`.execute(
        tx,
      );
    });
  }
}
