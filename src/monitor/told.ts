import type { Json } from '#base';
import { type Actor, type Alert, buildEvent, type OcsfEvent, type RiskLevel, type TrustGraph } from '#model';
import { userName, workloadName } from './fields.ts';
import type { ResponseJob } from './respond.ts';
import type { RuleSummary } from './rule.ts';

// OCSF 1.8 status_id of findings
const FINDING_STATUS = { new: 1, resolved: 4 } as const;
const RULE_ANALYTIC = 1; // OCSF 1.8 analytic.type_id

/** What people call the subject of an alert. */
export function subjectName(graph: TrustGraph, kind: Alert['subjectKind'], id: string): string {
  if (kind === 'user') return userName(graph, id);
  if (kind === 'workload') return workloadName(graph, id);
  if (kind === 'device') return graph.get('device', id)?.name ?? id;
  return id;
}

/** An alert that was opened, has more evidence, or was closed, as a Detection Finding (OCSF 2004). */
export function findingEvent(
  alert: Alert,
  input: {
    readonly activity: 'create' | 'update' | 'close';
    readonly rule: RuleSummary | undefined;
    readonly time: number;
    readonly by?: Actor;
  },
): OcsfEvent {
  const { activity, rule, time, by } = input;
  const verb = { create: 'alert', update: 'more evidence', close: 'alert closed' }[activity];
  return buildEvent({
    class: 'detectionFinding',
    activity,
    time,
    message: `${verb}: ${alert.title}: ${alert.detail}`,
    severity: activity === 'close' ? 'informational' : alert.severity,
    attributes: {
      status_id: activity === 'close' ? FINDING_STATUS.resolved : FINDING_STATUS.new,
      is_alert: true,
      count: alert.count,
      finding_info: {
        uid: alert.id,
        title: alert.title,
        desc: alert.detail,
        first_seen_time: alert.firstAt,
        last_seen_time: alert.lastAt,
        analytic: { uid: alert.ruleId, name: alert.title, type_id: RULE_ANALYTIC },
        related_events: alert.eventIds.map((uid) => ({ uid })),
        ...(rule?.attack === undefined ? {} : { attacks: [attackOf(rule.attack)] }),
      },
      ...subjectAttributes(alert),
      ...(by === undefined ? {} : { actor: { user: { uid: by } } }),
      ...(alert.closed === undefined ? {} : { comment: alert.closed.reason }),
    },
    cordon: {
      alertId: alert.id,
      ruleId: alert.ruleId,
      subjectKind: alert.subjectKind,
      subjectId: alert.subjectId,
      evidence: [...alert.eventIds],
    },
  });
}

function attackOf(technique: string): Json {
  const [parent = technique] = technique.split('.');
  return { technique: { uid: parent }, ...(parent === technique ? {} : { sub_technique: { uid: technique } }) };
}

function subjectAttributes({ subjectKind, subjectId }: Alert): { readonly [attribute: string]: Json } {
  if (subjectKind === 'user') return { user: { uid: subjectId } };
  if (subjectKind === 'address') return { src_endpoint: { ip: subjectId } };
  if (subjectKind === 'device') return { device: { uid: subjectId } };
  return subjectKind === 'workload' ? { resources: [{ uid: subjectId, type: 'workload' }] } : {};
}

/** A subject whose risk rose, fell or was cleared, as Entity Management (OCSF 3004). */
export function riskEvent(input: {
  readonly subject: { readonly kind: 'user' | 'device' | 'workload'; readonly id: string; readonly name: string };
  readonly before: RiskLevel;
  readonly after: RiskLevel;
  readonly score: number;
  readonly time: number;
  readonly why: string;
  readonly by?: Actor;
}): OcsfEvent {
  const { subject, before, after, time, why, by } = input;
  const score = Math.round(input.score * 10) / 10;
  const change = before === after ? `stays ${after}` : `${before} -> ${after}`;
  return buildEvent({
    class: 'entityManagement',
    activity: 'update',
    time,
    message: `risk of ${subject.name} ${change}: ${why}`,
    severity: after === 'high' ? 'high' : after === 'medium' ? 'medium' : 'informational',
    status: 'success',
    attributes: {
      entity: { uid: subject.id, name: subject.name, type: subject.kind },
      risk_score: score,
      comment: why,
      actor: { user: { uid: by ?? 'system' } },
    },
    cordon: { risk: { subjectKind: subject.kind, subjectId: subject.id, before, after, score } },
  });
}

/** What a response rule did, did not do, or would have done: Remediation (OCSF 7001) or Network Remediation (7004). */
export function responseEvent(
  job: ResponseJob,
  outcome: {
    readonly what: string;
    readonly result: 'done' | 'dry-run' | 'refused' | 'failed';
    /** Why it was not done; `docs/reference/detections.md` lists them. */
    readonly statusCode?: string;
    readonly time: number;
  },
): OcsfEvent {
  const isNetwork = job.action === 'quarantine';
  const { what, result, statusCode, time } = outcome;
  return buildEvent({
    class: isNetwork ? 'networkRemediation' : 'remediation',
    activity: isNetwork ? 'isolate' : 'evict',
    time,
    message: `response \`${job.responseId}\`: ${what}`,
    severity: result === 'failed' ? 'high' : result === 'done' ? 'medium' : 'informational',
    status: result === 'done' ? 'success' : result === 'dry-run' ? 'unknown' : 'failure',
    ...(statusCode === undefined ? {} : { statusCode }),
    attributes: { command_uid: job.id, ...(isNetwork ? { connection_info: { direction_id: 0 } } : {}) },
    cordon: {
      response: {
        rule: job.responseId,
        detection: job.ruleId,
        action: job.action,
        mode: job.mode,
        result,
        alertId: job.alertId,
        subjectKind: job.subjectKind,
        subjectId: job.subjectId,
      },
    },
  });
}

/** Something the monitor could not do, as a finding about itself. */
export function troubleEvent(input: {
  /** What kind of trouble; `docs/reference/detections.md` lists them. */
  readonly trouble: string;
  readonly message: string;
  readonly time: number;
}): OcsfEvent {
  const { trouble, message, time } = input;
  return buildEvent({
    class: 'detectionFinding',
    activity: 'create',
    time,
    message: `monitoring: ${message}`,
    severity: 'high',
    statusCode: trouble,
    attributes: { status_id: FINDING_STATUS.new, is_alert: false, finding_info: { uid: trouble, title: message } },
    cordon: { trouble },
  });
}
