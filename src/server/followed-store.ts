import type { Store } from '#store';

/** A store whose transactions wait for the processes that follow it. */
export interface FollowedStore extends Store {
  /**
   * From now on a transaction resolves only when `caughtUp` does, so that what was answered is in force everywhere: at every worker, or at
   * none that will ever answer again. Others go on meanwhile.
   */
  waitFor(caughtUp: () => Promise<void>): void;
}

/** Makes a store that can be followed; until then it is as it was. */
export function followedStore(store: Store): FollowedStore {
  let caughtUp: (() => Promise<void>) | undefined;
  return {
    transact: async (actor, work) => {
      const value = await store.transact(actor, work);
      await caughtUp?.();
      return value;
    },
    read: async (work) => await store.read(work),
    snapshot: async () => await store.snapshot(),
    changesAfter: async (seq, limit) => await store.changesAfter(seq, limit),
    onChanges: (listener) => store.onChanges(listener),
    close: async () => await store.close(),
    waitFor: (given) => {
      caughtUp = given;
    },
  };
}
