/**
 * The thread that checks and replays policies for one question and ends. Both can take seconds of computing, which must not stand in the
 * way of the gateway in the same process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Problem } from '#base';
import { type JournalledDecision, loadPolicies, replay, type ReplayReport } from '#policy';

/** What the thread is asked. */
export interface PolicyQuestion {
  readonly texts: Readonly<Record<string, string>>;
  /** Present for a replay. */
  readonly records?: readonly JournalledDecision[];
}

/** What it answers. */
export interface PolicyAnswer {
  /** Why the policies cannot be loaded; empty when they can. */
  readonly problems: readonly Problem[];
  /** How many there are, without the built-in ones. */
  readonly policies: number;
  readonly report?: ReplayReport;
}

function answer({ texts, records }: PolicyQuestion): PolicyAnswer {
  const loaded = loadPolicies({ texts, version: 0 });
  if (!loaded.ok) return { problems: loaded.error, policies: 0 };
  const policies = loaded.value.policies.filter(({ builtin }) => !builtin).length;
  if (records === undefined) return { problems: [], policies };
  return { problems: [], policies, report: replay({ records, candidate: loaded.value }) };
}

// The parent sends exactly this.
parentPort?.postMessage(answer(workerData as PolicyQuestion));
