import type { Clock } from '#base';
import type { OcsfEvent, TrustGraph } from '#model';
import type { Store } from '#store';
import type { Flows } from './flows.ts';
import type { IdentityLimits } from './limits.ts';
import type { RelyingParty } from './mfa/passkey.ts';
import type { PasswordHasher } from './password.ts';

/** Where events go. */
export interface EventSink {
  /** Resolves when the event is durable. */
  append(event: OcsfEvent): Promise<unknown>;
}

/** What every part of identity works with; made once by `createIdentity`. */
export interface IdentityContext {
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: EventSink;
  readonly clock: Clock;
  readonly relyingParty: RelyingParty;
  readonly limits: IdentityLimits;
  readonly hasher: PasswordHasher;
  readonly flows: Flows;
  /**
   * Whether one more refusal may be written. Whoever proves nothing must not be able to fill the disk by being refused; a person's own
   * refusals are counted by their id, so that strangers, counted by kind, cannot use up the room for what detection looks at.
   */
  readonly mayTellRefusal: (about: string) => boolean;
}

/** Where a request comes from, as the connection and the cookies have it; nothing here is proof of anything. */
export interface Client {
  /** IP address of the peer. */
  readonly address: string;
  readonly userAgent: string;
  /** The `__Host-cordon_device` cookie, when there is one. */
  readonly deviceToken?: string | undefined;
}
