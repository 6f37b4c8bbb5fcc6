import { allowances, type Clock } from '#base';
import type { TrustGraph } from '#model';
import type { Store } from '#store';
import { type Accounts, accountsOf } from './accounts.ts';
import type { EventSink, IdentityContext } from './context.ts';
import { type Enrolments, enrolmentsOf } from './enrolment.ts';
import { type Factors, factorsOf } from './factors.ts';
import { createFlows } from './flows.ts';
import { type Groups, groupsOf } from './groups.ts';
import { type Handoffs, handoffsOf } from './handoff.ts';
import { type Invitations, invitationsOf, sweepInvitations } from './invitations.ts';
import { IDENTITY_LIMITS, type IdentityLimits } from './limits.ts';
import type { RelyingParty } from './mfa/passkey.ts';
import { createPasswordHasher } from './password.ts';
import { type Programs, programsOf } from './programs.ts';
import { type Sessions, sessionsOf, sweepSessions } from './sessions.ts';
import { type SignIns, signInsOf } from './sign-in.ts';
import { type StepUps, stepUpsOf } from './step-up.ts';
import { sweepThrottle } from './throttle.ts';

/** What a sweep removed. */
export interface SweepReport {
  readonly sessions: number;
  readonly appSessions: number;
  readonly invitations: number;
  readonly throttle: number;
}

/**
 * Everything about who somebody is. Refusals are `err` with a code of the error reference. A journal that cannot be written rejects
 * with its own error: then nothing was granted, and whatever was to be taken away has been taken away.
 */
export interface Identity {
  readonly invitations: Invitations;
  readonly enrolment: Enrolments;
  readonly signIn: SignIns;
  readonly stepUp: StepUps;
  readonly sessions: Sessions;
  readonly handoff: Handoffs;
  readonly programs: Programs;
  readonly factors: Factors;
  readonly accounts: Accounts;
  readonly groups: Groups;
  /** Removes what has expired. Call it about once a minute. */
  sweep(): Promise<SweepReport>;
}

/** People whose refusals are counted at a time. */
const REFUSED = 1000;

/** Makes the identity area. `relyingParty.id` is the id host; `origins` are the exact origins it is served at. */
export function createIdentity(options: {
  store: Store;
  graph: TrustGraph;
  journal: EventSink;
  clock: Clock;
  relyingParty: RelyingParty;
  limits?: IdentityLimits;
}): Identity {
  const limits = options.limits ?? IDENTITY_LIMITS;
  const { clock } = options;
  const hasher = createPasswordHasher(limits.password);
  const mayTellRefusal = allowances(limits.refusalsToldPerSecond, () => clock.now(), { remembered: REFUSED });
  const context: IdentityContext = { ...options, limits, hasher, flows: createFlows(clock, limits), mayTellRefusal };
  const sessions = sessionsOf(context);
  return {
    invitations: invitationsOf(context),
    enrolment: enrolmentsOf(context),
    signIn: signInsOf(context),
    stepUp: stepUpsOf(context, sessions),
    sessions,
    handoff: handoffsOf(context),
    programs: programsOf(context),
    factors: factorsOf(context, sessions),
    accounts: accountsOf(context),
    groups: groupsOf(context),
    sweep: async () => {
      context.flows.sweep();
      const swept = await sweepSessions(context);
      return { ...swept, invitations: await sweepInvitations(context), throttle: await sweepThrottle(context) };
    },
  };
}
