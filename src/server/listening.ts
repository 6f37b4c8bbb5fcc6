import type { ListenAddress } from '#config';
import type { Cordon } from './start.ts';

/** One place at which Cordon hears. */
export interface Listening {
  readonly what: string;
  readonly address: string;
}

/** Every socket that Cordon listens on, with the ports in use, for whoever starts it. */
export function listeningOf({
  ports,
  services,
  front,
  metricsPort,
  controlSocket,
}: Pick<Cordon, 'ports' | 'front' | 'metricsPort' | 'controlSocket'> & {
  readonly services: Pick<Cordon['services'], 'configuration'>;
}): Listening[] {
  const { listen, forwardAuth, metrics } = services.configuration();
  return [
    ...at('http', listen.http, ports.http),
    ...at('tls', listen.tls, ports.tls),
    ...at('forward-auth', forwardAuth.http, front.askedAt.http),
    ...at('forward-auth grpc', forwardAuth.grpc, front.askedAt.grpc),
    ...at('metrics', metrics.listen, metricsPort),
    { what: 'control', address: controlSocket },
  ];
}

/** Nothing where nobody listens: what a reload has added waits for the next start. */
function at(what: string, address: ListenAddress | undefined, port: number | undefined): Listening[] {
  if (address === undefined || port === undefined) return [];
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return [{ what, address: `${host}:${port}` }];
}
