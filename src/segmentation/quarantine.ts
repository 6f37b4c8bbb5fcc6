import { CordonError } from '#base';
import type { Actor, TrustGraph, Workload } from '#model';
import type { Store } from '#store';
import type { ConnectPolicy } from './intent.ts';
import type { PlanInput } from './plan.ts';

/** Takes the workloads and segments of the graph as input for `planSegments`; the caller adds what is outside and the server. */
export function planInputs(
  graph: TrustGraph,
  policies: readonly ConnectPolicy[],
): Pick<PlanInput, 'workloads' | 'segments' | 'policies'> {
  return { workloads: [...graph.all('workload')], segments: [...graph.all('segment')], policies };
}

/**
 * Cuts a workload off from everything but the Cordon server, from the next program on: its own and those of all others.
 * A workload that is already quarantined keeps its first reason. Throws CordonError `workload-unknown`.
 */
export async function quarantineWorkload(
  store: Store,
  workloadId: string,
  order: { readonly by: Actor; readonly reason: string; readonly at: number },
): Promise<Workload> {
  return await change(store, { workloadId, by: order.by }, (workload) =>
    workload.quarantine === undefined
      ? { ...workload, quarantine: { since: order.at, by: order.by, reason: order.reason } }
      : workload,
  );
}

/** Lifts a quarantine; nothing happens when there is none. Throws CordonError `workload-unknown`. */
export async function releaseWorkload(
  store: Store,
  workloadId: string,
  order: { readonly by: Actor },
): Promise<Workload> {
  return await change(store, { workloadId, by: order.by }, ({ quarantine: _, ...free }) => free);
}

async function change(
  store: Store,
  { workloadId, by }: { workloadId: string; by: Actor },
  edit: (workload: Workload) => Workload,
): Promise<Workload> {
  return await store.transact(by, async (tx) => {
    const workload = await tx.get('workload', workloadId);
    if (workload === undefined) {
      throw new CordonError('workload-unknown', `there is no workload \`${workloadId}\``, {
        hint: 'list them with `cordon segments map`',
      });
    }
    const next = edit(workload);
    if ((next.quarantine === undefined) !== (workload.quarantine === undefined)) await tx.put('workload', next);
    return next;
  });
}
