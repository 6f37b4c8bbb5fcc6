import { buildEvent, type OcsfEvent } from '#model';
import type { Turn } from './backend.ts';

/** The event of a server that got better or worse, or whose files cannot be used. */
export function turnEvent({ app, target, to, why }: Turn, time: number): OcsfEvent {
  const { hostname, port, origin } = target;
  const isGood = to === 'healthy';
  const what = to === 'files' ? 'keeps its old TLS files' : `is ${to}`;
  return buildEvent({
    class: 'networkActivity',
    activity: isGood ? 'open' : 'fail',
    time,
    message: `upstream ${origin} of ${app.name} ${what}: ${why}`.slice(0, 600),
    severity: isGood ? 'informational' : 'medium',
    status: isGood ? 'success' : 'failure',
    attributes: { dst_endpoint: { hostname, port, svc_name: app.id } },
    cordon: { upstream: { app: app.id, origin, turn: to, why: why.slice(0, 500) } },
  });
}
