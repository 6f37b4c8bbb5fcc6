import type { Json } from '#base';
import type { Posture } from '#model';
import type { Facts } from './facts.ts';

/** Sizes the peers hold each other to. A message beyond them is refused, not cut. */
export const WIRE_LIMITS = {
  /** Bytes of a body. */
  enrolBytes: 64 * 1024,
  renewBytes: 16 * 1024,
  reportBytes: 1024 * 1024,
  instructionBytes: 8 * 1024 * 1024,
  /** Entries of a report. */
  deniedFlows: 500,
  addresses: 64,
  packages: 50,
  mounts: 256,
  inputChains: 256,
  checks: 16,
} as const;

/** `typ` of the signed posture (RFC 7515, section 4.1.9). */
export const POSTURE_TYPE = 'cordon-posture+jwt';

/** Asks for a device identity. `token` is the secret out of the enrolment token; `csr` is PKCS#10 in PEM. */
export interface EnrolRequest {
  readonly wire: number;
  readonly token: string;
  readonly csr: string;
  readonly hostname: string;
  readonly facts: Facts;
  readonly addresses: readonly string[];
}

/** Asks for the next certificate, with the current one in the TLS handshake. The key stays the same. */
export interface RenewRequest {
  readonly wire: number;
  readonly csr: string;
}

/** An issued identity. */
export interface IssuedIdentity {
  readonly deviceId: string;
  /** Leaf first, then the authority, PEM. */
  readonly certificate: string;
  readonly ca: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What the device key signs: the facts and what makes them fresh and single-use. */
export interface PostureClaims {
  /** Device id. */
  readonly sub: string;
  /** Seconds since the epoch (RFC 7519). */
  readonly iat: number;
  readonly jti: string;
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly collectedAt: number;
  readonly facts: Facts;
}

/** Packets that the host's firewall refused, counted since the last report. */
export interface DeniedFlow {
  readonly saddr: string;
  /** Absent when the firewall counted by source only: then it is this host. */
  readonly daddr?: string;
  /** Lower-case name as nftables prints it: `tcp`, `udp`, `icmp`, … */
  readonly protocol: string;
  /** 0 for protocols without ports. */
  readonly dport: number;
  readonly packets: number;
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What became of the last program. `applied` is in force, whatever became of `attempted`. */
export interface ProgramStatus {
  readonly applied?: string;
  readonly attempted?: string;
  readonly ok: boolean;
  readonly error?: string;
  /** When it was last attempted, milliseconds since the epoch. */
  readonly at: number;
  readonly checks: readonly ProgramCheck[];
}

/** One step of applying a program. */
export interface ProgramCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** An agent's periodic report. */
export interface Report {
  readonly wire: number;
  /** Grows with every report of a device. */
  readonly sequence: number;
  readonly collectedAt: number;
  /** Compact JWS (ES256, `typ` `cordon-posture+jwt`) over canonical JSON of `PostureClaims`. */
  readonly posture: string;
  readonly addresses: readonly string[];
  readonly deniedFlows: readonly DeniedFlow[];
  readonly program?: ProgramStatus;
}

/** A host's firewall program: an nftables JSON document and the version that names it. */
export interface HostProgram {
  readonly version: string;
  readonly document: { readonly nftables: readonly Json[] };
}

/** What the server wants of an agent; the answer to a report and to a long poll. */
export interface Instruction {
  readonly wire: number;
  /** Present when it differs from what the agent has. */
  readonly program?: HostProgram;
  /** How the server judged, so that the agent can show it. */
  readonly posture?: Posture;
  readonly reportEverySeconds: number;
  readonly renewalDue: boolean;
}

/** A refusal, the body of every answer that is not 200. */
export interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}
