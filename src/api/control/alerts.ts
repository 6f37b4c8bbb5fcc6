import type { CONTROL_ROUTES } from '#contract';
import type { Alert, TrustGraph } from '#model';
import { must } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type AlertView = Answer<(typeof CONTROL_ROUTES)['alerts']>['items'][number];

/** Detections a person should see. Monitor records the closing. */
export function alertRoutes({ graph, monitor }: ApiServices): Pick<Routes, 'alerts' | 'closeAlert'> {
  return {
    alerts: async ({ query }) => {
      const items = [...graph.all('alert')]
        .filter(({ status }) => query.status === 'all' || status === query.status)
        .sort((a, b) => b.lastAt - a.lastAt)
        .map((alert) => alertView(graph, alert));
      return await Promise.resolve({ items, total: items.length });
    },
    closeAlert: async ({ params, body, caller }) => {
      must(await monitor.closeAlert({ alertId: params.id, by: caller.actor, reason: body.reason }));
      return { ok: true };
    },
  };
}

function alertView(graph: TrustGraph, alert: Alert): AlertView {
  const { responded: _turns, closed: _closing, eventIds, response, ...rest } = alert;
  return {
    ...rest,
    subjectName: subjectName(graph, alert),
    eventIds: [...eventIds],
    ...(response === undefined ? {} : { response }),
  };
}

function subjectName(graph: TrustGraph, { subjectKind, subjectId }: Alert): string {
  switch (subjectKind) {
    case 'user':
      return graph.get('user', subjectId)?.email ?? subjectId;
    case 'device':
      return graph.get('device', subjectId)?.name ?? subjectId;
    case 'workload':
      return graph.get('workload', subjectId)?.name ?? subjectId;
    default:
      return subjectId;
  }
}
