/**
 * The process that runs one query and ends. Three fences, each enough by itself against a query that wants more than
 * events: the syntax tree holds one SELECT and only known table functions; DuckDB may open the listed files and no
 * others, and its settings are locked; and the process is thrown away (and stopped from outside when it takes too much).
 */
import {
  type DuckDBConnection,
  DuckDBTypeId,
  type DuckDBValueConverter,
  type Json as DuckJson,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { isJsonObject, type Json, parseJson } from '#base';
import { quote } from './columns.ts';
import { withDuck } from './duckdb.ts';
import type { QueryOrder } from './query.ts';

// All others are refused: some read files, some (`enable_logging`, `query`) act although they stand in a SELECT.
const TABLE_FUNCTIONS = new Set(['unnest', 'range', 'generate_series', 'json_each', 'json_tree']);

interface Answer {
  readonly rows?: string;
  readonly code?: 'query-refused' | 'query-failed' | 'query-too-large';
  readonly message?: string;
}

process.once('disconnect', () => process.exit());
process.once('message', (order) => {
  const answer = withDuck({ threads: 2, memoryMegabytes: 512 }, async (duck) => await run(duck, order as QueryOrder));
  answer.catch(failureOf).then(
    (value) => process.send?.(value),
    () => process.exit(1),
  );
});

function failureOf(cause: unknown): Answer {
  const text = cause instanceof Error ? cause.message : String(cause);
  const message = text.split('\n')[0] ?? '';
  return { code: /^Out of Memory/i.test(message) ? 'query-too-large' : 'query-failed', message };
}

async function run(duck: DuckDBConnection, order: QueryOrder): Promise<Answer> {
  const refusal = await checkStatement(duck, order.sql);
  if (refusal !== undefined) return { code: 'query-refused', message: refusal };
  await duck.run(`set timezone = 'UTC'`);
  await duck.run(`create view events as ${order.events}`);
  await duck.run(`set allowed_paths = [${order.paths.map(quote).join(', ')}]`);
  await duck.run('set enable_external_access = false');
  await duck.run('set lock_configuration = true');
  const result = await duck.stream(order.sql, [...order.parameters]);
  const names = result.deduplicatedColumnNames();
  const isJson = result.columnTypes().map(({ alias }) => alias === 'JSON');
  const rows: string[] = [];
  let bytes = 0;
  for await (const chunk of result.yieldConvertedRows(convert)) {
    for (const row of chunk) {
      const cells = row.map((value, index) => (isJson[index] === true ? jsonValue(value) : value));
      const text = JSON.stringify(Object.fromEntries(names.map((name, index) => [name, cells[index] ?? null])));
      bytes += text.length;
      rows.push(text);
      if (rows.length > order.maxRows)
        return { code: 'query-too-large', message: `it has more than ${order.maxRows} rows` };
      if (bytes > order.maxBytes)
        return { code: 'query-too-large', message: `its answer exceeds ${order.maxBytes} bytes` };
    }
  }
  return { rows: `[${rows.join(',')}]` };
}

/** Why the SQL may not run, or undefined. Anything but one SELECT has no serialised form and is refused with that. */
async function checkStatement(duck: DuckDBConnection, sql: string): Promise<string | undefined> {
  const reader = await duck.runAndReadAll('select json_serialize_sql($1::varchar)', [sql]);
  const parsed = parseJson(String(reader.getRows()[0]?.[0]));
  const tree: Json = parsed.ok ? parsed.value : null;
  if (!isJsonObject(tree)) return 'it cannot be read';
  if (tree['error'] !== false)
    return typeof tree['error_message'] === 'string' ? tree['error_message'] : 'it cannot be read';
  const statements = tree['statements'];
  if (!Array.isArray(statements) || statements.length !== 1) return 'it must be exactly one statement';
  return forbiddenIn(statements[0] as Json);
}

function forbiddenIn(node: Json): string | undefined {
  if (node === null || typeof node !== 'object') return undefined;
  if (isJsonObject(node) && node['type'] === 'TABLE_FUNCTION') {
    const name = isJsonObject(node['function']) ? node['function']['function_name'] : undefined;
    if (typeof name !== 'string' || !TABLE_FUNCTIONS.has(name.toLowerCase())) {
      return `it uses the table function \`${typeof name === 'string' ? name : ''}\``;
    }
  }
  for (const child of Object.values(node)) {
    const found = forbiddenIn(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** DuckDB's JSON forms, except that integers within 2^53 are numbers. */
const convert: DuckDBValueConverter<DuckJson> = (value, type, recurse) => {
  if (typeof value === 'bigint' && type.typeId !== DuckDBTypeId.DECIMAL) {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
  }
  return JsonDuckDBValueConverter(value, type, recurse);
};

/** A JSON column gives the value it holds, not its text. */
function jsonValue(value: DuckJson | null): Json {
  const parsed = typeof value === 'string' ? parseJson(value) : undefined;
  return parsed?.ok === true ? parsed.value : value;
}
