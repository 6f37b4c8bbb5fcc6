import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, newId } from '#base';
import type { SshAuthority } from '#identity';
import type { Device, Reason, TrustGraph } from '#model';
import type { ActivePolicies } from '#policy';
import { PROBE_FIELD, type ProbeMarks } from '#wire';
import { createAdmission } from './admission.ts';
import { answerRefusal } from './answer.ts';
import type { AssertionSigner } from './assertion.ts';
import { http1Client, http1Upgrade } from './client/http1.ts';
import { http2Client } from './client/http2.ts';
import type { OnStream } from './client/http2-sessions.ts';
import type { ClientEnd } from './client-end.ts';
import {
  type Counters,
  type Exchange,
  type GatewayParts,
  type Refusal,
  refuse,
  type Stage,
  type StageResult,
} from './exchange.ts';
import { endingOf, isEndTold } from './flow.ts';
import { asForwarded } from './forward-auth/as-forwarded.ts';
import { permit } from './forward-auth/permit.ts';
import { createHandoff, type Redeemer, type Transport } from './handoff.ts';
import { judge } from './judge.ts';
import { GATEWAY_LIMITS, type Limits } from './limits.ts';
import { type CutFilter, type LiveConnection, type LiveEntry, LiveRegistry } from './live.ts';
import { createMemory, type Memory } from './memory.ts';
import { type Measurements, measurementsOf } from './measurements.ts';
import type { Basis } from './passage.ts';
import { createRecorder, type RecordJournal } from './record.ts';
import { canKeep, keepForm } from './send-again.ts';
import { authenticate } from './stages/authenticate.ts';
import { account, bounds } from './stages/bounds.ts';
import { carried } from './stages/carried.ts';
import { crossSite } from './stages/cross-site.ts';
import { decide } from './stages/decide.ts';
import { device } from './stages/device.ts';
import { enter } from './stages/enter.ts';
import { fields } from './stages/fields.ts';
import { own } from './stages/own.ts';
import { record } from './stages/record.ts';
import { register } from './stages/register.ts';
import { route } from './stages/route.ts';
import { Times } from './timings.ts';
import { beginTrace, type Tracer, tracedRequest } from './trace.ts';
import { createUpstreams } from './upstreams/upstreams.ts';
import { peerAddress } from './peer-address.ts';

/** What a gateway is made of. */
export interface GatewayOptions {
  readonly graph: TrustGraph;
  /** The policies in force; asked on every decision. */
  readonly policies: () => ActivePolicies | undefined;
  readonly journal: RecordJournal & { readonly writable: boolean };
  readonly clock: Clock;
  readonly assertion: AssertionSigner;
  /** `identity.handoff`. */
  readonly handoff: Redeemer;
  /** Origin of the id host, one for all or by listener. */
  readonly identityOrigin: string | ((transport: Transport) => string);
  /** The enrolled device behind a client certificate, or undefined; what was `openedAs` one outlives the renewal of what it showed. */
  readonly deviceOf: (socket: Socket, openedAs?: string) => Device | undefined;
  /** Milliseconds since the replica last knew it was up to date. Absent when the graph is the store's own. */
  readonly staleness?: () => number;
  /** Ends a session, for `/.cordon/sign-out`. Absent: signing out removes only the cookie of that host. */
  readonly endSession?: (input: { readonly sessionId: string; readonly userId: string }) => Promise<unknown>;
  /** Certifies SSH keys. Absent: nobody gets a certificate. */
  readonly sshAuthority?: SshAuthority;
  /** Where used proofs are noted and forms are kept, when several gateways share that. Absent: here. */
  readonly memory?: Memory;
  readonly limits?: Partial<Limits>;
  /** Marks of Cordon's own probes. Probes that are refused are neither counted nor recorded. Absent: there are none. */
  readonly probes?: Pick<ProbeMarks, 'answerTo'>;
  /** Who takes traces. Absent: none are made, and what clients say of theirs passes as it is. */
  readonly tracer?: Tracer;
  /** Told of every unexpected failure; the client saw `internal` and the correlation id. */
  readonly onError?: (error: unknown, correlationId: string) => void;
}

/** The door in front of the apps. */
export interface Gateway {
  /** Answers a request to an app host. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a request to become a WebSocket. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers a request over HTTP/2, also one to become a WebSocket. Never throws. */
  readonly stream: OnStream;
  /** Answers a proxy that asks whether a request which it holds may go on. Never throws. */
  ask(question: Question): void;
  /** What is open now. */
  connections(): readonly LiveConnection[];
  /** Cuts what matches every field given, with the reason; returns how many. */
  cut(filter: CutFilter, reason: Reason): number;
  /** Decides again what was not decided for a second. Runs by itself several times a second; tests with their own clock call it. */
  sweep(): void;
  readonly counters: Readonly<Counters>;
  /** What is measured; counted since the start, or as it is now. */
  measure(): Measurements;
  /** Cuts everything open and closes the upstreams. */
  close(): Promise<void>;
  /** Lets requests under way end, for `graceMs` at most, then closes. WebSockets and tunnels are not waited for: they never end by themselves. */
  drain(graceMs: number): Promise<void>;
}

/** What a proxy asks: about which request, from where. */
export interface Question {
  readonly client: ClientEnd;
  /** Address of the client, IPv4 as such. */
  readonly address: string;
  /** How the client reached the proxy. */
  readonly transport: Transport;
  /** True when the answer can name client's headers that the proxy then takes away. */
  readonly removesHeaders: boolean;
  /** Names, in lower case, that the proxy itself set to describe the request, among those that no client may send. Absent: none. */
  readonly describedBy?: ReadonlySet<string>;
  /** Why it is refused already: no question, or one that nobody may ask. */
  readonly refused?: Refusal;
}

/** Every request goes through these, in this order. The first that refuses or answers ends the way; only the last reaches an upstream. */
const STAGES: readonly Stage[] = [
  route, // which app, which path
  fields, // what of the head may be believed and forwarded
  authenticate, // which session
  account, // not more than one person may ask
  crossSite, // whether the person meant it
  own, // Cordon's own paths end here
  carried, // unless another proxy has to ask about it
  device, // from which device
  decide, // may they?
  bounds, // not more than the app bears
  record, // not without a trace
  register, // from here on, changes reach it
  enter, // look again, then dial
];

/** A request that another proxy holds goes through the same, but for what only its carrier can do. */
const STAGES_OF_ASKED: readonly Stage[] = [
  route,
  fields,
  asForwarded, // what the proxy will send on is what is decided on
  authenticate,
  account,
  crossSite,
  device,
  decide,
  bounds,
  record,
  permit, // look again, then say yes, and who is there
];

/** Time between two sweeps, milliseconds. A sweep without anything due costs nothing. */
const TICK_MS = 100;
/** Whoever has been quiet is forgotten every so many sweeps. */
const FORGET_TICKS = 50;
/** Close code of a WebSocket when Cordon stops: going away (RFC 6455 section 7.4.1), so that clients connect again. */
const GOING_AWAY = 1001;

/** Makes a gateway and starts its sweep. */
export function createGateway(options: GatewayOptions): Gateway {
  const parts = partsOf(options);
  const { live, counters, upstreams, admission } = parts;
  let isClosed = false;
  let ticks = 0;
  const start = (exchange: Exchange, stages: readonly Stage[], refusal?: Refusal): void => {
    const { client } = exchange;
    // The connection was reset before anybody looked: there is nobody to decide about, nor to answer.
    if (exchange.address === '') {
      client.abort();
      return;
    }
    const admitted = admission.enter(exchange);
    if (parts.tracer !== undefined) exchange.trace = beginTrace(parts.tracer, client.header('traceparent'));
    client.onceClosed(() => {
      tellTrace(exchange, parts);
      if (exchange.live !== undefined) tellEnd(exchange, exchange.live, parts);
      admitted.leave();
    });
    const refused = isClosed ? refuse(503, 'gateway-stopping') : (admitted.refused ?? refusal);
    void serve(exchange, parts, { stages, refused });
  };
  const sweep = (): void => {
    noticeNewPolicies(parts);
    live.sweep();
    if (++ticks % FORGET_TICKS === 0) admission.forget();
  };
  const timer = setInterval(sweep, TICK_MS).unref();
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    clearInterval(timer);
    admission.close();
    live.cut({}, { reason: { code: 'gateway-stopping' }, closeCode: GOING_AWAY });
    live.close();
    await upstreams.close();
  };
  return {
    handle: (request, response) => {
      start(exchangeOf(parts, http1Client(request, response, parts.limits.idleTimeoutMs)), STAGES);
    },
    upgrade: (request, socket, head) => {
      const client = http1Upgrade(request, socket, head);
      if (client !== undefined) start(exchangeOf(parts, client), STAGES);
    },
    stream: (stream, head, socket) => {
      const client = http2Client(stream, head, { socket, idleMs: parts.limits.idleTimeoutMs });
      start(exchangeOf(parts, client), STAGES);
    },
    ask: ({ client, address, transport, refused, ...asked }) => {
      const correlationId = newId('cor', parts.clock.now());
      start(
        { client, correlationId, address, transport, asked, startedAt: performance.now() },
        STAGES_OF_ASKED,
        refused,
      );
    },
    connections: () => live.list(),
    cut: (filter, reason) => live.cut(filter, { reason }),
    sweep,
    counters,
    measure: () => measurementsOf(parts, options.staleness?.() ?? 0),
    close,
    drain: async (graceMs) => {
      await quiet(() => admission.overload.underWay === 0, graceMs);
      await close();
    },
  };
}

/** How often it is looked whether everything has ended, milliseconds. */
const QUIET_CHECK_MS = 20;

/** Waits until nothing is under way, for `mostMs` at most. */
async function quiet(isQuiet: () => boolean, mostMs: number): Promise<void> {
  const until = performance.now() + mostMs;
  while (!isQuiet() && performance.now() < until) await sleep(QUIET_CHECK_MS);
}

function partsOf(options: GatewayOptions): GatewayParts {
  const { graph, journal, clock, identityOrigin, onError = () => undefined, staleness } = options;
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  const counters: Counters = { permitted: 0, denied: 0, cut: 0, unrecorded: 0 };
  const now = (): number => clock.now();
  const { anonymousEventsPerSecond: anonymousPerSecond } = limits;
  const recorder = createRecorder({ graph, journal, now, counters, anonymousPerSecond });
  const timings = { added: new Times(), firstByte: new Times(), cuts: new Times() };
  const live = new LiveRegistry({
    graph,
    now,
    judge: (entry, memo) => judge(basis, entry, memo),
    onCut: (entry, cut, latencyMs) => {
      counters.cut += 1;
      if (latencyMs !== undefined) timings.cuts.add(cut.reason.code, latencyMs);
      void recorder.cut(entry, cut, latencyMs);
    },
    onError: (error, { correlationId }) => {
      onError(error, correlationId);
    },
    sweepMs: limits.sweepMs - TICK_MS,
  });
  let seen: ActivePolicies | undefined;
  const basis = (): Basis => {
    const policies = options.policies();
    if (policies !== seen) live.touchAll();
    seen = policies;
    return { policies, graph, now: now(), ...(staleness === undefined ? {} : { replicaAgeMs: staleness() }) };
  };
  const originOf = typeof identityOrigin === 'string' ? (): string => identityOrigin : identityOrigin;
  return {
    graph,
    journal,
    clock,
    limits,
    counters,
    timings,
    recorder,
    live,
    basis,
    onError,
    identityOrigin: originOf,
    handoff: createHandoff({ redeemer: options.handoff, identityOrigin: originOf }),
    redeemer: options.handoff,
    ...(options.memory ?? createMemory(now)),
    assertion: options.assertion,
    deviceOf: options.deviceOf,
    endSession: options.endSession,
    probes: options.probes,
    tracer: options.tracer,
    sshAuthority: options.sshAuthority,
    upstreams: createUpstreams({ limits, graph, clock, journal, counters }),
    admission: createAdmission({ limits, now, journal, onError }),
  };
}

function noticeNewPolicies({ basis, onError }: GatewayParts): void {
  try {
    basis();
  } catch (error) {
    onError(error, 'sweep'); // and each open exchange meets the same failure, and ends
  }
}

function exchangeOf({ clock }: GatewayParts, client: ClientEnd): Exchange {
  const { socket } = client;
  return {
    client,
    correlationId: newId('cor', clock.now()),
    startedAt: performance.now(),
    address: peerAddress(socket),
    transport: 'encrypted' in socket ? 'tls' : 'http',
  };
}

async function serve(
  exchange: Exchange,
  parts: GatewayParts,
  { stages, refused }: { readonly stages: readonly Stage[]; readonly refused: StageResult },
): Promise<void> {
  let end: StageResult;
  try {
    end = refused ?? (await walk(exchange, parts, stages));
  } catch (error) {
    parts.onError(error, exchange.correlationId);
    end = refuse(500, 'internal');
  }
  if (end === 'answered' || end === undefined) return;
  exchange.status = end.status;
  exchange.refusedFor = end.reasons[0]?.code ?? 'internal';
  try {
    // A probe is nobody's: what somebody did is on record, whatever it carries.
    const mark = exchange.user === undefined ? exchange.client.header(PROBE_FIELD) : undefined;
    const probe = parts.probes?.answerTo(mark);
    if (probe === undefined) noteRefusal(exchange, parts, end);
    else exchange.probe = probe;
    if (canKeep(exchange, end)) {
      const cookie = await keepForm(exchange, parts);
      if (cookie !== undefined) exchange.keptForm = cookie;
    }
    answerRefusal(exchange, parts, end);
  } catch (error) {
    parts.onError(error, exchange.correlationId);
    exchange.client.abort();
  }
}

async function walk(exchange: Exchange, parts: GatewayParts, stages: readonly Stage[]): Promise<StageResult> {
  for (const stage of stages) {
    const from = exchange.trace?.isSampled === true ? performance.now() : undefined;
    const result = stage.run(exchange, parts);
    // Without a wait where there is nothing to wait for: no change comes between two stages that do not wait.
    const end = result instanceof Promise ? await result : result;
    if (from !== undefined) noteStep(exchange, stage, { from, hasWaited: result instanceof Promise });
    if (end !== undefined) return end;
  }
  throw new Error('no stage ended the exchange');
}

function noteStep(
  { trace }: Exchange,
  { name }: Stage,
  { from, hasWaited }: { readonly from: number; readonly hasWaited: boolean },
): void {
  if (name === 'decide') trace?.steps.push({ name, from, to: performance.now() });
  else if (name === 'record' && hasWaited) trace?.steps.push({ name: 'journal', from, to: performance.now() });
}

function tellEnd(exchange: Exchange, entry: LiveEntry, { live, recorder }: GatewayParts): void {
  live.remove(entry);
  if (isEndTold(exchange)) recorder.end(entry, endingOf(exchange));
}

/** Probes of our own are nobody's requests. */
function tellTrace(exchange: Exchange, { tracer }: GatewayParts): void {
  const { trace, probe } = exchange;
  if (trace?.isSampled === true && probe === undefined) {
    tracer?.take(tracedRequest(exchange, trace, performance.now()));
  }
}

function noteRefusal(exchange: Exchange, parts: GatewayParts, refusal: Refusal): void {
  const { counters, recorder, onError, admission } = parts;
  const { decision, reasons } = refusal;
  const [first] = reasons;
  if (decision !== undefined && first?.code === 'internal') onError(new Error(first.detail), exchange.correlationId);
  if (exchange.cut !== undefined) return; // noted as a cut
  if (first?.code.startsWith('upstream-') !== true) counters.denied += 1;
  if (!admission.isWorthTelling(refusal)) {
    counters.unrecorded += 1;
    return;
  }
  void (decision === undefined ? recorder.refusal(exchange, refusal) : recorder.access(exchange, decision));
}
