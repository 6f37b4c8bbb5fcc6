import type { Clock, Problem, Result } from '#base';
import type { Journal } from '#journal';
import type { Actor, TrustGraph, Workload } from '#model';
import type { Store } from '#store';
import { RULES } from './catalogue.ts';
import { ENGINE_LIMITS, type EngineLimits } from './engine.ts';
import type { DetectionRule, RuleSummary } from './rule.ts';
import { Watch } from './watch.ts';

/** What a monitor works with. */
export interface MonitorOptions {
  readonly store: Pick<Store, 'transact' | 'read'>;
  /** Fed from the store's changes before `transact` resolves, as everywhere. */
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
  /** True for the workload this server runs on, which no response may cut off. Default: none is known. */
  readonly isServer?: (workload: Workload) => boolean;
  /** For tests: other detections, and less memory. */
  readonly rules?: readonly DetectionRule[];
  readonly limits?: EngineLimits;
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

/** Makes a monitor that follows the journal from where the last one of this store ended. The graph must be loaded. */
export function createMonitor(options: MonitorOptions): Monitor {
  return new Watch({ rules: RULES, limits: ENGINE_LIMITS, isServer: () => false, ...options });
}
