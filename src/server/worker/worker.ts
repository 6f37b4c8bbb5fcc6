import type { Duplex } from 'node:stream';
import { type Clock, CordonError } from '#base';
import { createDeviceLookup } from '#devices';
import { createAssertionSigner, createGateway, type Gateway, type Redeemer, type Transport } from '#gateway';
import { sshAuthority } from '#identity';
import { createProbeMarks } from '#wire';
import { followPolicies } from '../active-policies.ts';
import { type CertificateMaterial, contextsOf } from '../certificate-material.ts';
import { lastMs, type Listeners, openListeners } from '../listeners.ts';
import { tracedGateway } from '../traces/traced-gateway.ts';
import { NO_MEASUREMENTS } from '../metrics/measurements.ts';
import { crowdTeller } from '../crowded.ts';
import { gatewayLimits } from '../gateway-limits.ts';
import type { Log } from '../log.ts';
import { type Calls, createCalls, type Methods, toldOf } from './calls.ts';
import { Channel } from './channel.ts';
import { type CutOrder, NO_COUNTERS, type ToMain, type ToWorker, type WorkerSettings } from './messages.ts';
import { passOn } from './pass-on.ts';
import { remoteMemory } from './remote-memory.ts';
import { createRemoteJournal, type RemoteJournal } from './remote-journal.ts';
import { createReplica, type Replica } from './replica.ts';

/**
 * How long a worker goes on without the main process, milliseconds: downloads under way may end. Shorter than what any tier allows a replica
 * to be stale, and it takes no new connections, so that the next main process meets no old answers.
 */
const ORPHAN_MS = 5_000;
/** How long what was recorded last may take to be on disk when a worker stops. */
const LAST_WORDS_MS = 2_000;

interface Parts {
  readonly clock: Clock;
  readonly channel: Channel<ToWorker, ToMain>;
  readonly calls: Calls;
  readonly journal: RemoteJournal;
  readonly replica: Replica;
  readonly log: Log;
}

interface Serving {
  readonly gateway: Gateway;
  readonly listeners: Listeners;
}

/**
 * One worker: a gateway on a replica, on the public ports, for as long as there is a main process. `exit` ends the process; it is called once,
 * with 0 when the main process wanted it.
 */
export function runWorker(
  stream: Duplex,
  options: { readonly clock: Clock; readonly exit: (code: number) => void },
): void {
  const { exit } = options;
  let settings: WorkerSettings | undefined;
  let prepared: Gateway | undefined;
  let serving: Serving | undefined;
  let state: 'serving' | 'stopping' | 'stopped' = 'serving';
  const show = (changed: Pick<WorkerSettings, 'certificates'> | Pick<WorkerSettings, 'ticketKeys'>): void => {
    if (settings !== undefined) settings = { ...settings, ...changed };
    if (serving !== undefined) showCertificates(serving, settings);
  };
  const parts = partsOf(stream, options.clock, {
    methods: {
      connections: () => serving?.gateway.connections() ?? [],
      measure: () => serving?.gateway.measure() ?? NO_MEASUREMENTS,
      cut: ({ filter, reason }: CutOrder) => serving?.gateway.cut(filter, reason) ?? 0,
      useCertificates: (certificates: CertificateMaterial) => show({ certificates }),
      useTicketKeys: (ticketKeys: string) => show({ ticketKeys }),
    },
    onMessage: (message) => {
      switch (message.type) {
        case 'settings':
          ({ settings } = message);
          break;
        case 'loaded':
          parts.replica.take(message);
          try {
            prepared = prepare(parts, settings);
            parts.channel.send({ type: 'prepared' });
          } catch (error) {
            fail(parts, error);
          }
          break;
        case 'serve':
          open(parts, settings, prepared).then(
            (opened) => {
              serving = opened;
              showCertificates(opened, settings);
              parts.channel.send({ type: 'ready' });
            },
            (error: unknown) => fail(parts, error),
          );
          break;
        case 'changes':
          parts.replica.take(message);
          parts.channel.send({ type: 'applied', seq: parts.replica.graph.seq });
          // Before anything is decided again; and what has to be compiled is compiled before the next sign of life is answered, after
          // which nobody would be patient any more.
          parts.channel.flush();
          if (message.changes.some(({ change }) => change.kind === 'policyActivation')) prepared?.sweep();
          break;
        case 'beat':
          parts.replica.take(message);
          parts.journal.onBeat(message);
          parts.channel.send({ type: 'beat', at: message.at, counters: serving?.gateway.counters ?? NO_COUNTERS });
          break;
        case 'stop':
          state = 'stopping';
          void stop(parts, serving, message.graceMs).then(() => {
            state = 'stopped';
            parts.channel.close(); // and when the main process has heard all of it, it closes its end
          });
          break;
        default:
          onOther(parts, message);
      }
    },
    onClose: () => {
      parts.journal.close();
      parts.calls.close();
      if (state === 'stopped') exit(0);
      else if (state === 'stopping') setTimeout(() => exit(1), ORPHAN_MS);
      else void orphaned(serving).then(() => exit(1));
    },
  });
}

function onOther(
  { replica, calls, journal }: Parts,
  message: Exclude<ToWorker, { type: 'settings' | 'loaded' | 'serve' | 'changes' | 'beat' | 'stop' }>,
): void {
  switch (message.type) {
    case 'entities':
      replica.take(message);
      break;
    case 'recorded':
      journal.onRecorded(message);
      break;
    case 'ask':
      calls.onAsk(message);
      break;
    default:
      calls.onAnswer(message);
  }
}

function partsOf(
  stream: Duplex,
  clock: Clock,
  on: {
    readonly methods: Methods;
    readonly onMessage: (message: ToWorker) => void;
    readonly onClose: () => void;
  },
): Parts {
  const channel = new Channel<ToWorker, ToMain>(stream, on);
  const send = (message: ToMain): void => {
    channel.send(message);
  };
  const say =
    (level: 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      try {
        send({ type: 'log', level, fields: readable(fields), message });
      } catch {
        send({ type: 'log', level, fields: {}, message }); // something in them cannot be told
      }
    };
  return {
    clock,
    channel,
    calls: createCalls(send, on.methods, () => channel.queued),
    journal: createRemoteJournal(channel),
    replica: createReplica(),
    log: { info: say('info'), warn: say('warn'), error: say('error') },
  };
}

function fail({ channel }: Parts, error: unknown): void {
  channel.send({ type: 'failed', error: toldOf(error) });
  channel.close();
}

/** Makes the gateway on what has been loaded. Policies are compiled before anybody asks, so that nobody waits for that. */
function prepare(parts: Parts, settings: WorkerSettings | undefined): Gateway {
  if (settings === undefined) throw new Error('a worker was told to begin before it was told how');
  const policies = followPolicies(parts.replica.graph, parts.log);
  policies();
  return gatewayOf(parts, settings, policies);
}

/** Takes connections, and answers. */
async function open(
  parts: Parts,
  settings: WorkerSettings | undefined,
  gateway: Gateway | undefined,
): Promise<Serving> {
  if (settings === undefined || gateway === undefined) throw new Error('a worker was told to serve before it could');
  const { listen, hosts, door, limits } = settings;
  const listeners = await openListeners(listen, { isShared: true, limits });
  const own = passOn(door);
  listeners.serve({
    own: new Map(Object.values(hosts).map((host) => [host, own])),
    tlsOnly: new Set([hosts.agent]),
    onCrowded: crowdTeller(parts),
    gateway,
  });
  return { gateway, listeners };
}

/** Those of now: others may have come while the listeners were being opened. */
function showCertificates({ listeners }: Serving, settings: WorkerSettings | undefined): void {
  if (settings?.certificates === undefined) return;
  listeners.useTicketKeys(Buffer.from(settings.ticketKeys, 'base64url'));
  listeners.useCertificates(contextsOf(settings.certificates, settings.authority));
}

function gatewayOf(
  { clock, calls, journal, replica, log }: Parts,
  { assertionKey, sshKey, authority, identityOrigins, probeKey, limits, traces, version }: WorkerSettings,
  policies: ReturnType<typeof followPolicies>,
): Gateway {
  const { graph } = replica;
  return tracedGateway(traces, { version, clock, log }, (traced) =>
    createGateway({
      graph,
      policies,
      journal,
      clock,
      assertion: createAssertionSigner({ clock, key: assertionKey }),
      sshAuthority: sshAuthority(sshKey, clock),
      // The answer of the main process is of this type; both are one program.
      handoff: {
        redeem: async (input) => (await calls.ask('redeem', input)) as Awaited<ReturnType<Redeemer['redeem']>>,
      },
      identityOrigin: (transport) => originOf(identityOrigins, transport),
      memory: remoteMemory(calls.ask),
      deviceOf: createDeviceLookup({ graph, clock, authority }),
      staleness: replica.staleness,
      endSession: async (input) => await calls.ask('endSession', input),
      probes: createProbeMarks({ key: Buffer.from(probeKey, 'base64url'), clock }),
      ...traced,
      limits: gatewayLimits(limits),
      onError: (err, correlationId) => {
        log.error({ err, correlationId }, 'a request failed inside the gateway');
      },
    }),
  );
}

function originOf(origins: WorkerSettings['identityOrigins'], transport: Transport): string {
  const origin = origins[transport];
  if (origin === undefined) throw new Error(`there is no ${transport} listener`);
  return origin;
}

async function stop({ journal }: Parts, serving: Serving | undefined, graceMs: number): Promise<void> {
  const drained = serving?.gateway.drain(graceMs);
  await serving?.listeners.close(lastMs(graceMs), drained);
  await drained;
  await journal.settled(LAST_WORDS_MS);
}

async function orphaned(serving: Serving | undefined): Promise<void> {
  await serving?.listeners.close(ORPHAN_MS);
  await serving?.gateway.close();
}

/** An error has no fields that JSON would write. */
function readable(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => {
      if (!(value instanceof Error)) return [name, value];
      const { name: type, message, stack } = value;
      return [name, { type, message, stack, ...(value instanceof CordonError ? { code: value.code } : {}) }];
    }),
  );
}
