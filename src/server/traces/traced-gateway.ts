import type { Clock } from '#base';
import type { Configuration } from '#config';
import type { Gateway, Tracer } from '#gateway';
import type { Log } from '../log.ts';
import { createTraceExporter } from './exporter.ts';

/** Makes a gateway whose requests are traced as configured; what has gathered is sent when it closes. Each process sends its own. */
export function tracedGateway(
  { endpoint, sample }: Configuration['traces'],
  { version, ...parts }: { readonly version: string; readonly clock: Clock; readonly log: Log },
  make: (tracer: { readonly tracer?: Tracer }) => Gateway,
): Gateway {
  if (endpoint === undefined) return make({});
  const tracer = createTraceExporter({ endpoint, sample }, { ...parts, resource: { version, pid: process.pid } });
  const gateway = make({ tracer });
  return {
    ...gateway,
    close: async () => {
      await gateway.close();
      await tracer.close();
    },
    drain: async (graceMs) => {
      await gateway.drain(graceMs);
      await tracer.close();
    },
  };
}
