/**
 * identity: who somebody is, and how surely.
 *
 * Owns accounts, groups, invitations, enrolment, passwords, second factors, sign-in, step-up, sessions, hand-off to app hosts,
 * SSH user certificates and throttling.
 * Never decides what somebody may do, never sets a person's password, and never makes a session from one factor.
 */
export type { Client } from './context.ts';
export type { EnrolmentState } from './enrolment.ts';
export type { FactorSummary } from './factors.ts';
export type { ProgramRequest } from './flows.ts';
export { createIdentity, type Identity, type SweepReport } from './identity.ts';
export type { Link } from './invitations.ts';
export { IDENTITY_LIMITS, type IdentityLimits } from './limits.ts';
export type { IdentityProblem, Outcome } from './refusal.ts';
export type { Authenticated, SignedIn } from './sessions.ts';
export type { PasskeyRequest, Pending } from './sign-in.ts';
export { sshAuthority, sshAuthorityKey, type SshAuthority, type SshCertificate } from './ssh/authority.ts';
