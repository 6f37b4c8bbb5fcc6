import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, type ApiServices, createApi } from '#api';
import { type ManualClock, manualClock, type Problem } from '#base';
import { applyConfiguration, type Configuration, parseConfiguration } from '#config';
import { createAuthority, createDevices } from '#devices';
import { createAssertionSigner, createGateway, type Gateway } from '#gateway';
import { createIdentity, IDENTITY_LIMITS } from '#identity';
import { type Journal, openJournal } from '#journal';
import { TrustGraph } from '#model';
import { createMonitor, type Monitor } from '#monitor';
import { type ActivePolicies, connectPolicies, loadPolicies } from '#policy';
import { planInputs, planSegments, quarantineWorkload } from '#segmentation';
import { openStore, type Store } from '#store';

/** When the tests begin. */
export const START: number = Date.parse('2026-03-01T09:00:00Z');
/** Cordon's own hosts in the tests. */
export const HOSTS = {
  identity: 'id.localhost',
  console: 'console.localhost',
  agent: 'agent.localhost',
  decisions: 'authz.localhost',
} as const;
/** A password the rules accept. */
export const PASSWORD = 'seven brave otters';
/** Content of the page of the console that the tests serve. */
export const PAGE = '<!doctype html><title>Cordon</title><script type="module" src="/assets/index-abc123.js"></script>';

const POLICIES = `@id("staff-open-apps")
permit (principal in Group::"staff", action == Action::"access", resource);
@id("web-to-db")
permit (principal in Segment::"web", action == Action::"connect", resource in Segment::"db")
when { context.protocol == "tcp" && context.port == 5432 };
`;

const DOCUMENT = `groups:
  staff: {}
apps:
  wiki: { name: Wiki, builtin: verify }
segments:
  web: { labels: { role: web } }
  db: { labels: { role: db } }
workloads:
  web-1: { labels: { role: web }, addresses: ["10.0.0.1"] }
  db-1: { labels: { role: db }, addresses: ["10.0.0.2"] }
`;

/** What the prober of the tests says when it is asked. */
export const NO_FINDINGS: Awaited<ReturnType<ApiServices['prober']['run']>> = {
  ...{ startedAt: START, durationMs: 12, sent: 9, refused: 9, unanswered: 0 },
  findings: [],
  notProbed: [],
};

/** A whole API on real parts: a store in memory, a journal in a folder, identity, monitor, devices, gateway, and one listener for all hosts. */
export interface ApiBench {
  readonly api: Api;
  readonly services: ApiServices;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly monitor: Monitor;
  readonly gateway: Gateway;
  readonly port: number;
  /** Path of the control socket. */
  readonly socket: string;
  /** A folder of this bench. */
  readonly folder: string;
  /** Unexpected failures, with their correlation ids. */
  readonly failures: { readonly error: unknown; readonly correlationId: string }[];
  /** What the server says about the configuration on disk. */
  setConfigurationProblem(problem: { at: number; problems: readonly Problem[] } | undefined): void;
  close(): Promise<void>;
}

interface Parts {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly configuration: Configuration;
}

/** How a bench differs from the usual one. */
export interface BenchOptions {
  /** Exchanges parts of the services, to make them fail. */
  readonly wrap?: (services: ApiServices) => ApiServices;
  /** Another console than the small one. */
  readonly consoleDirectory?: string;
  /** More of the configuration document. */
  readonly document?: string;
  /** Where the paths in it start from; else the bench's own folder. */
  readonly directory?: string;
}

/** Opens a bench. */
export async function openApiBench(options: BenchOptions = {}): Promise<ApiBench> {
  const parts = await openParts(options);
  const { folder, clock, store, graph, journal } = parts;
  const listener = createServer();
  await listen(listener, { host: '127.0.0.1', port: 0 });
  const { port } = listener.address() as AddressInfo;
  const failures: ApiBench['failures'] = [];
  const told: { problem?: { at: number; problems: readonly Problem[] } | undefined } = {};
  const services = await makeServices(parts, { port, failures, told });
  const api = await createApi(options.wrap?.(services) ?? services, {
    consoleDirectory: options.consoleDirectory ?? consoleDirectory(folder),
    uid: 1000,
  });
  const { gateway, monitor } = services;
  listener.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const host = (request.headers.host ?? '').split(':')[0];
    if (host === HOSTS.identity) api.identity(request, response);
    else if (host === HOSTS.console) api.console(request, response);
    else if (host === HOSTS.agent) api.agent(request, response);
    else if (host === HOSTS.decisions) api.decisions(request, response);
    else gateway.handle(request, response);
  });
  const socket = join(folder, 'control.sock');
  await listen(api.control, { path: socket });
  return {
    api,
    services,
    ...{ clock, store, graph, journal, monitor, gateway, port, socket, folder, failures },
    setConfigurationProblem: (problem) => {
      told.problem = problem;
    },
    close: async () => {
      await api.close();
      await monitor.close();
      services.devices.close();
      await gateway.close();
      for (const server of [listener, api.control]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await journal.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function openParts({ document = '', directory }: BenchOptions): Promise<Parts> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-api-'));
  const clock = manualClock(START);
  const store = await openStore({ path: ':memory:', clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const journal = await openJournal({ directory: join(folder, 'journal'), clock });
  const parsed = parseConfiguration({
    file: 'cordon.yaml',
    text: `${DOCUMENT}${document}`,
    directory: directory ?? folder,
    policies: { 'access.cedar': POLICIES },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return { folder, clock, store, graph, journal, configuration: parsed.value };
}

async function makeServices(
  { folder, clock, store, graph, journal, configuration }: Parts,
  {
    port,
    failures,
    told,
  }: {
    port: number;
    failures: ApiBench['failures'];
    told: { problem?: { at: number; problems: readonly Problem[] } | undefined };
  },
): Promise<ApiServices & { readonly gateway: Gateway }> {
  const applied = await applyConfiguration(configuration, { store }, { actor: 'system', message: '', now: START });
  if (!applied.ok) throw new Error(JSON.stringify(applied.error));
  const policies = activePolicies(graph);
  const originOf: ApiServices['originOf'] = (host, transport = 'http') =>
    `${transport === 'tls' ? 'https' : 'http'}://${host}:${port}`;
  const identity = createIdentity({
    store,
    graph,
    journal,
    clock,
    relyingParty: { id: HOSTS.identity, name: 'Cordon', origins: [originOf(HOSTS.identity)] },
    // A cheap password hash: nothing here is about its cost.
    limits: { ...IDENTITY_LIMITS, password: { ...IDENTITY_LIMITS.password, memoryKiB: 64, passes: 1 } },
  });
  const authority = await createAuthority({ store, clock });
  const devices = createDevices({
    ...{ store, graph, journal, clock, authority },
    serverName: HOSTS.agent,
    programFor: () => undefined,
  });
  const gateway = createGateway({
    ...{ graph, policies, journal, clock },
    assertion: createAssertionSigner({ clock }),
    handoff: identity.handoff,
    identityOrigin: originOf(HOSTS.identity),
    deviceOf: () => undefined,
  });
  const monitor = createMonitor({
    ...{ store, graph, journal, clock },
    quarantine: async ({ workloadId, ...order }) => await quarantineWorkload(store, workloadId, order),
  });
  return {
    ...{ clock, store, graph, journal, policies, identity, gateway, devices, authority, monitor, originOf },
    sshAuthority: { publicKey: 'ssh-ed25519 AAAA cordon' },
    version: '0.0.0-test',
    startedAt: START,
    configuration: () => configuration,
    prober: { last: () => undefined, run: async () => NO_FINDINGS },
    adopt: async () => {},
    configurationProblem: () => told.problem,
    journalDirectory: join(folder, 'journal'),
    plan: () => {
      const active = policies();
      return planSegments(planInputs(graph, active === undefined ? [] : connectPolicies(active)));
    },
    hosts: HOSTS,
    onFailure: (error, correlationId) => failures.push({ error, correlationId }),
  };
}

/** The policies in force, compiled again when another bundle is active. */
function activePolicies(graph: TrustGraph): () => ActivePolicies | undefined {
  let known: ActivePolicies | undefined;
  return () => {
    const activation = graph.get('policyActivation', 'active');
    if (activation === undefined) return undefined;
    if (known?.version === activation.version) return known;
    const texts = graph.get('policyBundle', activation.bundleId)?.texts ?? {};
    const loaded = loadPolicies({ texts, version: activation.version });
    if (loaded.ok) known = loaded.value;
    return known;
  };
}

function consoleDirectory(folder: string): string {
  const directory = join(folder, 'console');
  mkdirSync(join(directory, 'assets'), { recursive: true });
  writeFileSync(join(directory, 'index.html'), PAGE);
  writeFileSync(join(directory, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(directory, 'assets/index-abc123.js'), 'export {};\n');
  writeFileSync(join(directory, '.inputs'), 'not for the network');
  return directory;
}

async function listen(server: Server, at: { host?: string; port?: number; path?: string }): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(at, resolve);
  });
}
