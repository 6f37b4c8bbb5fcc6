import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ListenAddress } from '#config';
import { SERVER_OPTIONS } from '#gateway';
import { endServer, listenOn } from '../listen-on.ts';
import type { Log } from '../log.ts';
import { measure, type Measured, type Metrics } from './collect.ts';
import { exposition, EXPOSITION_TYPE } from './exposition.ts';

/** Where metrics are shown. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Measures and shows what `metrics.listen` asks for; undefined: nothing, and nothing is measured. */
export async function startMetrics(
  address: ListenAddress | undefined,
  { log, ...measured }: Measured & { readonly log: Log },
): Promise<MetricsServer | undefined> {
  if (address === undefined) return undefined;
  const metrics = measure(measured);
  try {
    return await serveMetrics(address, metrics, log);
  } catch (cause) {
    metrics.close();
    throw cause;
  }
}

/** Shows metrics at `/metrics`, over plain HTTP to whoever reaches the address. Throws as `listenOn` does. */
async function serveMetrics(address: ListenAddress, metrics: Metrics, log: Log): Promise<MetricsServer> {
  const answer = async ({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url !== '/metrics') response.writeHead(404).end();
    else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else {
      const text = exposition(await metrics.collect());
      response.writeHead(200, { 'content-type': EXPOSITION_TYPE, 'cache-control': 'no-store' }).end(text);
    }
  };
  const server = createServer({ ...SERVER_OPTIONS, requestTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch((err: unknown) => {
      log.error({ err }, 'metrics could not be collected');
      response.destroy();
    });
  });
  const port = await listenOn(server, address);
  return {
    port,
    close: async () => {
      metrics.close();
      await endServer(server);
    },
  };
}
