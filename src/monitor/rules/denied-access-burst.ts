import { HOUR, listed, MINUTE, textAt, userName, within } from '../fields.ts';
import type { DetectionRule } from '../rule.ts';

const windowMs = 5 * MINUTE;
const REFUSALS: ReadonlySet<string | undefined> = new Set(['no-permit', 'forbidden']);

/** A signed-in person, or whoever has the session, looks for what is open. */
export const deniedAccessBurst: DetectionRule = {
  id: 'denied-access-burst',
  title: 'Looking for what is open',
  severity: 'medium',
  description:
    'One person was refused by policy at many different apps in a short time. Whoever took over a session looks around like this.',
  attack: 'T1526',
  counts: 'apps that policy refused to one person',
  windowMs,
  threshold: 6,
  subjectKind: 'user',
  risk: { score: 35, halfLifeMs: HOUR },
  falsePositives: 'A new colleague who opens every bookmark, or a portal page that loads something of every app.',
  classes: ['httpActivity'],
  match(event, { graph }) {
    if (!REFUSALS.has(event.status_code)) return undefined;
    const userId = textAt(event, 'actor', 'user', 'uid') ?? textAt(event, 'user', 'uid');
    const host = textAt(event, 'http_request', 'url', 'hostname') ?? textAt(event, 'dst_endpoint', 'hostname');
    const app = host === undefined ? undefined : graph.appByHost(host);
    if (userId === undefined || app === undefined) return undefined;
    return { key: userId, subjectId: userId, value: app.id };
  },
  detail: ({ subjectId, values, graph }) =>
    `policy refused ${userName(graph, subjectId)} at ${values.length} apps ${within(windowMs)}: ${listed(
      values.map((id) => graph.get('app', id)?.name ?? id),
    )}`,
};
