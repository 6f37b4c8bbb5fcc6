import type { Clock, Problem, Result } from '#base';
import type { Journal } from '#journal';
import type { Actor, TrustGraph, Workload } from '#model';
import type { Store } from '#store';
import type { RuleSummary } from './rule.ts';

export type { RuleSummary } from './rule.ts';

/** What a monitor works with. */
export interface MonitorOptions {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Pick<Journal, 'append' | 'subscribe' | 'recent' | 'query'>;
  readonly clock: Clock;
  /** Cuts a workload off; rejects with CordonError `workload-unknown`. Asking again for one that is cut off changes nothing. */
  readonly quarantine: (order: {
    readonly workloadId: string;
    readonly by: Actor;
    readonly reason: string;
    readonly at: number;
  }) => Promise<unknown>;
  /** True for the workload this server runs on, which no response may cut off. */
  readonly isServer?: (workload: Workload) => boolean;
}

/** Watches the journal, raises alerts and risk, and responds. */
export interface Monitor {
  /** The catalogue. */
  readonly rules: readonly RuleSummary[];
  /** To be called every second or so: writes what has gathered, retries what failed, lets risk decay and windows end. Never rejects. */
  sweep(): Promise<void>;
  /** Closes an alert; what was seen up to now does not count towards a next one. `err`: `alert-unknown`, `alert-closed`. */
  closeAlert(input: {
    readonly alertId: string;
    readonly by: Actor;
    readonly reason: string;
  }): Promise<Result<void, Problem>>;
  /** Forgets what is held against a user, device or workload. `subjectId` may also be the id of the risk, `<kind>:<id>`. `err`: `risk-unknown`. */
  clearRisk(input: { readonly subjectId: string; readonly by: Actor }): Promise<Result<void, Problem>>;
  /** Resolves when everything seen so far has been handled, or has failed and waits for the next sweep. */
  idle(): Promise<void>;
  /** Ends the subscription and writes what has gathered. */
  close(): Promise<void>;
}

/** Makes a monitor that follows the journal from where the last one of this store ended. */
export function createMonitor(options: MonitorOptions): Monitor {
  throw new Error(`not built yet: ${Object.keys(options).length}`);
}
