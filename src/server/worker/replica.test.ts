import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnyEntity, ChangeWithEntity } from '#model';
import { createReplica } from './replica.ts';

const GROUP: AnyEntity = { kind: 'group', id: 'staff', body: { id: 'staff', name: 'Staff', parents: [] } };

function change(seq: number, op: 'put' | 'delete', entity?: AnyEntity): ChangeWithEntity {
  const said = { seq, time: 0, kind: 'group', id: 'staff', op, actor: 'system' };
  return entity === undefined ? { change: said } : { change: said, entity };
}

describe('a replica', () => {
  it('is the snapshot, and then each change', () => {
    const { graph, take } = createReplica();
    take({ type: 'entities', entities: [GROUP] });
    assert.equal(graph.count('group'), 0, 'not before the snapshot is whole');
    take({ type: 'loaded', seq: 7 });
    assert.deepEqual([graph.seq, graph.count('group')], [7, 1]);
    take({ type: 'changes', changes: [change(8, 'delete'), change(9, 'put', GROUP)] });
    assert.deepEqual([graph.seq, graph.count('group')], [9, 1]);
  });

  it('throws on a gap, and does not take itself for whole after it', () => {
    const { graph, take } = createReplica();
    take({ type: 'loaded', seq: 1 });
    assert.throws(() => take({ type: 'changes', changes: [change(3, 'delete')] }), /gap/);
    assert.equal(graph.isWhole, false);
  });

  it('is infinitely stale until the main process has said that it is complete', () => {
    const { staleness, take } = createReplica(() => 1000);
    take({ type: 'loaded', seq: 1 });
    assert.equal(staleness(), Number.POSITIVE_INFINITY);
    take({ type: 'beat', at: 900, isWritable: true });
    assert.equal(staleness(), 100);
  });

  it('is as stale as the news are old, however late they were read', () => {
    let now = 1000;
    const { staleness, take } = createReplica(() => now);
    take({ type: 'beat', at: 1000, isWritable: true });
    now = 61_000; // the process stood still for a minute; this was waiting for it
    take({ type: 'beat', at: 1500, isWritable: true });
    assert.equal(staleness(), 59_500);
    take({ type: 'beat', at: 1200, isWritable: true });
    assert.equal(staleness(), 59_500, 'older news make it no staler');
  });
});
