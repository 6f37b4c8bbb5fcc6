import { DatabaseSync } from 'node:sqlite';
import { Kysely, type Transaction } from 'kysely';
import { type Clock, CordonError, parseJson } from '#base';
import {
  type Actor,
  type AnyEntity,
  type Change,
  type ChangeWithEntity,
  type EntityKind,
  type EntityOf,
  isEntityKind,
  type Snapshot,
} from '#model';
import { nodeSqliteDialect } from './dialect.ts';
import { migrate, type Tables } from './migrations.ts';

/** What a transaction can do. Reads see the transaction's own writes. */
export interface StoreTransaction {
  get<K extends EntityKind>(kind: K, id: string): Promise<EntityOf[K] | undefined>;
  list<K extends EntityKind>(kind: K): Promise<EntityOf[K][]>;
  put<K extends EntityKind>(kind: K, body: EntityOf[K]): Promise<void>;
  delete(kind: EntityKind, id: string): Promise<void>;
  /** Private rows hold what no replica may see. Their kinds must not be entity kinds. */
  getPrivate<T>(kind: string, id: string): Promise<T | undefined>;
  listPrivate<T>(kind: string): Promise<{ readonly id: string; readonly body: T }[]>;
  putPrivate(kind: string, id: string, body: object): Promise<void>;
  deletePrivate(kind: string, id: string): Promise<void>;
}

/** The durable truth. Every write is a transaction that also appends to the change feed. */
export interface Store {
  /**
   * Runs `work` in one transaction and commits; a throw rolls everything back.
   * When it resolves, the changes are on disk and every `onChanges` listener has run.
   */
  transact<T>(actor: Actor, work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /** Reads outside a write; sees committed state. */
  read<T>(work: (tx: Pick<StoreTransaction, 'get' | 'list' | 'getPrivate' | 'listPrivate'>) => Promise<T>): Promise<T>;
  snapshot(): Promise<Snapshot>;
  /** Changes after `seq` in order, at most `limit`, each with its entity's present state. */
  changesAfter(seq: number, limit?: number): Promise<ChangeWithEntity[]>;
  /** Calls `listener` with the changes of every commit, in order, before `transact` resolves. */
  onChanges(listener: (changes: readonly ChangeWithEntity[]) => void): () => void;
  close(): Promise<void>;
}

/** Opens (and creates or migrates) the embedded store. `path` may be `:memory:`. Fails with `store-corrupt`, `store-newer` or `store-unavailable`. */
export async function openStore({ path, clock }: { path: string; clock: Clock }): Promise<Store> {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(openDatabase(path)) });
  try {
    await migrate(db);
  } catch (cause) {
    await db.destroy();
    throw storeError(cause, path);
  }
  return new KyselyStore(db, clock);
}

function openDatabase(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path);
    // FULL: a commit that was acknowledged survives power loss, which a revoked session must.
    database.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 2000; pragma foreign_keys = on',
    );
    const check = database.prepare('pragma quick_check(1)').get();
    if (check?.['quick_check'] !== 'ok') throw new Error(String(check?.['quick_check']));
    return database;
  } catch (cause) {
    throw storeError(cause, path);
  }
}

function storeError(cause: unknown, path: string): CordonError {
  if (cause instanceof CordonError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/malformed|not a database|corrupt|row|page|btree/i.test(text)) {
    return new CordonError('store-corrupt', `the database \`${path}\` is damaged: ${text}`, {
      cause,
      hint: 'keep the file for analysis, restore a backup over it, and start again; nothing was changed',
    });
  }
  return new CordonError('store-unavailable', `cannot open the database \`${path}\`: ${text}`, {
    cause,
    hint: 'check that the directory exists, is writable, and that no other Cordon uses it',
  });
}

class KyselyStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #clock: Clock;
  readonly #listeners = new Set<(changes: readonly ChangeWithEntity[]) => void>();

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async transact<T>(actor: Actor, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const changes: ChangeWithEntity[] = [];
    const publish = (): void => {
      if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
    };
    return await this.#db
      .transaction()
      .execute(async (db) => {
        const recorder = new Recorder(db, actor, this.#clock.now(), changes);
        const value = await work(recorder);
        return value;
      })
      .then((value) => {
        publish();
        return value;
      });
  }

  async read<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return await this.#db.transaction().execute(async (db) => await work(new Recorder(db, 'system', 0, [])));
  }

  async snapshot(): Promise<Snapshot> {
    return await this.#db.transaction().execute(async (db) => {
      const entities: AnyEntity[] = [];
      for (const row of await db.selectFrom('entities').selectAll().orderBy('kind').orderBy('id').execute()) {
        const entity = entityOf(row.kind, row.id, row.body);
        if (entity !== undefined) entities.push(entity);
      }
      return { seq: await lastSeq(db), entities };
    });
  }

  async changesAfter(seq: number, limit = 1000): Promise<ChangeWithEntity[]> {
    return await this.#db.transaction().execute(async (db) => {
      const rows = await db
        .selectFrom('changes')
        .leftJoin('entities', (join) =>
          join.onRef('entities.kind', '=', 'changes.kind').onRef('entities.id', '=', 'changes.id'),
        )
        .select(['seq', 'time', 'changes.kind', 'changes.id', 'op', 'actor', 'body'])
        .where('seq', '>', seq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(({ body, ...change }) => {
        const entity = body === null ? undefined : entityOf(change.kind, change.id, body);
        return entity === undefined ? { change } : { change, entity };
      });
    });
  }

  onChanges(listener: (changes: readonly ChangeWithEntity[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

async function lastSeq(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('changes')
    .select((e) => e.fn.max('seq').as('seq'))
    .executeTakeFirst();
  return row?.seq ?? 0;
}

class Recorder implements StoreTransaction {
  readonly #db: Transaction<Tables>;
  readonly #actor: Actor;
  readonly #now: number;
  readonly #changes: ChangeWithEntity[];
  #seq: number | undefined;

  constructor(db: Transaction<Tables>, actor: Actor, now: number, changes: ChangeWithEntity[]) {
    this.#db = db;
    this.#actor = actor;
    this.#now = now;
    this.#changes = changes;
  }

  async get<K extends EntityKind>(kind: K, id: string): Promise<EntityOf[K] | undefined> {
    return await this.#one<EntityOf[K]>('entities', kind, id);
  }

  async list<K extends EntityKind>(kind: K): Promise<EntityOf[K][]> {
    return (await this.#all<EntityOf[K]>('entities', kind)).map((row) => row.body);
  }

  async put<K extends EntityKind>(kind: K, body: EntityOf[K]): Promise<void> {
    await this.#write('entities', kind, body.id, JSON.stringify(body));
    // The cast joins a kind with a body of that kind, which the signature has checked.
    await this.#record(kind, body.id, 'put', { kind, id: body.id, body } as unknown as AnyEntity);
  }

  async delete(kind: EntityKind, id: string): Promise<void> {
    await this.#remove('entities', kind, id);
  }

  async getPrivate<T>(kind: string, id: string): Promise<T | undefined> {
    return await this.#one<T>('private_rows', kind, id);
  }

  async listPrivate<T>(kind: string): Promise<{ readonly id: string; readonly body: T }[]> {
    return await this.#all<T>('private_rows', kind);
  }

  async putPrivate(kind: string, id: string, body: object): Promise<void> {
    if (isEntityKind(kind)) throw new TypeError(`\`${kind}\` is an entity kind, not a private one`);
    await this.#write('private_rows', kind, id, JSON.stringify(body));
    await this.#record(kind, id, 'put');
  }

  async deletePrivate(kind: string, id: string): Promise<void> {
    await this.#remove('private_rows', kind, id);
  }

  async #one<T>(table: 'entities' | 'private_rows', kind: string, id: string): Promise<T | undefined> {
    const row = await this.#db
      .selectFrom(table)
      .select('body')
      .where('kind', '=', kind)
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? undefined : decode<T>(row.body);
  }

  async #all<T>(table: 'entities' | 'private_rows', kind: string): Promise<{ id: string; body: T }[]> {
    const rows = await this.#db
      .selectFrom(table)
      .select(['id', 'body'])
      .where('kind', '=', kind)
      .orderBy('id')
      .execute();
    return rows.map((row) => ({ id: row.id, body: decode<T>(row.body) }));
  }

  async #write(table: 'entities' | 'private_rows', kind: string, id: string, body: string): Promise<void> {
    await this.#db
      .insertInto(table)
      .values({ kind, id, body })
      .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet({ body }))
      .execute();
  }

  async #remove(table: 'entities' | 'private_rows', kind: string, id: string): Promise<void> {
    const { numDeletedRows } = await this.#db
      .deleteFrom(table)
      .where('kind', '=', kind)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (numDeletedRows > 0n) await this.#record(kind, id, 'delete');
  }

  async #record(kind: string, id: string, op: 'put' | 'delete', entity?: AnyEntity): Promise<void> {
    this.#seq = (this.#seq ?? (await lastSeq(this.#db))) + 1;
    const change: Change = { seq: this.#seq, time: this.#now, kind, id, op, actor: this.#actor };
    await this.#db.insertInto('changes').values(change).execute();
    this.#changes.push(entity === undefined ? { change } : { change, entity });
  }
}

function entityOf(kind: string, id: string, body: string): AnyEntity | undefined {
  if (!isEntityKind(kind)) return undefined;
  return { kind, id, body: decode(body) } as AnyEntity;
}

/** Rows were written by this area from typed values, so the type is restored, not checked. */
function decode<T>(body: string): T {
  const parsed = parseJson(body);
  if (!parsed.ok)
    throw new CordonError('store-corrupt', 'a row of the database does not hold JSON', { hint: 'restore a backup' });
  return parsed.value as T;
}
