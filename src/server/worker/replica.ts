import { type AnyEntity, TrustGraph } from '#model';
import { machineTime } from './channel.ts';
import type { ToWorker } from './messages.ts';

/** The copy of the trust graph that a worker decides from. */
export interface Replica {
  readonly graph: TrustGraph;
  /** Milliseconds since the main process last said that this copy is complete. Messages that waited here are as old as they are. */
  staleness(): number;
  /** Takes part of the snapshot, its end, changes or a sign of life. Throws on a gap: a copy with a hole must not decide. */
  take(message: Extract<ToWorker, { readonly type: 'entities' | 'loaded' | 'changes' | 'beat' }>): void;
}

/** Makes a replica that is empty, and infinitely stale. */
export function createReplica(now: () => number = machineTime): Replica {
  const graph = new TrustGraph();
  let snapshot: AnyEntity[] = [];
  let completeAt = Number.NEGATIVE_INFINITY;
  return {
    graph,
    staleness: () => Math.max(0, now() - completeAt),
    take: (message) => {
      switch (message.type) {
        case 'entities':
          for (const entity of message.entities) snapshot.push(entity);
          break;
        case 'loaded':
          graph.load({ seq: message.seq, entities: snapshot });
          snapshot = [];
          break;
        case 'changes':
          for (const change of message.changes) graph.apply(change);
          break;
        default:
          completeAt = Math.max(completeAt, message.at);
      }
    },
  };
}
