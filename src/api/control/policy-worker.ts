/**
 * The thread that checks and replays policies for one question and ends. Both can take seconds of computing, which must not stand in the
 * way of the gateway in the same process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Problem } from '#base';
import { runBundleTests } from '#config';
import { type JournalledDecision, loadPolicies, replay, type ReplayReport } from '#policy';
import { lintPolicies } from '#policy-analysis';

/** What the thread is asked. */
export interface PolicyQuestion {
  readonly texts: Readonly<Record<string, string>>;
  /** Present for a replay. */
  readonly records?: readonly JournalledDecision[];
  /** Ids of the entities that exist, by Cedar type; absent: names are not compared. */
  readonly known?: Readonly<Record<string, readonly string[]>>;
}

/** What it answers. */
export interface PolicyAnswer {
  /** Why the policies cannot be loaded; empty when they can. */
  readonly problems: readonly Problem[];
  /** Tests of the bundle that cannot be read, or that fail. */
  readonly failures: readonly Problem[];
  /** What is most likely not meant. */
  readonly warnings: readonly Problem[];
  /** How many policies there are, without the built-in ones. */
  readonly policies: number;
  /** Questions that the tests asked. */
  readonly tests: number;
  readonly report?: ReplayReport;
}

function answer({ texts, records, known }: PolicyQuestion): PolicyAnswer {
  const loaded = loadPolicies({ texts, version: 0 });
  if (!loaded.ok) return { problems: loaded.error, failures: [], warnings: [], policies: 0, tests: 0 };
  const policies = loaded.value.policies.filter(({ builtin }) => !builtin).length;
  if (records !== undefined) {
    const report = replay({ records, candidate: loaded.value });
    return { problems: [], failures: [], warnings: [], policies, tests: 0, report };
  }
  const tested = runBundleTests(loaded.value, texts);
  const entities = known && new Map(Object.entries(known).map(([type, ids]) => [type, new Set(ids)]));
  return {
    problems: [],
    failures: tested.ok ? tested.value.failures : tested.error,
    warnings: lintPolicies(loaded.value, entities),
    policies,
    tests: tested.ok ? tested.value.cases.length : 0,
  };
}

// The parent sends exactly this.
parentPort?.postMessage(answer(workerData as PolicyQuestion));
