import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#base';
import type { Device, OcsfEvent, Reason, TrustGraph } from '#model';
import type { ActivePolicies } from '#policy';
import type { AssertionSigner } from './assertion.ts';
import type { Counters } from './exchange.ts';
import type { Redeemer, Transport } from './handoff.ts';
import type { Limits } from './limits.ts';
import type { CutFilter, LiveConnection } from './live.ts';

/** What a gateway is made of. */
export interface GatewayOptions {
  readonly graph: TrustGraph;
  /** The policies in force; asked on every decision. */
  readonly policies: () => ActivePolicies | undefined;
  readonly journal: { append(event: OcsfEvent): Promise<unknown>; readonly writable: boolean };
  readonly clock: Clock;
  readonly assertion: AssertionSigner;
  /** `identity.handoff`. */
  readonly handoff: Redeemer;
  /** Origin of the id host, one for all or by listener. */
  readonly identityOrigin: string | ((transport: Transport) => string);
  /** The enrolled device behind a client certificate, or undefined. */
  readonly deviceOf: (socket: Socket) => Device | undefined;
  /** Milliseconds since the replica last knew it was up to date. Absent when the graph is the store's own. */
  readonly staleness?: () => number;
  /** Ends a session, for `/.cordon/sign-out`. Absent: signing out removes only the cookie of that host. */
  readonly endSession?: (input: { readonly sessionId: string; readonly userId: string }) => Promise<unknown>;
  readonly limits?: Partial<Limits>;
  /** Told of every unexpected failure; the client saw `internal` and the correlation id. */
  readonly onError?: (error: unknown, correlationId: string) => void;
}

/** The door in front of the apps. */
export interface Gateway {
  /** Answers a request to an app host. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a request to become a WebSocket. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** What is open now. */
  connections(): readonly LiveConnection[];
  /** Cuts what matches every field given, with the reason; returns how many. */
  cut(filter: CutFilter, reason: Reason): number;
  /** Decides again what was not decided for a second. Runs by itself several times a second; tests with their own clock call it. */
  sweep(): void;
  readonly counters: Readonly<Counters>;
  /** Cuts everything open and closes the upstreams. */
  close(): Promise<void>;
}

/** Makes a gateway and starts its sweep. */
export function createGateway(options: GatewayOptions): Gateway {
  throw new Error(`not built yet: ${typeof options}`);
}
