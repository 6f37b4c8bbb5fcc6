import type { OcsfEvent, Workload } from '#model';
import { HOUR, listed, MINUTE, textAt, valueAt, within, workloadName } from '../fields.ts';
import type { DetectionRule, Facts } from '../rule.ts';

const windowMs = 10 * MINUTE;
const DENIED = 2; // OCSF 1.8 action_id
const BLOCKED = 2; // OCSF 1.8 disposition_id

/** A workload tries what no policy allows, at many others. */
export const portProbe: DetectionRule = {
  id: 'port-probe',
  title: 'Probing of forbidden ports',
  severity: 'high',
  description:
    'The firewalls of many workloads, or its own, refused what one workload tried on others. Whoever took it over is looking for a way on.',
  attack: 'T1046',
  counts: 'other workloads that one workload was refused at, reported by one of the two ends',
  windowMs,
  threshold: 5,
  subjectKind: 'workload',
  risk: { score: 85, halfLifeMs: 4 * HOUR },
  falsePositives:
    'A scanner of your own, a monitoring server that no policy permits, or a policy that was just made stricter. On a network where source addresses can be forged, a probe can be made to look like somebody else’s.',
  classes: ['networkActivity'],
  match(event, facts) {
    if (event.action_id !== DENIED && valueAt(event, 'disposition_id') !== BLOCKED) return undefined;
    const from = endOf(event, 'src_endpoint', facts);
    const to = endOf(event, 'dst_endpoint', facts);
    if (from === undefined || to === undefined || from.id === to.id) return undefined;
    // INVARIANT: one agent that lies can put at most itself on the list of those who were probed. Otherwise a single host that was
    // taken over could have any other one quarantined.
    const reporter = reporterOf(event, facts);
    if (reporter !== from.id && reporter !== to.id) return undefined;
    // What a quarantine refuses is no probe: the monitoring server that misses five quarantined hosts must not be next.
    if (from.quarantine !== undefined || to.quarantine !== undefined) return undefined;
    return { key: from.id, subjectId: from.id, value: to.id };
  },
  detail: ({ subjectId, values, graph }) =>
    `${workloadName(graph, subjectId)} was refused at ${values.length} other workloads ${within(windowMs)}: ${listed(
      values.map((id) => workloadName(graph, id)),
    )}`,
};

function endOf(event: OcsfEvent, end: 'src_endpoint' | 'dst_endpoint', facts: Facts): Workload | undefined {
  for (const name of ['uid', 'instance_uid']) {
    const workload = facts.graph.get('workload', textAt(event, end, name) ?? '');
    if (workload !== undefined) return workload;
  }
  const address = textAt(event, end, 'ip');
  return address === undefined ? undefined : facts.workloadAt(address);
}

/** The workload whose agent said so: named by its own id or by its device's. */
function reporterOf(event: OcsfEvent, { graph }: Facts): string | undefined {
  const named =
    textAt(event, 'unmapped', 'cordon', 'reporter') ??
    textAt(event, 'unmapped', 'cordon', 'workloadId') ??
    textAt(event, 'unmapped', 'cordon', 'workload');
  if (named !== undefined && graph.get('workload', named) !== undefined) return named;
  const deviceId = textAt(event, 'device', 'uid');
  if (deviceId === undefined) return undefined;
  for (const workload of graph.all('workload')) if (workload.deviceId === deviceId) return workload.id;
  return undefined;
}
