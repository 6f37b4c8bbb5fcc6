import { buildEvent, type OcsfEvent } from '#model';
import type { Turn } from './backend.ts';

/** The event of a server that got better or worse. */
export function turnEvent({ app, target, isHealthy, why }: Turn, time: number): OcsfEvent {
  const { hostname, port, origin } = target;
  return buildEvent({
    class: 'networkActivity',
    activity: isHealthy ? 'open' : 'fail',
    time,
    message: `upstream ${origin} of ${app.name} is ${isHealthy ? 'healthy' : 'unhealthy'}: ${why}`.slice(0, 600),
    severity: isHealthy ? 'informational' : 'medium',
    status: isHealthy ? 'success' : 'failure',
    attributes: { dst_endpoint: { hostname, port, svc_name: app.id } },
    cordon: { upstream: { app: app.id, origin, isHealthy, why: why.slice(0, 500) } },
  });
}
