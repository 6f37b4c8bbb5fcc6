import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Dialect,
} from 'kysely';

/** A kysely dialect over the SQLite that is built into Node. One connection; callers take turns on it. */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new NodeSqliteDriver(database),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: DatabaseConnection;
  #turn: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#connection = connectionOf(database);
  }

  async init(): Promise<void> {}

  /** Waits for its turn: SQLite has one writer, and a transaction must not see another's statements in between. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const previous = this.#turn;
    let release = (): void => {};
    this.#turn = new Promise<void>((resolve) => {
      release = resolve;
    });
    await previous;
    this.#release = release;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // On a full disk SQLite has rolled back by itself; a second time would hide that error behind its own.
    if (this.#database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    this.#database.close();
  }
}

function connectionOf(database: DatabaseSync): DatabaseConnection {
  const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      let statement = prepared.get(query.sql);
      if (statement === undefined) {
        statement = database.prepare(query.sql);
        prepared.set(query.sql, statement);
      }
      const parameters = query.parameters as SQLInputValue[];
      if (statement.columns().length > 0) return { rows: statement.all(...parameters) as R[] };
      const { changes } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes) };
    },
    // oxlint-disable-next-line require-yield -- kysely asks for the method; nothing here streams
    async *streamQuery(): AsyncIterableIterator<never> {
      throw new Error('streaming is not supported on the embedded store');
    },
  };
}
