import { DatabaseSync } from 'node:sqlite';
import { Kysely, type Transaction } from 'kysely';
import { type Clock, CordonError, Listeners, parseJson } from '#base';
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
   * When it resolves, the changes are on disk and every `onChanges` listener has run. One after the other: inside `work`, another
   * `transact` or `read` would wait for itself. Fails with `store-corrupt` or `store-unavailable` when the database does.
   */
  transact<T>(actor: Actor, work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /** Reads outside a write; sees committed state. */
  read<T>(work: (tx: Pick<StoreTransaction, 'get' | 'list' | 'getPrivate' | 'listPrivate'>) => Promise<T>): Promise<T>;
  snapshot(): Promise<Snapshot>;
  /** Changes after `seq` in order, at most `limit`, each with its entity's present state. */
  changesAfter(seq: number, limit?: number): Promise<ChangeWithEntity[]>;
  /**
   * Calls `listener` with the changes of every commit, in order, before `transact` resolves. One that throws disturbs neither the others
   * nor the transaction, which is on disk; the process is warned.
   */
  onChanges(listener: (changes: readonly ChangeWithEntity[]) => void): () => void;
  /** Waits for what has begun, then closes. */
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
  return new KyselyStore(db, { path, clock });
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    // EXCLUSIVE: a second Cordon on the same file would write past the change feed of the first.
    // FULL: a commit that was acknowledged survives power loss, which a revoked session must.
    database.exec(
      'pragma busy_timeout = 2000; pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on',
    );
    const check = database.prepare('pragma quick_check(1)').get();
    if (check?.['quick_check'] !== 'ok') throw damaged(path, new Error(String(check?.['quick_check'])));
    return database;
  } catch (cause) {
    database?.close();
    throw storeError(cause, path);
  }
}

/** SQLite's own result code, or undefined for an error of another origin. */
function sqliteCode(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !('errcode' in cause) || typeof cause.errcode !== 'number') return undefined;
  return cause.errcode & 0xff; // the low byte is the primary code, https://sqlite.org/rescode.html
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function damaged(path: string, cause: Error): CordonError {
  return new CordonError('store-corrupt', `the database \`${path}\` is damaged: ${cause.message}`, {
    cause,
    hint: 'keep the file for analysis, restore a backup over it, and start again; nothing was changed',
  });
}

function storeError(cause: unknown, path: string): CordonError {
  if (cause instanceof CordonError) return cause;
  const code = sqliteCode(cause);
  if (cause instanceof Error && (code === SQLITE_CORRUPT || code === SQLITE_NOTADB)) return damaged(path, cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  return new CordonError('store-unavailable', `cannot use the database \`${path}\`: ${text}`, {
    cause,
    hint: 'check that the directory exists and is writable, that the disk has space, and that no other Cordon uses it',
  });
}

class KyselyStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #path: string;
  readonly #clock: Clock;
  #isClosed = false;
  /** The end of the last transaction, its listeners included. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Listeners<[readonly ChangeWithEntity[]]>('store');

  constructor(db: Kysely<Tables>, { path, clock }: { path: string; clock: Clock }) {
    this.#db = db;
    this.#path = path;
    this.#clock = clock;
  }

  async transact<T>(actor: Actor, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    // The next one begins after the listeners of this one, so that no transaction finds replicas behind what it reads.
    const turn = this.#turn.then(async () => {
      const changes: ChangeWithEntity[] = [];
      const value = await this.#run(async (db) => await work(new Recorder(db, actor, this.#clock.now(), changes)));
      if (changes.length > 0) this.#listeners.tell(changes);
      return value;
    });
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  async read<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return await this.#run(async (db) => await work(new Recorder(db, 'system', 0, [])));
  }

  async snapshot(): Promise<Snapshot> {
    return await this.#run(async (db) => {
      const entities: AnyEntity[] = [];
      for (const row of await db.selectFrom('entities').selectAll().orderBy('kind').orderBy('id').execute()) {
        const entity = entityOf(row.kind, row.id, row.body);
        if (entity !== undefined) entities.push(entity);
      }
      return { seq: await lastSeq(db), entities };
    });
  }

  async changesAfter(seq: number, limit = 1000): Promise<ChangeWithEntity[]> {
    return await this.#run(async (db) => {
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
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#isClosed = true;
    await this.#db.destroy();
  }

  async #run<T>(work: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw storeError(new Error('it is closed'), this.#path);
    try {
      return await this.#db.transaction().execute(work);
    } catch (cause) {
      throw sqliteCode(cause) === undefined ? cause : storeError(cause, this.#path);
    }
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
