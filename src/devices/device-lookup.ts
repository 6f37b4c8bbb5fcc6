import type { Socket } from 'node:net';
import type { Clock } from '#base';
import type { Device, TrustGraph } from '#model';
import { ClientCertificates } from './client-certificate.ts';

/** What a device is found in. */
export interface DeviceLookup {
  readonly graph: TrustGraph;
  readonly clock: Clock;
}

/**
 * The active device behind a connection's certificate. What was `openedAs` a device stays its own while another certificate for the same
 * key has taken the place of the one that was shown, until that ends: to renew must cut nothing.
 */
export function deviceOf(
  certificates: ClientCertificates,
  { graph, clock }: DeviceLookup,
  { socket, openedAs }: { readonly socket: Socket; readonly openedAs?: string | undefined },
): Device | undefined {
  const certificate = certificates.of(socket);
  if (certificate?.isAuthorized !== true) return undefined;
  const now = clock.now();
  // The handshake may be long ago: connections outlive certificates.
  if (now < certificate.notBefore || now >= certificate.notAfter) return undefined;
  const renewed =
    openedAs !== undefined && openedAs === certificate.deviceId ? graph.get('device', openedAs) : undefined;
  const hasSameKey = renewed?.keyThumbprint === certificate.keyThumbprint;
  const device = graph.deviceByCertificate(certificate.thumbprint) ?? (hasSameKey ? renewed : undefined);
  return device?.status === 'active' ? device : undefined;
}

/** `devices.deviceOf` for a process that has a replica of the graph and the certificate of the `authority` (PEM), but not its key. */
export function createDeviceLookup(
  options: DeviceLookup & { readonly authority: string },
): (socket: Socket, openedAs?: string) => Device | undefined {
  const certificates = new ClientCertificates(options.authority);
  return (socket, openedAs) => deviceOf(certificates, options, { socket, openedAs });
}
