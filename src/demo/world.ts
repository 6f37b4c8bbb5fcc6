import { type Clock, manualClock } from '#base';
import type { Journal } from '#journal';
import { type AnyEntity, type EntityKind, type OcsfEvent, TrustGraph } from '#model';
import { createMonitor, type Monitor } from '#monitor';
import type { ActivePolicies } from '#policy';
import { quarantineWorkload } from '#segmentation';
import type { Store } from '#store';

/** What the demo is put into: an installation on which the demo's configuration was applied and which holds nothing else. */
export interface DemoTarget {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Pick<Journal, 'append'>;
  readonly clock: Clock;
  readonly policies: () => ActivePolicies | undefined;
}

/** The day before now, while it passes: its own time, and its own picture of who is signed in where. */
export interface World {
  readonly clock: Clock;
  /** What decisions are made from: the target's entities, with the sessions and health of this moment. Never stored. */
  readonly graph: TrustGraph;
  /** Judges what happens, at the time at which it happens. */
  readonly monitor: Monitor;
  readonly store: Store;
  readonly policies: ActivePolicies | undefined;
  /** Changes the picture. */
  put(entity: AnyEntity): void;
  remove(kind: EntityKind, id: string): void;
  /** Lets time pass; never backwards. */
  moveTo(time: number): Promise<void>;
  /** Appends to the journal; for use inside of a transaction, on which the monitor would wait. */
  append(event: OcsfEvent): Promise<void>;
  /** Appends to the journal and lets the monitor judge. */
  record(event: OcsfEvent): Promise<void>;
  /** Ends the day when all of it is on disk. Returns how many events there were. */
  close(): Promise<number>;
}

const SWEEP_MS = 10 * 60_000;
/** Events that may wait for the disk at once. */
const UNWRITTEN = 500;

/**
 * Opens the day at `start`. The monitor in it is the real one, so that every alert, risk and response of the demo is what its events
 * lead to; it leaves its place in the journal behind, and the server's own monitor goes on from there.
 */
export async function openWorld(target: DemoTarget, start: number): Promise<World> {
  const { store } = target;
  const clock = manualClock(start);
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  const journal = dayJournal(target.journal);
  const monitor = createMonitor({
    store,
    graph: target.graph,
    journal,
    clock,
    quarantine: async ({ workloadId, ...order }) => await quarantineWorkload(store, workloadId, order),
  });
  const put = (entity: AnyEntity): void => {
    const { kind, id } = entity;
    graph.apply({ change: { seq: graph.seq + 1, time: clock.now(), kind, id, op: 'put', actor: 'system' }, entity });
  };
  const remove = (kind: EntityKind, id: string): void => {
    graph.apply({ change: { seq: graph.seq + 1, time: clock.now(), kind, id, op: 'delete', actor: 'system' } });
  };
  const unfollow = store.onChanges((changes) => {
    for (const { change, entity } of changes) {
      if (entity?.kind === 'risk' || entity?.kind === 'workload' || entity?.kind === 'asset') put(entity);
      else if (change.kind === 'risk') remove('risk', change.id);
    }
  });
  let sweepAt = start + SWEEP_MS;
  return {
    clock,
    graph,
    monitor,
    store,
    policies: target.policies(),
    put,
    remove,
    moveTo: async (time) => {
      for (; sweepAt <= time; sweepAt += SWEEP_MS) {
        clock.advance(Math.max(0, sweepAt - clock.now()));
        await monitor.sweep();
      }
      clock.advance(Math.max(0, time - clock.now()));
    },
    append: journal.record,
    record: async (event) => {
      await journal.record(event);
      await monitor.idle();
    },
    close: async () => {
      await monitor.close();
      unfollow();
      return await journal.flush();
    },
  };
}

interface DayJournal extends Pick<Journal, 'append' | 'subscribe' | 'recent' | 'query'> {
  record(event: OcsfEvent): Promise<void>;
  flush(): Promise<number>;
}

/** The target's journal, from this day on: nothing was before. The order of `append` is the order on disk, so not every event needs its own write. */
function dayJournal(target: Pick<Journal, 'append'>): DayJournal {
  type Listener = Parameters<Journal['subscribe']>[0];
  const listeners = new Set<Listener>();
  let unwritten: ReturnType<Journal['append']>[] = [];
  let count = 0;
  const append = (event: OcsfEvent): ReturnType<Journal['append']> => {
    count++;
    return target.append(event);
  };
  const flush = async (): Promise<number> => {
    const waiting = unwritten;
    unwritten = [];
    await Promise.all(waiting);
    return count;
  };
  return {
    append,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    recent: () => [],
    query: async () => await Promise.resolve([]),
    record: async (event) => {
      const written = append(event);
      // Whoever flushes hears of a failure; until then it must not count as unhandled.
      written.catch(() => {});
      unwritten.push(written);
      for (const listener of listeners) listener(event, { seq: count, hash: '', segment: '' });
      if (unwritten.length >= UNWRITTEN) await flush();
    },
    flush,
  };
}
