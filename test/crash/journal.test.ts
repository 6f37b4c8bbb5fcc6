import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '#base';
import { type Journal, openJournal, verifyJournal } from '#journal';
import { ROUNDS, runAndKill } from './kill.ts';

const directory = mkdtempSync(join(tmpdir(), 'cordon-crash-journal-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Checks that every acknowledged line from `from` on is in the journal under its number and hash. */
async function checkAcknowledged(
  journal: Journal,
  acknowledged: ReadonlyMap<number, string>,
  from: number,
): Promise<void> {
  const found = new Map<number, string>();
  for (let last = from - 1; ; ) {
    const rows = await journal.query('select seq, hash from events where seq > $1 order by seq limit 10000', [last]);
    for (const row of rows) found.set(Number(row['seq']), String(row['hash']));
    if (rows.length < 10_000) break;
    last = Number(rows.at(-1)?.['seq']);
  }
  const lost = [...acknowledged].filter(([seq, hash]) => seq >= from && found.get(seq) !== hash);
  assert.deepEqual(lost, []);
}

describe('journal after kill -9', () => {
  it(`loses no acknowledged event and keeps its chain, ${ROUNDS} times at random moments`, async () => {
    const acknowledged = new Map<number, string>();
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.size === 0 ? 1 : Math.max(...acknowledged.keys()) + 1;
      const lines = await runAndKill(join(import.meta.dirname, 'journal-child.ts'), directory, Math.random() * 250);
      for (const line of lines) {
        const [seq = '', hash = ''] = line.split(' ');
        acknowledged.set(Number(seq), hash);
      }
      const atRest = await verifyJournal(directory);
      assert.deepEqual(atRest.problem, undefined, 'verifies as the killed process left it');
      const journal = await openJournal({ directory, clock: systemClock, segmentBytes: 150_000 });
      await checkAcknowledged(journal, acknowledged, before);
      await journal.close();
      const reopened = await verifyJournal(directory);
      assert.deepEqual(reopened.problem, undefined, 'verifies after recovery');
    }
    const journal = await openJournal({ directory, clock: systemClock });
    await journal.seal();
    await checkAcknowledged(journal, acknowledged, 1);
    await journal.close();
    assert.ok(acknowledged.size > ROUNDS, 'the child did acknowledge events');
    assert.ok(readdirSync(join(directory, 'manifests')).length > 1, 'segments were sealed along the way');
  });
});
