import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CordonError, manualClock } from '#base';
import { TrustGraph } from '#model';
import { openStore, type Store } from '#store';
import { hostProgram } from './host-program.ts';
import { planSegments } from './plan.ts';
import { planInputs, quarantineWorkload, releaseWorkload } from './quarantine.ts';
import { connectPolicy, segment, workload } from './testdata/estate.ts';
import { traceFlow } from './trace.ts';

const order = { by: 'local:0', reason: 'probing', at: 5 };

async function estate(): Promise<{ store: Store; graph: TrustGraph }> {
  const store = await openStore({ path: ':memory:', clock: manualClock(5) });
  const graph = new TrustGraph();
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  await store.transact('system', async (tx) => {
    await tx.put('segment', segment('web'));
    await tx.put('workload', workload('w0', { app: 'web' }, '10.0.0.1'));
    await tx.put('workload', workload('w1', { app: 'web' }, '10.0.0.2'));
  });
  return { store, graph };
}

describe('quarantine', () => {
  it('reaches traces and programs through the graph, and is lifted again', async () => {
    const { store, graph } = await estate();
    const policy = connectPolicy('p', 'permit (principal in Segment::"web", action == Action::"connect", resource);');
    const now = (): { reason: string; mode: string } => {
      const plan = planSegments({ ...planInputs(graph, [policy]), server: { addresses: ['192.0.2.1'], port: 8443 } });
      const program = hostProgram(plan, 'w0');
      assert.ok(program.ok);
      return {
        reason: traceFlow(plan, { from: 'w0', to: 'w1', protocol: 'tcp', port: 1 }).reason,
        mode: program.value.mode,
      };
    };
    assert.deepEqual(now(), { reason: 'permit', mode: 'enforce' });
    await quarantineWorkload(store, 'w0', order);
    assert.deepEqual(now(), { reason: 'quarantined', mode: 'quarantine' });
    await releaseWorkload(store, 'w0', { by: 'local:0' });
    assert.deepEqual(now(), { reason: 'permit', mode: 'enforce' });
    await store.close();
  });

  it('keeps the first reason, and changes nothing when there is nothing to change', async () => {
    const { store, graph } = await estate();
    await releaseWorkload(store, 'w0', { by: 'local:0' });
    assert.equal(graph.seq, 3);
    await quarantineWorkload(store, 'w0', order);
    await quarantineWorkload(store, 'w0', { ...order, reason: 'again', at: 9 });
    assert.equal(graph.seq, 4);
    assert.deepEqual(graph.get('workload', 'w0')?.quarantine, { since: 5, by: 'local:0', reason: 'probing' });
    await store.close();
  });

  it('refuses an unknown workload by name', async () => {
    const { store } = await estate();
    const isUnknown = (error: unknown): boolean => error instanceof CordonError && error.code === 'workload-unknown';
    await assert.rejects(quarantineWorkload(store, 'nobody', order), isUnknown);
    await assert.rejects(releaseWorkload(store, 'nobody', { by: 'local:0' }), isUnknown);
    await store.close();
  });
});
