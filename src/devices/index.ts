/**
 * devices: which hosts there are, that they are who they say, and whether they are well.
 *
 * Owns the certificate authority, enrolment tokens, device certificates, the judgement of signed posture, the workload that stands for an
 * enrolled host, and what an agent is told to do. Never believes a host's own opinion of its health, never lets a host choose its
 * labels, and never gives a certificate without a proof of the key.
 */
export { type Authority, createAuthority, type DeviceCertificate, type ServerCertificate } from './authority.ts';
export type { DevicesOptions } from './context.ts';
export { createDeviceLookup } from './device-lookup.ts';
export { createDevices, type Devices } from './devices.ts';
