import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Api, LiveGateway } from '#api';
import { type Clock, randomOctets } from '#base';
import type { Configuration } from '#config';
import { createGateway, createMemory, type Gateway, type Measurements } from '#gateway';
import { createProbeMarks } from '#wire';
import type { Areas, Truth } from './areas.ts';
import type { Certificates } from './certificates.ts';
import { type ForwardAuth, listenForProxies } from './forward-auth.ts';
import { crowdTeller } from './crowded.ts';
import { gatewayLimits } from './gateway-limits.ts';
import { type Handlers, type Listeners, openListeners, ownHandler, lastMs } from './listeners.ts';
import type { Log } from './log.ts';
import type { OwnHosts, originsOf } from './origins.ts';
import { tracedGateway } from './traces/traced-gateway.ts';
import { type Door, openDoor } from './worker/door.ts';
import type { WorkerSettings } from './worker/messages.ts';
import { createWorkers } from './worker/pool.ts';

/** What stands before the apps: a gateway in this process, or one in each of several workers. */
export interface Front extends LiveGateway {
  readonly counters: Gateway['counters'];
  /** What the gateway measures, all workers together. */
  measure(): Promise<Measurements>;
  /** Process ids of the workers; none when the gateway is in this process. */
  readonly workers: readonly number[];
  /** Ports at which proxies ask; they differ from the configured ones when those are 0. */
  readonly askedAt: ForwardAuth['ports'];
  /** Begins to answer on the public ports; Cordon's own hosts are answered by `api`. */
  serve(api: Api): Promise<void>;
  /** Shows what the certificates are now; resolves when everybody does who answers. */
  showCertificates(): Promise<void>;
  /** Seals TLS sessions with other keys from now on: whoever takes the old ones reads nothing of what is to come. */
  renewTicketKeys(): Promise<void>;
  /** Answers nothing more, cuts what is open, and gives answers under way `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** What a front is made of. */
export interface FrontOptions {
  readonly truth: Truth;
  readonly areas: Areas;
  readonly configuration: Configuration;
  readonly certificates: Certificates;
  readonly listeners: Listeners;
  readonly hosts: OwnHosts;
  readonly originOf: ReturnType<typeof originsOf>;
  /** What Cordon's own probes are sealed with. */
  readonly probeKey: Buffer;
  /** Where the door for workers may lie: a folder for this user only. */
  readonly folder: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How many processes are to run the gateway. */
function workersOf({ workers }: Pick<Configuration, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/**
 * Binds the public ports for the main process. Ports that workers will share are bound alone first: another program, or another Cordon, on
 * one of them is told of now instead of sharing its connections. Throws as `openListeners` does.
 */
export async function openPorts(
  configuration: Pick<Configuration, 'listen' | 'workers' | 'gateway'>,
): Promise<Listeners> {
  const { limits } = configuration.gateway;
  const alone = await openListeners(configuration.listen, { limits });
  if (workersOf(configuration) === 1) return alone;
  await alone.close(0);
  return await openListeners(withPorts(configuration.listen, alone.ports), { limits, isShared: true });
}

/** Makes the front that the configuration asks for. */
export function createFront(options: FrontOptions): Front {
  return workersOf(options.configuration) === 1 ? ownFront(options) : workersFront(options);
}

/** The listeners for proxies that ask. They are of this process, also when workers carry traffic, as there is none here to carry. */
function forProxies({ configuration, certificates }: FrontOptions): {
  readonly ports: ForwardAuth['ports'];
  open(gateway: Gateway): Promise<void>;
  close(): Promise<void>;
} {
  let opened: ForwardAuth | undefined;
  return {
    get ports() {
      return opened?.ports ?? {};
    },
    open: async (gateway) => {
      const { contextFor } = certificates;
      opened = await listenForProxies({ settings: configuration.forwardAuth, gateway, contextFor });
    },
    close: async () => await opened?.close(),
  };
}

function ownFront(options: FrontOptions): Front {
  const { listeners, certificates } = options;
  const gateway = makeGateway(options);
  const proxies = forProxies(options);
  return {
    connections: () => gateway.connections(),
    cut: (filter, reason) => gateway.cut(filter, reason),
    counters: gateway.counters,
    measure: async () => await Promise.resolve(gateway.measure()),
    workers: [],
    get askedAt() {
      return proxies.ports;
    },
    serve: async (api) => {
      await proxies.open(gateway);
      listeners.useCertificates(certificates.contextFor);
      const onCrowded = crowdTeller({ ...options, journal: options.truth.journal });
      listeners.serve({ ...ownHandlers(options.hosts, api), onCrowded, gateway });
    },
    showCertificates: async () => await Promise.resolve(), // asked with every handshake
    renewTicketKeys: async () => {
      listeners.useTicketKeys(newTicketKeys());
      await Promise.resolve();
    },
    close: async (graceMs) => {
      const drained = gateway.drain(graceMs);
      const listening = listeners.close(lastMs(graceMs), drained);
      await proxies.close();
      await drained;
      await listening;
    },
  };
}

function makeGateway(options: FrontOptions): Gateway {
  const { truth, areas, configuration, clock, log, originOf, hosts, probeKey } = options;
  return tracedGateway(configuration.traces, options, (traced) =>
    createGateway({
      ...truth,
      clock,
      assertion: areas.assertion,
      sshAuthority: areas.sshAuthority,
      handoff: areas.identity.handoff,
      identityOrigin: (transport) => originOf(hosts.identity, transport),
      deviceOf: areas.devices.deviceOf,
      endSession: sessionEnder(areas),
      probes: createProbeMarks({ key: probeKey, clock }),
      ...traced,
      limits: gatewayLimits(configuration.gateway.limits),
      onError: (err, correlationId) => {
        log.error({ err, correlationId }, 'a request failed inside the gateway');
      },
    }),
  );
}

function workersFront(options: FrontOptions): Front {
  const { truth, areas, certificates, listeners, configuration, clock, log } = options;
  let ticketKeys = newTicketKeys();
  let door: Door | undefined;
  const proxies = forProxies(options);
  const { http, grpc } = configuration.forwardAuth;
  const asked = http === undefined && grpc === undefined ? undefined : makeGateway(options);
  const workers = createWorkers({
    count: workersOf(configuration),
    graph: truth.graph,
    onChanges: (listener) => truth.store.onChanges(listener),
    journal: truth.journal,
    handoff: areas.identity.handoff,
    endSession: sessionEnder(areas),
    memory: createMemory(() => clock.now()),
    log,
    settings: () => settingsOf(options, { door, ticketKeys }),
  });
  return {
    connections: async () => await workers.connections(),
    cut: async (filter, reason) => await workers.cut(filter, reason),
    measure: async () => await workers.measure(),
    get counters() {
      return workers.counters;
    },
    get workers() {
      return workers.pids;
    },
    get askedAt() {
      return proxies.ports;
    },
    serve: async (api) => {
      const own = ownHandlers(options.hosts, api);
      door = await openDoor(join(options.folder, 'workers.sock'), (request, response) => {
        const handle = ownHandler(own, request);
        if (handle === undefined)
          response.writeHead(421).end(); // no worker sends what is for an app
        else handle(request, response);
      });
      if (asked !== undefined) await proxies.open(asked);
      truth.store.waitFor(async () => await workers.applied(truth.graph.seq));
      await workers.start();
      // From here on connections are theirs; until now people were told that Cordon is starting.
      await listeners.close(0);
    },
    showCertificates: async () => {
      await workers.useCertificates(certificates.material());
    },
    renewTicketKeys: async () => {
      ticketKeys = newTicketKeys();
      await workers.useTicketKeys(ticketKeys.toString('base64url'));
    },
    close: async (graceMs) => {
      await proxies.close();
      await asked?.close();
      await workers.stop(graceMs);
      await listeners.close(0);
      await door?.close();
    },
  };
}

/** Name, and keys of the cipher and the seal (`tls.Server.setTicketKeys`). */
const TICKET_KEY_BYTES = 48;

function newTicketKeys(): Buffer {
  return randomOctets(TICKET_KEY_BYTES);
}

function settingsOf(
  options: FrontOptions,
  { door, ticketKeys }: { readonly door: Door | undefined; readonly ticketKeys: Buffer },
): WorkerSettings {
  const { areas, certificates, configuration, listeners, hosts, originOf } = options;
  if (door === undefined) throw new Error('workers need the door first');
  const { ports } = listeners;
  return {
    listen: withPorts(configuration.listen, ports),
    hosts,
    identityOrigins: {
      ...(ports.http === undefined ? {} : { http: originOf(hosts.identity, 'http') }),
      ...(ports.tls === undefined ? {} : { tls: originOf(hosts.identity, 'tls') }),
    },
    assertionKey: areas.assertionKey,
    sshKey: areas.sshKey,
    authority: areas.authority.certificate,
    ...(ports.tls === undefined ? {} : { certificates: certificates.material() }),
    door: door.key,
    ticketKeys: ticketKeys.toString('base64url'),
    probeKey: options.probeKey.toString('base64url'),
    limits: configuration.gateway.limits,
    traces: configuration.traces,
    version: options.version,
  };
}

function sessionEnder({ identity }: Areas): NonNullable<Parameters<typeof createGateway>[0]['endSession']> {
  return async ({ sessionId, userId }) =>
    await identity.sessions.endById({ sessionId, by: `user:${userId}`, ownerId: userId });
}

function ownHandlers(hosts: OwnHosts, api: Api): Pick<Handlers, 'own' | 'tlsOnly'> {
  return {
    own: new Map([
      [hosts.identity, api.identity],
      [hosts.console, api.console],
      [hosts.agent, api.agent],
      [hosts.decisions, api.decisions],
    ]),
    tlsOnly: new Set([hosts.agent]),
  };
}

function withPorts(listen: Configuration['listen'], ports: Listeners['ports']): Configuration['listen'] {
  const { http, tls } = listen;
  return {
    http: http === undefined || ports.http === undefined ? undefined : { ...http, port: ports.http },
    tls: tls === undefined || ports.tls === undefined ? undefined : { ...tls, port: ports.tls },
  };
}
