import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CordonError, manualClock } from '#base';
import { type Journal, openJournal } from '#journal';
import { buildEvent } from '#model';
import { layoutOf } from './layout.ts';
import { Queries } from './query.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const directory = mkdtempSync(join(tmpdir(), 'cordon-journal-query-'));
let journal: Journal;

function isError(code: string): (error: unknown) => boolean {
  return (error) => error instanceof CordonError && error.code === code;
}

before(async () => {
  journal = await openJournal({ directory, clock: manualClock(START) });
  for (let i = 1; i <= 4; i++) {
    const common = {
      time: START + i * 12 * 3_600_000,
      message: `müde 🎉 \ud800 \u0000 "${i}"`,
      status: 'success',
      correlationId: `cor_${i}`,
      attributes: { user: { uid: `usr_${i}` }, src_endpoint: { ip: '2001:db8::1' }, big: 9_007_199_254_740_991 },
    } as const;
    const isLogon = i % 2 === 0;
    await journal.append(
      isLogon
        ? buildEvent({ class: 'authentication', activity: 'logon', ...common })
        : buildEvent({ class: 'httpActivity', activity: 'get', ...common }),
    );
    if (i === 3) await journal.seal();
  }
});

after(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('journal query', () => {
  it('sees sealed and open events as one view, with columns and the whole event', async () => {
    const rows =
      await journal.query(`select seq, class_uid, user_uid, src_ip, correlation_uid, status_id, time_dt, message,
      event from events order by seq`);
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
    const [one] = rows;
    assert.deepEqual(
      [
        one?.['class_uid'],
        one?.['user_uid'],
        one?.['src_ip'],
        one?.['correlation_uid'],
        one?.['status_id'],
        one?.['time_dt'],
      ],
      [4002, 'usr_1', '2001:db8::1', 'cor_1', 1, '2026-01-01 12:00:00'],
    );
    for (const row of rows) {
      const event = row['event'] as { message: string; big: number };
      assert.equal(event.message, `müde 🎉 \ufffd \u0000 "${row['seq']}"`);
      assert.equal(event.big, 9_007_199_254_740_991);
    }
  });

  it('binds parameters and returns integers beyond 2^53 as text', async () => {
    assert.deepEqual(
      await journal.query('select count(*) as n from events where user_uid = $1 and "time" > $2', ['usr_2', START]),
      [{ n: 1 }],
    );
    assert.deepEqual(
      await journal.query(`select 9223372036854775807 as big, 1.5::double as d, null as nothing, [1::bigint] as list`),
      [{ big: '9223372036854775807', d: 1.5, nothing: null, list: [1] }],
    );
  });

  it('answers while events are appended, never with half a line', async () => {
    let isDone = false;
    const writing = (async () => {
      while (!isDone)
        await journal.append(
          buildEvent({ class: 'authentication', activity: 'logon', time: START, message: 'x'.repeat(5000) }),
        );
    })();
    for (let i = 0; i < 5; i++) {
      const [row] = await journal.query('select count(*) as n, max(seq) as last, count(event) as events from events');
      assert.equal(row?.['n'], row?.['last']);
      assert.equal(row?.['n'], row?.['events']);
    }
    isDone = true;
    await writing;
  });

  const refused = [
    `copy (select 1) to '/tmp/cordon-stolen.csv'`,
    `copy events to '/tmp/cordon-stolen.csv'`,
    `attach '/tmp/cordon-stolen.db' as other`,
    'install httpfs',
    'load httpfs',
    'set enable_external_access = true',
    'reset lock_configuration',
    'pragma threads = 4',
    'create table t (a int)',
    'drop view events',
    'insert into events select * from events',
    'delete from events',
    `export database '/tmp/cordon-stolen'`,
    'call enable_logging()',
    'select 1; select 2',
    '',
    `select * from read_text('/etc/passwd')`,
    `select * from READ_CSV('/etc/passwd')`,
    `select * from events where seq in (select count(*) from read_blob('/proc/self/environ'))`,
    `with x as (select * from glob('/*')) select * from x`,
    `select * from query('select 1')`,
    `select * from enable_logging('QueryLog', storage_path := '/tmp/cordon-stolen')`,
    `select * from duckdb_settings()`,
  ];
  for (const sql of refused) {
    it(`refuses \`${sql}\``, async () => {
      await assert.rejects(journal.query(sql), isError('query-refused'));
    });
  }

  for (const sql of [
    `select * from '/etc/passwd'`,
    `select * from "/etc/passwd"`,
    `from '${directory}/head.json'`,
    `select getenv('PATH')`,
    'select nonsense from events',
    'this is not sql',
  ]) {
    it(`gives nothing for \`${sql.replace(directory, '…')}\``, async () => {
      await assert.rejects(
        journal.query(sql),
        (error) => error instanceof CordonError && ['query-failed', 'query-refused'].includes(error.code),
      );
    });
  }

  it('stops a query that answers too much or takes too much memory', async () => {
    await assert.rejects(journal.query('select * from range(10001)'), isError('query-too-large'));
    await assert.rejects(journal.query(`select repeat('x', 40000000) as big`), isError('query-too-large'));
    await assert.rejects(journal.query(`select length(repeat('x', 2000000000)) as big`), isError('query-too-large'));
  });

  it('stops a query that does not end, and one that no interrupt reaches', async () => {
    const queries = new Queries(1000);
    const open = [join(directory, 'segments', '000000000000004.ndjson')];
    for (const sql of [
      'select sum(a.range * b.range) from range(1000000) a, range(100000000) b',
      `select levenshtein(repeat('a', 200000), repeat('b', 200000))`,
    ]) {
      const query = { layout: layoutOf(directory), manifests: [], open, lastSeq: 4, sql, parameters: [] };
      await assert.rejects(queries.run(query), isError('query-timeout'));
    }
  });

  it('refuses what comes while too many wait, and answers those that wait', async () => {
    const queries = new Queries(10_000);
    const open = [join(directory, 'segments', '000000000000004.ndjson')];
    const query = {
      layout: layoutOf(directory),
      manifests: [],
      open,
      lastSeq: 4,
      sql: 'select 1 as one',
      parameters: [],
    };
    const asked = Array.from({ length: 25 }, async () => await queries.run(query));
    const codes = (await Promise.allSettled(asked)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as CordonError).code,
    );
    assert.deepEqual(codes, [
      ...Array.from({ length: 18 }, () => 'ok'),
      ...Array.from({ length: 7 }, () => 'query-busy'),
    ]);
  });

  it('leaves nothing outside and changes nothing inside', () => {
    assert.equal(
      existsSync('/tmp/cordon-stolen.csv') || existsSync('/tmp/cordon-stolen.db') || existsSync('/tmp/cordon-stolen'),
      false,
    );
    assert.equal(readdirSync(join(directory, 'manifests')).length, 1);
    assert.match(readFileSync(join(directory, 'head.json'), 'utf8'), /"format":1/);
  });
});
