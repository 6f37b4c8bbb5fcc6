import type { Socket } from 'node:net';
import type { Clock } from '#base';
import type { SshAuthority } from '#identity';
import {
  type App,
  type AppSession,
  type Decision,
  type Device,
  type Reason,
  REASONS,
  type Session,
  type TrustGraph,
  type User,
} from '#model';
import type { AccessRequest } from '#policy';
import type { ProbeMarks } from '#wire';
import type { Admission } from './admission.ts';
import type { AssertionSigner } from './assertion.ts';
import type { ClientEnd } from './client-end.ts';
import type { Handoff, Redeemer, Transport } from './handoff.ts';
import type { CanonicalHost } from './host.ts';
import type { Limits } from './limits.ts';
import type { Cut, LiveEntry, LiveRegistry } from './live.ts';
import type { Memory } from './memory.ts';
import type { Basis } from './passage.ts';
import type { RecordJournal, Recorder } from './record.ts';
import type { Times } from './timings.ts';
import type { Trace, Tracer } from './trace.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

/** Everything a stage may use. Made once per gateway; stages keep no state of their own. */
export interface GatewayParts extends Memory {
  readonly graph: TrustGraph;
  /** What a decision made now is made from. */
  readonly basis: () => Basis;
  readonly journal: RecordJournal & { readonly writable: boolean };
  readonly clock: Clock;
  readonly assertion: AssertionSigner;
  readonly handoff: Handoff;
  readonly redeemer: Redeemer;
  readonly identityOrigin: (transport: Transport) => string;
  readonly deviceOf: (socket: Socket, openedAs?: string) => Device | undefined;
  readonly endSession: ((input: { sessionId: string; userId: string }) => Promise<unknown>) | undefined;
  readonly sshAuthority: SshAuthority | undefined;
  readonly live: LiveRegistry;
  readonly upstreams: Upstreams;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly admission: Admission;
  readonly probes: Pick<ProbeMarks, 'answerTo'> | undefined;
  readonly counters: Counters;
  readonly timings: Timings;
  readonly tracer: Tracer | undefined;
  readonly onError: (error: unknown, correlationId: string) => void;
}

/** What the gateway has done since it started. */
export interface Counters {
  permitted: number;
  denied: number;
  cut: number;
  /** Events that were not written: the journal failed, or strangers caused more than is written about them. */
  unrecorded: number;
}

/** How long things took since the gateway started. */
export interface Timings {
  /** From the head of a request to dialling its app: what the gateway adds. By app. */
  readonly added: Times;
  /** From dialling to the first byte of the answer. By app. */
  readonly firstByte: Times;
  /** From a change to the end of what it cut. By reason. */
  readonly cuts: Times;
}

/** Why an exchange ends here. */
export interface Refusal {
  readonly status: number;
  readonly reasons: readonly Reason[];
  /** Present when a decision, and not a stage by itself, refused. */
  readonly decision?: Decision;
  /** What exactly happened, for the journal only: it may name what is inside. */
  readonly cause?: string;
}

/** What a stage says: go on (undefined), refuse, or `answered` when it wrote the response itself. */
export type StageResult = Refusal | 'answered' | undefined;

/** One step of the way from the socket to the upstream. */
export interface Stage {
  readonly name: string;
  readonly run: (exchange: Exchange, parts: GatewayParts) => StageResult | Promise<StageResult>;
}

/** One request on its way through the stages. Each stage fills in its part; `need` reads what an earlier one must have left. */
export interface Exchange {
  readonly client: ClientEnd;
  readonly correlationId: string;
  /** Address of the client, IPv4 as such: of the socket's other end, or as a trusted proxy that asks says. */
  readonly address: string;
  readonly transport: Transport;
  /** When its head was there, by the machine's own clock (`performance.now()`). */
  readonly startedAt: number;
  /** When its app was dialled, and when it began to answer. */
  dialledAt?: number;
  firstByteAt?: number;
  /** Present while traces are made. */
  trace?: Trace;
  /** Status of the answer, and why it is a refusal; for traces. */
  status?: number;
  refusedFor?: Reason['code'];
  /** Present when another proxy carries the request, and only asks whether it may go on. */
  readonly asked?: { readonly removesHeaders: boolean; readonly describedBy?: ReadonlySet<string> };
  authority?: CanonicalHost;
  app?: App;
  path?: string;
  query?: string;
  /** Client fields that may be forwarded, alternating names and values. */
  fields?: string[];
  /** What an own path asks for beside an answer: these pass all stages like any request. */
  purpose?: 'tunnel' | 'ssh-certificate';
  /** What said who is there: the cookie of a browser, which it sends whoever makes it, or the token of a program. */
  credential?: 'cookie' | 'token';
  appSession?: AppSession;
  session?: Session;
  user?: User;
  device?: Device;
  access?: AccessRequest;
  decision?: Decision;
  live?: LiveEntry;
  /** Set when the registry ended the exchange. */
  cut?: Cut;
  isRecorded?: boolean;
  /** `Set-Cookie` value that finds the form of a refused exchange again. */
  keptForm?: string;
  /** Bytes of a body that does not say how long it is. */
  mostBodyBytes?: number;
  /** The seal by which a probe of our own knows the refusal for ours. */
  probe?: string;
}

/** Reads what an earlier stage must have left. A missing part is a bug, so it throws, and the exchange ends as `internal`. */
export function need<K extends keyof Exchange>(exchange: Exchange, part: K): NonNullable<Exchange[K]> {
  const value = exchange[part];
  if (value === undefined || value === null) throw new Error(`stage order broken: \`${part}\` is missing`);
  return value;
}

/** Origin of the app as the client sees it: scheme of the listener, canonical host, port as sent. */
export function ownOrigin({ authority, transport }: Pick<Exchange, 'authority' | 'transport'>): string {
  const { host, port } = authority ?? { host: 'invalid' };
  const written = `${transport === 'tls' ? 'https' : 'http'}://${host}${port === undefined ? '' : `:${port}`}`;
  const known = origins.get(written);
  if (known !== undefined) return known;
  const { origin } = new URL(written);
  if (origins.size < MOST_ORIGINS) origins.set(written, origin);
  return origin;
}

/** Origins as browsers write them, by ours; there are as many as apps and listeners, and only a stranger asks for more. */
const origins = new Map<string, string>();
const MOST_ORIGINS = 1000;

/** True when something failed, ours or the app, and nobody was turned away. */
export function isFault(code: Reason['code'] | undefined): boolean {
  return code === 'internal' || code?.startsWith('upstream-') === true;
}

/** A reason for clients that are told one line. */
export function inOneLine({ code, detail }: Reason): string {
  return `${code}: ${detail ?? REASONS[code].title}`;
}

/** A refusal with one reason of the catalogue. */
export function refuse(status: number, code: Reason['code'], detail?: string): Refusal {
  return { status, reasons: [detail === undefined ? { code } : { code, detail }] };
}
