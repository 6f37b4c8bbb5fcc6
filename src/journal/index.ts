/**
 * journal: what happened.
 *
 * Owns the append-only, hash-chained log of OCSF events: durable appends, recovery after a crash, sealing to Parquet,
 * queries over all of it, and the proof that nothing was changed, removed, added or reordered. The format and the limits
 * of that proof are in docs/reference/journal.md.
 * Never changes or drops an event that was acknowledged, never judges one, and never repairs damage silently.
 */
export { type Journal, type JournalOptions, openJournal } from './journal.ts';
export type { JournalListener, Receipt } from './receipt.ts';
export type { QueryParameter } from './query.ts';
export type { TornTail } from './recover.ts';
export { verifyJournal, type VerifyProblem, type VerifyReport } from './verify.ts';
