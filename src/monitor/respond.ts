import { formatDuration } from '#base';
import type { Actor, Alert, ResponseRule, TrustGraph, Workload } from '#model';
import type { Store, StoreTransaction } from '#store';
import { HOUR } from './fields.ts';
import { subjectName } from './told.ts';

/** Subjects one response rule acts on within `LIMIT_MS`; further ones wait for a person. One bad rule must not cut off everything. */
const RESPONSE_LIMIT = 10;
/** The time `RESPONSE_LIMIT` counts in, milliseconds. */
const LIMIT_MS = HOUR;

/** One thing to do to the subject of an alert. */
export interface ResponseJob {
  readonly id: string;
  readonly responseId: string;
  /** Id of the detection. */
  readonly ruleId: string;
  readonly action: ResponseRule['action'];
  readonly mode: ResponseRule['mode'];
  readonly alertId: string;
  readonly subjectKind: Alert['subjectKind'];
  readonly subjectId: string;
  readonly reason: string;
}

/** What became of a job. */
export interface ResponseOutcome {
  readonly result: 'done' | 'dry-run' | 'refused' | 'failed';
  readonly what: string;
  readonly statusCode?: string;
}

/** What performing needs. */
export interface Means {
  readonly store: Pick<Store, 'transact' | 'read'>;
  readonly graph: TrustGraph;
  readonly quarantine: (order: {
    readonly workloadId: string;
    readonly by: Actor;
    readonly reason: string;
    readonly at: number;
  }) => Promise<unknown>;
  readonly isServer: (workload: Workload) => boolean;
}

/** The responses an alert asks for that have not had their turn on it. */
export function jobsFor(graph: TrustGraph, alert: Alert): ResponseJob[] {
  const jobs: ResponseJob[] = [];
  for (const { id, when, action, mode } of graph.all('responseRule')) {
    const key = turnOf({ responseId: id, mode });
    if (when !== alert.ruleId || action === 'alert-only' || alert.responded?.includes(key) === true) continue;
    const { id: alertId, ruleId, subjectKind, subjectId, detail } = alert;
    jobs.push({
      id: `${alertId}/${key}`,
      responseId: id,
      ruleId,
      action,
      mode,
      alertId,
      subjectKind,
      subjectId,
      reason: detail,
    });
  }
  return jobs;
}

/** How an alert remembers that a response had its turn. */
export function turnOf({ responseId, mode }: Pick<ResponseJob, 'responseId' | 'mode'>): string {
  return `${responseId}:${mode}`;
}

/** The alert with what a response did, or would have done. What was enforced is shown before what would have been. */
export function withResponse(alert: Alert, job: ResponseJob, at: number): Alert {
  if (job.mode === 'dry-run' && alert.response?.mode === 'enforce') return alert;
  return { ...alert, response: { rule: job.responseId, action: job.action, mode: job.mode, at } };
}

/** Does what a job says, or says what it would do. Rejects when it may be tried again. */
export async function perform(means: Means, job: ResponseJob, now: number): Promise<ResponseOutcome> {
  const name = subjectName(means.graph, job.subjectKind, job.subjectId);
  const refusal = refusalOf(means, job, { name, now });
  if (refusal !== undefined) return refusal;
  const what = job.action === 'quarantine' ? `quarantine ${name}` : `end all sessions of ${name}`;
  if (job.mode === 'dry-run') return { result: 'dry-run', what: `would ${what}`, statusCode: 'dry-run' };
  const by: Actor = `rule:${job.responseId}`;
  if (job.action === 'quarantine') {
    await means.quarantine({ workloadId: job.subjectId, by, reason: job.reason, at: now });
    return { result: 'done', what: `quarantined ${name}` };
  }
  const ended = await means.store.transact(by, async (tx) => await endSessions(tx, job.subjectId));
  return { result: 'done', what: `ended ${ended} sessions of ${name}` };
}

function refusalOf(
  { graph, isServer }: Means,
  job: ResponseJob,
  { name, now }: { name: string; now: number },
): ResponseOutcome | undefined {
  const needs = job.action === 'quarantine' ? 'workload' : 'user';
  const refuse = (result: 'refused' | 'failed', what: string, statusCode: string): ResponseOutcome => {
    return { result, what: `did not act on ${name}: ${what}`, statusCode };
  };
  if (job.subjectKind !== needs) return refuse('refused', `${job.action} is for a ${needs}`, 'response-not-applicable');
  if (needs === 'workload') {
    const workload = graph.get('workload', job.subjectId);
    if (workload === undefined) return refuse('failed', 'it is not there any more', 'subject-gone');
    if (isServer(workload)) return refuse('refused', 'this server runs on it', 'quarantine-of-server');
    if (workload.quarantine !== undefined) return refuse('refused', 'it is quarantined already', 'already-quarantined');
  }
  if (job.mode === 'dry-run' || enforcedLately(graph, job, now) < RESPONSE_LIMIT) return undefined;
  const limit = `this rule acted ${RESPONSE_LIMIT} times within ${formatDuration(LIMIT_MS)}; a person has to decide`;
  return refuse('failed', limit, 'response-limit');
}

function enforcedLately(graph: TrustGraph, { responseId }: ResponseJob, now: number): number {
  let count = 0;
  for (const { response } of graph.all('alert')) {
    if (response?.rule === responseId && response.mode === 'enforce' && now - response.at < LIMIT_MS) count++;
  }
  return count;
}

/** Deletes the sessions of a user and what hangs on them. Returns how many sessions there were. */
async function endSessions(tx: StoreTransaction, userId: string): Promise<number> {
  const sessions = (await tx.list('session')).filter((session) => session.userId === userId);
  const ids = new Set(sessions.map(({ id }) => id));
  for (const { id, sessionId } of await tx.list('appSession'))
    if (ids.has(sessionId)) await tx.delete('appSession', id);
  for (const id of ids) await tx.delete('session', id);
  return ids.size;
}
