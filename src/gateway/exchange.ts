import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Json } from '#base';
import type { App, AppSession, Decision, Device, OcsfEvent, Reason, Session, TrustGraph, User } from '#model';
import type { AccessRequest } from '#policy';
import type { AssertionSigner } from './assertion.ts';
import type { Handoff } from './handoff.ts';
import type { CanonicalHost } from './host.ts';
import type { LiveEntry, LiveRegistry } from './live.ts';
import type { Upstreams } from './upstreams.ts';

/** What the gateway allows one client. */
export interface Limits {
  /** Open exchanges per session; more are refused with `too-many-connections`. */
  readonly connectionsPerSession: number;
  /** Open exchanges per client address; more are refused with `too-many-connections`. */
  readonly connectionsPerAddress: number;
  /** How long a WebSocket handshake with the upstream may take, milliseconds. */
  readonly upgradeTimeoutMs: number;
}

/** Everything a stage may use. Made once per gateway; stages keep no state of their own. */
export interface GatewayParts {
  readonly graph: TrustGraph;
  readonly decide: (request: AccessRequest) => Decision;
  readonly isProven: (decision: Decision) => boolean;
  readonly record: (request: AccessRequest, decision: Decision) => { readonly [key: string]: Json };
  readonly journal: { append(event: OcsfEvent): Promise<unknown>; readonly writable: boolean };
  readonly clock: Clock;
  readonly assertion: AssertionSigner;
  readonly handoff: Handoff;
  readonly identityOrigin: string;
  readonly live: LiveRegistry;
  readonly upstreams: Upstreams;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly onError: (error: unknown, correlationId: string) => void;
}

/** What the gateway has done since it started. */
export interface Counters {
  permitted: number;
  denied: number;
  cut: number;
  /** Events that could not be written; each is also an error of the journal. */
  unrecorded: number;
}

/** Why an exchange ends here. */
export interface Refusal {
  readonly status: number;
  readonly reasons: readonly Reason[];
  /** Present when a decision, and not an earlier stage, refused. */
  readonly decision?: Decision;
}

/** What a stage says: go on (undefined), refuse, or `answered` when it wrote the response itself. */
export type StageResult = Refusal | 'answered' | undefined;

/** One request on its way through the stages. Each stage fills in its part; `need` reads what an earlier one must have left. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Present for a request that wants to become a WebSocket. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
  readonly correlationId: string;
  readonly receivedAt: number;
  /** Address of the socket's other end; forwarded-for fields are never believed. */
  readonly address: string;
  /** Arrived over TLS. */
  readonly encrypted: boolean;
  authority?: CanonicalHost;
  app?: App;
  path?: string;
  query?: string;
  /** Client fields that may be forwarded, alternating names and values. */
  fields?: string[];
  hasBody?: boolean;
  appSession?: AppSession;
  session?: Session;
  user?: User;
  device?: Device;
  access?: AccessRequest;
  decision?: Decision;
  live?: LiveEntry;
  /** The open socket to a WebSocket upstream. */
  upstreamSocket?: Duplex;
  recorded?: boolean;
  status?: number;
}

/** Reads what an earlier stage must have left. A missing part is a bug, so it throws, and the exchange ends as `internal`. */
export function need<K extends keyof Exchange>(exchange: Exchange, part: K): NonNullable<Exchange[K]> {
  const value = exchange[part];
  if (value === undefined || value === null) throw new Error(`stage order broken: \`${part}\` is missing`);
  return value;
}

/** Origin of the app as the client sees it: scheme of the socket, canonical host, port as sent. */
export function ownOrigin(exchange: Exchange): string {
  const { host, port } = need(exchange, 'authority');
  return new URL(`${exchange.encrypted ? 'https' : 'http'}://${host}${port === undefined ? '' : `:${port}`}`).origin;
}

/** A refusal with one reason of the catalogue. */
export function refuse(status: number, code: Reason['code'], detail?: string): Refusal {
  return { status, reasons: [detail === undefined ? { code } : { code, detail }] };
}
