import type { Socket } from 'node:net';
import { err, ok, type Problem, type Result } from '#base';
import type { Actor, Device } from '#model';
import type { EnrolRequest, Instruction, IssuedIdentity, RenewRequest, Report } from '#wire';
import { ClientCertificates } from './client-certificate.ts';
import { deviceOf } from './device-lookup.ts';
import type { DevicesContext, DevicesOptions } from './context.ts';
import { DeviceMemories } from './device-memory.ts';
import { enrol, issueToken, renew, revoke, revokedProblem, sweepEnrolment } from './enrolment.ts';
import { HostWorkloads } from './host-workloads.ts';
import { nextInstruction } from './instructions.ts';
import { ProgramWatch } from './program-watch.ts';
import { handleReport } from './reports.ts';

/** How long after its end a certificate still renews itself: a laptop that was shut for the holidays. */
export const RENEWAL_GRACE_MS: number = 14 * 86_400_000;

/** Enrolled devices and their agents. Refusals are `err` with a code of the error reference. */
export interface Devices {
  /** Makes a single-use enrolment token that lives an hour. `token` is the one word of `formatEnrolmentToken`. */
  issueToken(input: {
    readonly name?: string;
    /** The person the device belongs to; absent for servers. `err`: `user-unknown`, `user-disabled`. */
    readonly ownerId?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly by: Actor;
  }): Promise<Result<{ readonly token: string; readonly expiresAt: number }, Problem>>;
  /** Turns a token and a CSR into a device, its workload and its certificate. `err`: `enrolment-token-invalid`, `csr-invalid`. */
  enrol(request: EnrolRequest, peer: { readonly address: string }): Promise<Result<IssuedIdentity, Problem>>;
  /** The next certificate for the same key. `err`: `csr-invalid`, `device-revoked`, `device-key-changed`. */
  renew(device: Device, request: RenewRequest): Promise<Result<IssuedIdentity, Problem>>;
  /**
   * Verifies, judges and keeps a report; answers with what the agent is to do. `err`: `device-revoked`, `device-unknown`,
   * `posture-invalid`, `posture-stale`, `posture-replayed`.
   */
  report(device: Device, report: Report): Promise<Result<Instruction, Problem>>;
  /** Waits until the agent's program is another than `have`, or the signal aborts, and says what the agent is to do then. */
  nextInstruction(
    device: Device,
    input: { readonly have: string | undefined; readonly signal: AbortSignal },
  ): Promise<Instruction>;
  /** Revokes a device: it may neither connect nor be counted as known from now on. `err`: `device-unknown`. */
  revoke(input: {
    readonly deviceId: string;
    readonly by: Actor;
    readonly reason: string;
  }): Promise<Result<void, Problem>>;
  /**
   * The active device behind the client certificate of a TLS connection, or undefined. What is open and was `openedAs` a device (its id)
   * outlives the renewal of the certificate that it showed, and ends with it.
   */
  deviceOf(socket: Socket, openedAs?: string): Device | undefined;
  /**
   * The active device that may renew over this connection, and nothing else: also with a certificate that was replaced (the answer to
   * renewing was lost) or has expired at most `RENEWAL_GRACE_MS` ago. What counts is that the handshake has proven the key that the
   * device was enrolled with. `err`: `device-unknown`, `device-revoked`, `certificate-outdated`.
   */
  renewerOf(socket: Socket): Result<Device, Problem>;
  /** Removes tokens and replay memory that have expired. Call it about once a minute. */
  sweep(): Promise<void>;
  /** Ends all waits. */
  close(): void;
}

/** Makes the devices area. */
export function createDevices(options: DevicesOptions): Devices {
  const { graph, authority } = options;
  const context: DevicesContext = {
    ...options,
    memories: new DeviceMemories(options),
    workloads: new HostWorkloads(graph),
    watch: new ProgramWatch(graph),
  };
  const certificates = new ClientCertificates(authority.certificate);
  return {
    issueToken: async (input) => await issueToken(context, input),
    enrol: async (request, peer) => await enrol(context, request, peer),
    renew: async (device, request) => await renew(context, device, request),
    report: async (device, report) => await handleReport(context, device, report),
    nextInstruction: async (device, input) => await nextInstruction(context, device, input),
    revoke: async (input) => await revoke(context, input),
    deviceOf: (socket, openedAs) => deviceOf(certificates, context, { socket, openedAs }),
    renewerOf: (socket) => renewerOf(certificates, context, socket),
    sweep: async () => {
      context.memories.sweep();
      await sweepEnrolment(context);
    },
    close: () => {
      context.watch.close();
      context.workloads.close();
    },
  };
}

function renewerOf(
  certificates: ClientCertificates,
  { graph, clock }: DevicesContext,
  socket: Socket,
): Result<Device, Problem> {
  const certificate = certificates.of(socket);
  const device = certificate?.deviceId === undefined ? undefined : graph.get('device', certificate.deviceId);
  if (certificate === undefined || device === undefined || device.keyThumbprint !== certificate.keyThumbprint) {
    return err({
      code: 'device-unknown',
      message: 'there is no certificate of an enrolled device on this connection',
      hint: 'enrol the host with `cordon agent enrol`',
    });
  }
  if (device.status !== 'active') return err(revokedProblem(device));
  if (clock.now() >= certificate.notAfter + RENEWAL_GRACE_MS) {
    return err({
      code: 'certificate-outdated',
      message: `the certificate of \`${device.name}\` expired too long ago to be renewed`,
      hint: 'enrol the host again with `cordon agent enrol`',
    });
  }
  return ok(device);
}
