/**
 * The columns of `events`: for each, its SQL type and where in an event it comes from. Sealing, querying and
 * verifying all extract with this one table, so that they cannot disagree.
 */
const EXTRACTED: readonly (readonly [name: string, type: 'bigint' | 'integer' | 'varchar', path: string])[] = [
  ['time', 'bigint', '$.time'],
  ['class_uid', 'bigint', '$.class_uid'],
  ['activity_id', 'integer', '$.activity_id'],
  ['severity_id', 'integer', '$.severity_id'],
  ['status_id', 'integer', '$.status_id'],
  ['status_code', 'varchar', '$.status_code'],
  ['action_id', 'integer', '$.action_id'],
  ['message', 'varchar', '$.message'],
  ['user_uid', 'varchar', '$.user.uid'],
  ['actor_uid', 'varchar', '$.actor.user.uid'],
  ['device_uid', 'varchar', '$.device.uid'],
  ['src_ip', 'varchar', '$.src_endpoint.ip'],
  ['dst_ip', 'varchar', '$.dst_endpoint.ip'],
  ['correlation_uid', 'varchar', '$.metadata.correlation_uid'],
  ['uid', 'varchar', '$.metadata.uid'],
];

/** Names of the columns taken out of each event, in order. */
export const EXTRACTED_COLUMNS: readonly string[] = EXTRACTED.map(([name]) => name);

/** Quotes a SQL string. Paths and names made by Cordon only; user input is always a parameter. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * A relation `(seq, prev, event, hash)` over NDJSON segments, at most up to `lastSeq`: behind that, a line may be
 * half written. Lines are split by position, which their fixed encoding allows; nothing here parses JSON.
 */
export function linesOf(paths: readonly string[], lastSeq: number): string {
  // Not one of these characters can stand raw in a line of JSON, so the whole line is one field.
  const read = readLines(paths, `{'line': 'VARCHAR'}`);
  return `(select seq,
      case when seq <= ${lastSeq} then substr(line, comma + 9, 43) end as prev,
      case when seq <= ${lastSeq} then substr(line, comma + 62, length(line) - comma - 115) end as event,
      case when seq <= ${lastSeq} then substr(line, -45, 43) end as hash
    from (select line, strpos(line, ',') as comma, try_cast(substr(line, 8, strpos(line, ',') - 8) as bigint) as seq
      from ${read})
    where seq <= ${lastSeq})`;
}

/** Between the fields of a file that `fieldsOf` reads; like a newline, it cannot stand raw in JSON. */
export const FIELD_END: string = '\u0001';

/** A relation `(seq, prev, hash, event)` over a file that holds these four for each event, with `FIELD_END` between them and a newline behind. */
export function fieldsOf(path: string): string {
  const columns = `{'seq': 'BIGINT', 'prev': 'VARCHAR', 'hash': 'VARCHAR', 'event': 'VARCHAR'}`;
  return `(select * from ${readLines([path], columns)})`;
}

/** A relation of text lines. Nothing is escaped, and nothing is quoted; the largest event is half a line of what is allowed. */
function readLines(paths: readonly string[], columns: string): string {
  return `read_csv([${paths.map(quote).join(', ')}], columns = ${columns}, delim = '${FIELD_END}', quote = '',
    escape = '', header = false, auto_detect = false, max_line_size = 2097152, buffer_size = 4194304)`;
}

/** A relation `(seq, prev, event, hash, …extracted)` over a relation of lines. */
export function extracted(lines: string): string {
  const paths = EXTRACTED.map(([, , path]) => quote(path)).join(', ');
  const columns = EXTRACTED.map(([name, type], index) => {
    const value = `found[${index + 1}]`;
    return `${type === 'varchar' ? value : `try_cast(${value} as ${type})`} as ${name}`;
  });
  return `(select seq, prev, event, hash, ${columns.join(', ')}
    from (select *, json_extract_string(event, [${paths}]) as found from ${lines}))`;
}

/** The columns a Parquet file holds, in order. The exact line follows from seq, prev, event and hash. */
export const SEALED_COLUMNS: string = ['seq', 'prev', 'hash', ...EXTRACTED_COLUMNS, 'event'].join(', ');

/**
 * What the rows of a relation with these columns hold, as a few numbers: how many, and two sums of their hashes, whatever their order.
 * Against disks that lie and faults of ours; whoever changes a file on purpose meets the chain and the manifest.
 */
export const CONTENT_SUM: string = 'count(*), sum(row_hash::hugeint), bit_xor(row_hash)';

/** What `CONTENT_SUM` adds up, as a column. */
export const ROW_HASH: string = `hash(${SEALED_COLUMNS}) as row_hash`;

/** A relation over sealed Parquet files with the columns they hold. */
export function sealedRows(paths: readonly string[]): string {
  return `(select ${SEALED_COLUMNS}
    from read_parquet([${paths.map(quote).join(', ')}], hive_partitioning = false, union_by_name = false))`;
}

/** The hash a line must carry, as SQL over `seq`, `prev` and `event`. */
export const LINE_HASH: string = `replace(replace(replace(to_base64(unhex(sha256(
  '{"seq":' || seq || ',"prev":"' || prev || '","event":' || event))), '+', '-'), '/', '_'), '=', '')`;

/** The day of an event (UTC) as `YYYYMMDD`. */
export const DAY: string = `strftime(make_timestamp_ms("time"), '%Y%m%d')`;
