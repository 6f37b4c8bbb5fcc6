import type { Socket } from 'node:net';
import type { Clock, Problem, Result } from '#base';
import type { Actor, Device, OcsfEvent, TrustGraph } from '#model';
import type { Store } from '#store';
import type { EnrolRequest, HostProgram, Instruction, IssuedIdentity, RenewRequest, Report } from '#wire';
import type { Authority } from './authority.ts';

/** What the devices area works with. */
export interface DevicesOptions {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: { append(event: OcsfEvent): Promise<unknown> };
  readonly clock: Clock;
  readonly authority: Authority;
  /** Name in the certificate of the agent host, `agent.<domain>`; part of every enrolment token. */
  readonly serverName: string;
  /** The firewall program of a workload as of now; undefined when there is none. Segmentation has a higher rank, so it comes from outside. */
  readonly programFor: (workloadId: string) => HostProgram | undefined;
}

/** Enrolled devices and their agents. Refusals are `err` with a code of the error reference. */
export interface Devices {
  /** Makes a single-use enrolment token that lives an hour. `token` is the one word of `formatEnrolmentToken`. */
  issueToken(input: {
    readonly name?: string;
    /** The person the device belongs to; absent for servers. `err`: `user-unknown`. */
    readonly ownerId?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly by: Actor;
  }): Promise<Result<{ readonly token: string; readonly expiresAt: number }, Problem>>;
  /** Turns a token and a CSR into a device, its workload and its certificate. `err`: `enrolment-token-invalid`, `csr-invalid`. */
  enrol(request: EnrolRequest, peer: { readonly address: string }): Promise<Result<IssuedIdentity, Problem>>;
  /** The next certificate for the same key. `err`: `csr-invalid`, `device-revoked`, `device-key-changed`. */
  renew(device: Device, request: RenewRequest): Promise<Result<IssuedIdentity, Problem>>;
  /** Verifies, judges and keeps a report; answers with what the agent is to do. */
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
  /** The active device behind the client certificate of a TLS connection, or undefined. */
  deviceOf(socket: Socket): Device | undefined;
  /** Removes tokens and replay memory that have expired. Call it about once a minute. */
  sweep(): Promise<void>;
  /** Ends all waits. */
  close(): void;
}

/** Makes the devices area. */
export function createDevices(options: DevicesOptions): Devices {
  throw new Error(`not built yet: ${typeof options}`);
}
