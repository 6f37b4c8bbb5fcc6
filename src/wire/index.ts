/**
 * wire: what the host agent and the server say to each other, and the two ends of a tunnel.
 *
 * Owns the messages, their validators, sizes and version, the enrolment token's form, and TCP in the frames of a WebSocket.
 * Never opens a connection, never decides anything, and never trusts a field it has not checked.
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
export { closePayload, encodeFrame, OPCODE } from './tunnel/frames.ts';
export { type JoinedTunnel, joinTunnel, type TunnelEnd, type TunnelEnding, type TunnelEnds } from './tunnel/join.ts';
export { TUNNEL, TUNNEL_CLOSE } from './tunnel/protocol.ts';
export { WIRE_VERSION } from './version.ts';
export { createProbeMarks, PROBE_FIELD, type ProbeMarks } from './probe-marks.ts';
