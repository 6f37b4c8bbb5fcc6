import { hashToken } from '#base';
import type { Alert, TrustGraph } from '#model';
import type { StoreTransaction } from '#store';
import type { Detection } from './engine.ts';
import { HOUR, listed } from './fields.ts';
import type { RuleSummary } from './rule.ts';

/** Open alerts of one rule. Beyond, evidence goes to one alert for all other subjects, so that nobody can fill the store with alerts. */
export const OPEN_ALERTS_PER_RULE = 200;
/** Closed alerts are kept this long, milliseconds. */
const CLOSED_ALERTS_KEPT_MS = 90 * 24 * HOUR;
/** Closed alerts kept at most; the longest closed are removed first. */
const CLOSED_ALERTS_KEPT = 1000;

const EVIDENCE = 20;

/** Subject of the alert that gathers what has no place of its own. */
const OVERFLOW = 'others';

/** What was detected about one subject by one rule and is not written yet. */
export interface Pending {
  readonly rule: RuleSummary;
  readonly subjectKind: Alert['subjectKind'];
  readonly subjectId: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** Newest last, at most as many as an alert holds. */
  readonly eventIds: readonly string[];
  /** The first of the evidence, ever; with rule and subject it names the alert. */
  readonly firstEventId: string;
  readonly detail: string;
}

/** A detection as something to be written. */
export function pendingOf(detection: Detection): Pending {
  const { rule, subjectId, firstAt, lastAt, eventIds, detail } = detection;
  return {
    rule,
    subjectKind: rule.subjectKind,
    subjectId,
    firstAt,
    lastAt,
    count: eventIds.length,
    eventIds: eventIds.slice(-EVIDENCE),
    firstEventId: eventIds[0] ?? '',
    detail,
  };
}

/** Detections of one rule and subject are one. */
export function pendingKey({ rule, subjectKind, subjectId }: Pending): string {
  return JSON.stringify([rule.id, subjectKind, subjectId]);
}

/** Joins two of the same key; `later` was detected after `earlier`. */
export function joined(earlier: Pending, later: Pending): Pending {
  return {
    ...later,
    firstAt: Math.min(earlier.firstAt, later.firstAt),
    lastAt: Math.max(earlier.lastAt, later.lastAt),
    count: earlier.count + later.count,
    eventIds: [...earlier.eventIds, ...later.eventIds].slice(-EVIDENCE),
    firstEventId: earlier.firstEventId,
  };
}

/** Where detections go that found no place of their own: one for all subjects of the rule. */
export function overflowOf(pending: Pending): Pending {
  const name = listed([pending.subjectId]);
  return {
    ...pending,
    subjectKind: 'system',
    subjectId: OVERFLOW,
    detail: `too many subjects at once for an alert each; last ${name}: ${pending.detail}`,
  };
}

/** The open alert of a rule about a subject. */
export function openAlert(graph: TrustGraph, pending: Pending): Alert | undefined {
  for (const alert of graph.all('alert')) {
    if (alert.status === 'open' && isAbout(alert, pending)) return alert;
  }
  return undefined;
}

function isAbout(alert: Alert, { rule, subjectKind, subjectId }: Pending): boolean {
  return alert.ruleId === rule.id && alert.subjectKind === subjectKind && alert.subjectId === subjectId;
}

/** How many open alerts each rule has. */
export function openCounts(graph: TrustGraph): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status, ruleId } of graph.all('alert')) {
    if (status === 'open') counts.set(ruleId, (counts.get(ruleId) ?? 0) + 1);
  }
  return counts;
}

/** Opens an alert or adds to the open one. `unchanged` when all of the evidence has led to an alert that a person has closed. */
export async function writeAlert(
  tx: StoreTransaction,
  pending: Pending,
  openId: string | undefined,
): Promise<{ readonly alert: Alert; readonly outcome: 'opened' | 'extended' | 'unchanged' }> {
  // The same evidence gives the same id, so that what is judged twice (after a crash) does not become two alerts.
  const id = openId ?? `alr_${hashToken(`${pendingKey(pending)} ${pending.firstEventId}`).slice(0, 26)}`;
  const present = await tx.get('alert', id);
  if (present?.status === 'closed') return { alert: present, outcome: 'unchanged' };
  if (present !== undefined && pending.eventIds.every((eventId) => present.eventIds.includes(eventId))) {
    return { alert: present, outcome: 'unchanged' };
  }
  const { rule, subjectKind, subjectId, firstAt, lastAt, count, eventIds, detail } = pending;
  const alert: Alert =
    present === undefined
      ? {
          id,
          ruleId: rule.id,
          title: rule.title,
          severity: rule.severity,
          subjectKind,
          subjectId,
          detail,
          firstAt,
          lastAt,
          count,
          status: 'open',
          eventIds,
        }
      : {
          ...present,
          detail,
          firstAt: Math.min(present.firstAt, firstAt),
          lastAt: Math.max(present.lastAt, lastAt),
          count: present.count + count,
          eventIds: [...new Set([...present.eventIds, ...eventIds])].slice(-EVIDENCE),
        };
  await tx.put('alert', alert);
  return { alert, outcome: present === undefined ? 'opened' : 'extended' };
}

/** Ids of closed alerts that are kept no longer. */
export function outdatedAlerts(graph: TrustGraph, now: number): readonly string[] {
  const closed = [...graph.all('alert')]
    .filter(({ status }) => status === 'closed')
    .map(({ id, closed: end, lastAt }) => ({ id, at: end?.at ?? lastAt }))
    .sort((a, b) => b.at - a.at);
  return closed
    .filter(({ at }, index) => index >= CLOSED_ALERTS_KEPT || now - at > CLOSED_ALERTS_KEPT_MS)
    .map(({ id }) => id);
}
