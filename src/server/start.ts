import { type Api, type ApiServices, createApi } from '#api';
import { type Clock, type Problem, randomOctets, type Result } from '#base';
import type { Configuration } from '#config';
import type { Actor } from '#model';
import { createProbeMarks, type ProbeMarks } from '#wire';
import { type Areas, openAreas, openTruth, type Truth } from './areas.ts';
import { type Certificates, keepCertificates } from './certificates.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { closeControl, listenControl, refuseSecond } from './control-socket.ts';
import { type DataDirectory, prepareDataDirectory } from './data-directory.ts';
import { expiryTeller } from './expired-certificate.ts';
import { createFront, type Front, openPorts } from './front.ts';
import type { Listeners } from './listeners.ts';
import type { Log } from './log.ts';
import { originsOf, type OwnHosts, ownHosts } from './origins.ts';
import { startMetrics } from './metrics/serve.ts';
import type { Prober } from './probe/prober.ts';
import { watchItself } from './probe/watch.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import { readForStart } from './settings.ts';

/** How to start. */
export interface StartOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly source: ConfigurationSource;
  /** Directory of the built console. */
  readonly consoleDirectory: string;
  /** User id of this process, for the record of who used the control socket. */
  readonly uid: number;
  readonly log: Log;
  /** Looks at what is stored before the configuration is put in force. What it throws ends the start, and nothing was changed. */
  readonly admit?: (truth: Truth) => void;
  /** Fills the installation once its configuration is in force, before anybody is answered. */
  readonly seed?: (truth: Truth) => Promise<void>;
  /** Told of every reload: the number of changes, or why the last good configuration stays. */
  readonly onReload?: (result: Result<number, readonly Problem[]>) => void;
}

/** A running Cordon. */
export interface Cordon {
  readonly consoleUrl: string;
  /** Ports in use; they differ from the configured ones when those are 0. */
  readonly ports: Listeners['ports'];
  readonly controlSocket: string;
  /** The one-time link while there is no administrator. */
  readonly firstAdministrator: { readonly url: string; readonly expiresAt: number } | undefined;
  /** What was noticed while starting and a person should know. */
  readonly notices: readonly string[];
  /** Everything the API answers from; for tests and benchmarks. */
  readonly services: ApiServices;
  readonly front: Front;
  /** For whoever probes this Cordon. */
  readonly marks: Pick<ProbeMarks, 'ask'>;
  /** Where metrics are shown; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  reload(by?: Actor): Promise<Result<number, readonly Problem[]>>;
  /** Stops answering, cuts what is open, writes what has gathered, closes. */
  stop(): Promise<void>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** How long TLS sessions are sealed with the same keys. */
const TICKET_KEYS_MS = 12 * 60 * MINUTE;

/** Starts Cordon. Whatever cannot be opened ends the start with a coded error; then nothing stays open. */
export async function startCordon(options: StartOptions): Promise<Cordon> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await start(options, undo);
  } catch (cause) {
    for (const close of undo.reverse()) await close().catch(() => undefined); // the first failure is the one to tell
    throw cause;
  }
}

async function start(options: StartOptions, undo: (() => Promise<unknown>)[]): Promise<Cordon> {
  const { clock, log, source } = options;
  const { configuration, data, listeners, truth } = await openGround(options, undo);
  options.admit?.(truth);
  const hosts = ownHosts(configuration);
  const originOf = publicOrigins(listeners, truth, configuration);
  const transports = (['http', 'tls'] as const).filter((transport) => listeners.ports[transport] !== undefined);
  const on: { configuration: () => Promise<void>; certificates: () => Promise<void> } = {
    configuration: async () => {},
    certificates: async () => {},
  };
  const areas = await openAreas(truth, {
    clock,
    log,
    source,
    configuration,
    hosts,
    identityOrigins: transports.map((transport) => originOf(hosts.identity, transport)),
    tlsPort: listeners.ports.tls,
    onConfiguration: async () => await on.configuration(),
    onReload: options.onReload,
  });
  undo.push(async () => await areas.monitor.close());
  await options.seed?.(truth);
  const certificates = await openCertificates(truth, areas, {
    ...{ configuration, hosts, listeners, clock, log },
    onChange: async () => await on.certificates(),
  });
  undo.push(async () => await certificates.close());
  on.configuration = async () => {
    areas.plan.invalidate();
    await certificates.refresh();
  };
  const probeKey = randomOctets(32);
  const front = createFront({
    ...{ truth, areas, configuration, certificates, listeners, hosts, originOf, clock, log },
    folder: data.path,
    version: options.version,
    probeKey,
  });
  on.certificates = front.showCertificates;
  undo.push(async () => await front.close(0));
  const marks = createProbeMarks({ key: probeKey, clock });
  const prober = watchItself({
    ...{ truth, configuration: areas.settings.current, ports: listeners.ports, marks, hosts, originOf, clock, log },
  });
  undo.push(async () => await prober.stop());
  const services = makeServices(truth, areas, { options, data, front, prober, originOf, hosts });
  const { consoleDirectory, uid } = options;
  const api = await createApi(services, { consoleDirectory, uid });
  undo.push(async () => await api.close());
  await listenControl(api.control, data.controlSocket);
  undo.push(async () => await closeControl(api.control, data.controlSocket));
  const link = await areas.identity.invitations.bootstrap();
  const schedule = scheduleWork(truth, areas, { certificates, front, log });
  undo.push(async () => await schedule.stop());
  const metrics = await startMetrics(configuration.metrics.listen, {
    ...truth,
    ...{ front, prober, log, version: options.version, startedAt: services.startedAt },
  });
  undo.push(async () => await metrics?.close());
  await front.serve(api);
  void certificates.order();
  return {
    consoleUrl: originOf(hosts.console),
    ports: listeners.ports,
    controlSocket: data.controlSocket,
    firstAdministrator: link === undefined ? undefined : invitation(link, originOf(hosts.identity)),
    notices: noticesOf(truth),
    services,
    front,
    marks,
    metricsPort: metrics?.port,
    reload: async (by = 'system') => await areas.settings.reload(by),
    stop: once(async () => {
      await metrics?.close();
      await stop({ schedule, prober, front, api, certificates, areas, truth, data });
    }),
  };
}

function invitation(
  { token, expiresAt }: { readonly token: string; readonly expiresAt: number },
  origin: string,
): NonNullable<Cordon['firstAdministrator']> {
  return { url: `${origin}/enrol#${token}`, expiresAt };
}

/** What everything else stands on. */
async function openGround(
  { clock, log, source }: StartOptions,
  undo: (() => Promise<unknown>)[],
): Promise<{
  readonly configuration: Configuration;
  readonly data: DataDirectory;
  readonly listeners: Listeners;
  readonly truth: Truth;
}> {
  const configuration = readForStart(source);
  const data = prepareDataDirectory(configuration.data);
  await refuseSecond(data.controlSocket);
  // Bound first: a port that is taken is the likeliest failure, and the origins follow from the ports.
  const listeners = await openPorts(configuration);
  undo.push(async () => await listeners.close(0));
  const truth = await openTruth(data, clock, log);
  undo.push(
    async () => await truth.store.close(),
    async () => await truth.journal.close(),
  );
  return { configuration, data, listeners, truth };
}

function publicOrigins(
  { ports }: Listeners,
  { graph }: Truth,
  { forwardAuth }: Configuration,
): ReturnType<typeof originsOf> {
  const has = (host: string): boolean => graph.appByHost(host)?.enforcedBy === 'forward-auth';
  return originsOf(ports, { has, port: forwardAuth.publicPort });
}

async function openCertificates(
  { graph, store, journal }: Truth,
  { authority, settings }: Areas,
  parts: {
    readonly configuration: Configuration;
    readonly hosts: OwnHosts;
    readonly listeners: Listeners;
    readonly clock: Clock;
    readonly log: Log;
    readonly onChange: () => Promise<void>;
  },
): Promise<Certificates> {
  const { configuration, hosts, listeners, clock, log, onChange } = parts;
  const { identity, console, agent, decisions } = hosts;
  const acme = { store, journal, clock, log, httpsPort: (): number | undefined => listeners.ports.tls };
  return await keepCertificates({
    authority,
    clock,
    agentHost: agent,
    onChange,
    onExpired: expiryTeller({ journal, clock, log }),
    hosts: () => [identity, console, agent, decisions, ...Array.from(graph.all('app'), ({ host }) => host)],
    files: () => settings.current().tls,
    ...(configuration.acme === undefined ? {} : { acme: { ...acme, settings: configuration.acme } }),
  });
}

interface Wiring {
  readonly options: StartOptions;
  readonly originOf: ReturnType<typeof originsOf>;
  readonly hosts: OwnHosts;
}

function makeServices(
  truth: Truth,
  areas: Areas,
  wiring: Wiring & { readonly data: DataDirectory; readonly front: Front; readonly prober: Prober },
): ApiServices {
  const { options, data, front, prober, originOf, hosts } = wiring;
  const { settings, plan, ...rest } = areas;
  return {
    ...truth,
    ...rest,
    version: options.version,
    clock: options.clock,
    startedAt: options.clock.now(),
    configuration: settings.current,
    adopt: settings.adopt,
    configurationProblem: settings.problem,
    journalDirectory: data.journal,
    gateway: front,
    prober,
    plan: plan.plan,
    originOf,
    hosts,
    onFailure: (err, correlationId) => {
      options.log.error({ err, correlationId }, 'a request to the API failed');
    },
  };
}

function scheduleWork(
  { graph }: Truth,
  { identity, devices, monitor, settings }: Areas,
  { certificates, front, log }: { readonly certificates: Certificates; readonly front: Front; readonly log: Log },
): Schedule {
  const schedule = createSchedule(log);
  schedule.every(SECOND, 'monitor', async () => {
    await monitor.sweep();
  });
  schedule.every(SECOND, 'configuration', settings.follow);
  schedule.every(MINUTE, 'identity', identity.sweep);
  schedule.every(MINUTE, 'devices', devices.sweep);
  schedule.every(SECOND, 'certificates of the own authority', certificates.renew);
  schedule.every(60 * MINUTE, 'certificates', certificates.refresh);
  schedule.every(MINUTE, 'orders of certificates', certificates.order);
  schedule.every(TICKET_KEYS_MS, 'ticket keys', front.renewTicketKeys);
  // A new app has a new name in the certificate.
  graph.onTouched(({ kind }) => {
    if (kind !== 'app') return;
    certificates.refresh().then(certificates.order, (err: unknown) => {
      log.error({ err }, 'the certificate for the new app could not be made');
    });
  });
  return schedule;
}

async function stop(parts: {
  readonly schedule: Schedule;
  readonly prober: Prober;
  readonly front: Front;
  readonly api: Api;
  readonly certificates: Certificates;
  readonly areas: Areas;
  readonly truth: Truth;
  readonly data: DataDirectory;
}): Promise<void> {
  const { schedule, prober, front, api, certificates, areas, truth, data } = parts;
  await certificates.close();
  await Promise.all([schedule.stop(), prober.stop()]);
  await closeControl(api.control, data.controlSocket);
  areas.devices.close();
  const closing = front.close(areas.settings.current().gateway.drainMs);
  await api.close();
  await closing;
  await areas.monitor.close();
  await truth.journal.close();
  await truth.store.close();
}

function noticesOf({ journal }: Truth): string[] {
  const { recovered } = journal;
  if (recovered === undefined) return [];
  return ['the end of the journal was torn by a crash and has been cut off; no acknowledged event is lost'];
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return async () => {
    done ??= work();
    await done;
  };
}
