import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** Limits of one in-memory DuckDB. */
export interface DuckOptions {
  readonly threads: number;
  readonly memoryMegabytes: number;
  /** Where to spill; none means that work over the memory limit fails. */
  readonly spill?: string;
}

/** Runs `work` on an in-memory DuckDB of its own that can load no extension, and closes it. */
export async function withDuck<T>(options: DuckOptions, work: (duck: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryMegabytes}MB`,
    temp_directory: options.spill ?? '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_unsigned_extensions: 'false',
  });
  try {
    const duck = await instance.connect();
    try {
      return await work(duck);
    } finally {
      duck.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
