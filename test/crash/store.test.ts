import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '#base';
import { openStore, type Store } from '#store';
import { ROUNDS, runAndKill } from './kill.ts';

const directory = mkdtempSync(join(tmpdir(), 'cordon-crash-store-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** The changes come without a gap, and a policy activation never without its bundle. */
async function checkConsistent(store: Store): Promise<number> {
  const { seq, entities } = await store.snapshot();
  const bundles = new Set(entities.filter(({ kind }) => kind === 'policyBundle').map(({ id }) => id));
  let version = 0;
  for (const entity of entities) {
    if (entity.kind !== 'policyActivation') continue;
    version = entity.body.version;
    assert.ok(bundles.has(entity.body.bundleId), 'the active policy is there');
  }
  const changes = await store.changesAfter(Math.max(0, seq - 500));
  assert.equal(changes.at(-1)?.change.seq ?? 0, seq);
  assert.ok(
    changes.every(({ change }, index) => index === 0 || change.seq === (changes[index - 1]?.change.seq ?? 0) + 1),
  );
  return version;
}

describe('store after kill -9', () => {
  it(`keeps every acknowledged sign-in, revocation and policy change, ${ROUNDS} times at random moments`, async () => {
    const ended = new Set<string>();
    const alive = new Set<string>();
    let policy = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const lines = await runAndKill(join(import.meta.dirname, 'store-child.ts'), directory, Math.random() * 150);
      for (const [index, line] of lines.entries()) {
        const [what = '', value = ''] = line.split(' ');
        if (what === 'policy') policy = Number(value);
        if (what === 'delete') ended.add(value);
        // The last one may have been deleted without the word reaching us.
        if (what === 'put' && index < lines.length - 1) alive.add(value);
      }
      const store = await openStore({ path: join(directory, 'cordon.db'), clock: systemClock });
      const sessions = new Set((await store.read(async (tx) => await tx.list('session'))).map(({ id }) => id));
      assert.deepEqual(
        [...ended].filter((id) => sessions.has(id)),
        [],
        'no revoked session comes back',
      );
      assert.deepEqual(
        [...alive].filter((id) => !ended.has(id) && !sessions.has(id)),
        [],
        'no session is lost',
      );
      assert.ok((await checkConsistent(store)) >= policy, 'no policy change is lost');
      await store.close();
    }
    assert.ok(ended.size > ROUNDS && policy > ROUNDS, 'the child did acknowledge changes');
  });
});
