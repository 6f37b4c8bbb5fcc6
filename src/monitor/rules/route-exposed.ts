import { HOUR, listed, shortened, textAt, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = HOUR;

/** Cordon's own probes found a way to an app that leads past the decision. */
export const routeExposed: DetectionRule = {
  id: 'route-exposed',
  title: 'An app is open to everybody',
  severity: 'critical',
  description:
    'Cordon asked itself for an app as somebody who may not see it, and something else than Cordon answered. The way that is named leads past every policy: take the app off the network until it is closed, then see in the journal of the app who used it.',
  attack: 'T1190',
  counts: 'probes of one app that something else than Cordon answered',
  windowMs,
  threshold: 1,
  subjectKind: 'system',
  falsePositives:
    'Something between Cordon and itself that answers in its place: a local firewall that shows a page of its own, or another program on the address of the listener.',
  classes: ['httpActivity'],
  match(event) {
    if (event.status_code !== 'route-exposed') return undefined;
    const kind = textAt(event, 'unmapped', 'cordon', 'probe', 'kind');
    const host = textAt(event, 'dst_endpoint', 'hostname');
    if (kind === undefined || host === undefined) return undefined;
    const subjectId = textAt(event, 'unmapped', 'cordon', 'probe', 'app') ?? host;
    return { key: subjectId, subjectId, value: event.metadata.uid };
  },
  detail({ subjectId, values, event }) {
    const host = textAt(event, 'dst_endpoint', 'hostname') ?? subjectId;
    const what =
      textAt(event, 'unmapped', 'cordon', 'probe', 'detail') ?? 'a probe was answered by something else than Cordon';
    const more = values.length === 1 ? '' : `; ${values.length} such answers ${within(windowMs)}`;
    return `${listed([host])} (${shortened(subjectId)}): ${what.slice(0, 300)}${more}`;
  },
};
