import type { Socket } from 'node:net';
import type { Clock } from '#base';
import type { Device, TrustGraph } from '#model';
import { ClientCertificates } from './client-certificate.ts';

/** What a device is found in. */
export interface DeviceLookup {
  readonly graph: TrustGraph;
  readonly clock: Clock;
}

/** The active device behind a connection's certificate. */
export function deviceOf(
  certificates: ClientCertificates,
  { graph, clock }: DeviceLookup,
  socket: Socket,
): Device | undefined {
  const certificate = certificates.of(socket);
  if (certificate?.isAuthorized !== true) return undefined;
  const now = clock.now();
  // The handshake may be long ago: connections outlive certificates.
  if (now < certificate.notBefore || now >= certificate.notAfter) return undefined;
  const device = graph.deviceByCertificate(certificate.thumbprint);
  return device?.status === 'active' ? device : undefined;
}

/** `devices.deviceOf` for a process that has a replica of the graph and the certificate of the `authority` (PEM), but not its key. */
export function createDeviceLookup(
  options: DeviceLookup & { readonly authority: string },
): (socket: Socket) => Device | undefined {
  const certificates = new ClientCertificates(options.authority);
  return (socket) => deviceOf(certificates, options, socket);
}
