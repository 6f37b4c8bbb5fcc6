import type { Clock } from '#base';
import type { Credential } from './credential.ts';
import { Ephemeral } from './ephemeral.ts';
import type { IdentityLimits } from './limits.ts';

/** Somebody who gave the right password and owes a second factor. */
export interface PendingSignIn {
  readonly userId: string;
}

/** A passkey challenge and the one thing it may be used for. */
export type Challenge =
  | { readonly use: 'sign-in'; readonly challenge: string }
  | { readonly use: 'second-factor'; readonly challenge: string; readonly pending: string }
  | { readonly use: 'step-up'; readonly challenge: string; readonly sessionId: string }
  | { readonly use: 'add-passkey'; readonly challenge: string; readonly sessionId: string };

/** An unfinished enrolment. Nothing of it is stored until it is finished. */
export interface Draft {
  readonly invitation: string;
  readonly userId: string;
  readonly isFirstAdministrator: boolean;
  readonly email: string;
  readonly name: string;
  readonly expiresAt: number;
  readonly password?: string;
  readonly totp?: { readonly secret: string; readonly lastStep?: number };
  readonly challenge?: { readonly value: string; readonly expiresAt: number };
  readonly passkeys: Credential['passkeys'];
}

/** A program that a person lets open an app as them. */
export interface ProgramRequest {
  /** What it calls itself, for its person and for the journal. */
  readonly name: string;
  /** `dpop` binds the token to the program's key; then `keyThumbprint` (RFC 7638) names it. */
  readonly form: 'bearer' | 'dpop';
  readonly keyThumbprint?: string;
}

/** A signed-in person on the way to an app host, by a browser or by a program. */
export interface Handoff {
  readonly sessionId: string;
  readonly host: string;
  readonly challenge: string;
  readonly program?: ProgramRequest;
}

/** All short-lived state. */
export interface Flows {
  readonly pending: Ephemeral<PendingSignIn>;
  readonly challenges: Ephemeral<Challenge>;
  readonly drafts: Ephemeral<Draft>;
  readonly handoffs: Ephemeral<Handoff>;
  /** Removes what has expired. */
  sweep(): void;
}

/** Makes the short-lived state, bounded by `limits`. */
export function createFlows(clock: Clock, limits: IdentityLimits): Flows {
  const pending = new Ephemeral<PendingSignIn>(clock, limits.flows, limits.flowsPerAddress);
  const challenges = new Ephemeral<Challenge>(clock, limits.flows, limits.flowsPerAddress);
  const drafts = new Ephemeral<Draft>(clock, limits.flows, limits.enrolmentsPerLink);
  const handoffs = new Ephemeral<Handoff>(clock, limits.flows, limits.flowsPerAddress);
  return {
    pending,
    challenges,
    drafts,
    handoffs,
    sweep() {
      for (const flow of [pending, challenges, drafts, handoffs]) flow.sweep();
    },
  };
}
