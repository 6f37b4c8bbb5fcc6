/**
 * wire: what the host agent and the server say to each other.
 *
 * Owns the messages, their validators, sizes and version, and the enrolment token's form.
 * Never sends anything, never decides anything, and never trusts a field it has not checked.
 */
export { type EnrolmentToken, formatEnrolmentToken, parseEnrolmentToken } from './enrolment-token.ts';
export type {
  Facts,
  InputChain,
  Mount,
  Observed,
  OsRelease,
  SecurityUpdates,
  SshServer,
  TimeSync,
  Virtualization,
} from './facts.ts';
export {
  type DeniedFlow,
  type EnrolRequest,
  type HostProgram,
  type Instruction,
  type IssuedIdentity,
  POSTURE_TYPE,
  type PostureClaims,
  type ProgramCheck,
  type ProgramStatus,
  type RenewRequest,
  type Report,
  WIRE_LIMITS,
} from './message.ts';
export { type MessageOf, parseMessage } from './parse.ts';
export { WIRE_VERSION } from './version.ts';
