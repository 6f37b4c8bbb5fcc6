import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DuckDBConnection } from '@duckdb/node-api';
import { CONTENT_SUM, ROW_HASH, SEALED_COLUMNS } from './columns.ts';
import { withDuck } from './duckdb.ts';

const COLUMNS = SEALED_COLUMNS.split(', ');

async function sumOf(duck: DuckDBConnection, relation: string): Promise<string> {
  const reader = await duck.runAndReadAll(`select ${CONTENT_SUM} from (select ${ROW_HASH} from ${relation})`);
  return reader.getRows()[0]?.map(String).join(' ') ?? '';
}

describe('the sum of what rows hold', () => {
  it('is the same in any order, and another for each value that differs, is absent, moved or there twice', async () => {
    await withDuck({ threads: 1, memoryMegabytes: 64 }, async (duck) => {
      const cells = COLUMNS.map((name) => (name === 'seq' ? 'i as seq' : `'${name} ' || i as ${name}`));
      await duck.run(`create table rows as select ${cells.join(', ')} from range(1, 6) t(i)`);
      const right = await sumOf(duck, 'rows');
      assert.match(right, /^5 \d+ \d+$/);
      assert.equal(await sumOf(duck, '(select * from rows order by seq desc)'), right);
      const others = COLUMNS.flatMap((name) => {
        const other = name === 'seq' ? '99' : "'x'";
        return [other, 'null'].map(
          (value) =>
            `(select * replace (case when hash = 'hash 3' then ${value} else ${name} end as ${name}) from rows)`,
        );
      });
      others.push(
        '(select * from rows where seq <> 2)',
        '(select * from rows union all from rows where seq = 2)',
        '(select * from rows where seq <> 2 union all from rows where seq = 3)',
        '(select * replace (message as user_uid, user_uid as message) from rows)',
        "(select * replace (case seq when 1 then 'message 2' when 2 then 'message 1' else message end as message) from rows)",
      );
      const sums = await Promise.all(others.map(async (relation) => await sumOf(duck, relation)));
      assert.deepEqual(
        others.filter((_, at) => sums[at] === right),
        [],
      );
      assert.equal(new Set(sums).size, others.length);
    });
  });
});
