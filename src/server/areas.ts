import type { JsonWebKey } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Clock, Problem, Result } from '#base';
import type { Configuration, ListenAddress } from '#config';
import { type Authority, createAuthority, createDevices, type Devices } from '#devices';
import { type AssertionSigner, createAssertionSigner, generateAssertionKey } from '#gateway';
import { createIdentity, type Identity, type SshAuthority, sshAuthority, sshAuthorityKey } from '#identity';
import { type Journal, openJournal } from '#journal';
import { TrustGraph, type Workload } from '#model';
import { createMonitor, type Monitor } from '#monitor';
import type { ActivePolicies } from '#policy';
import { quarantineWorkload } from '#segmentation';
import { openStore, type Store } from '#store';
import { type ActivePlan, followPlan } from './active-plan.ts';
import { followPolicies } from './active-policies.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { type FollowedStore, followedStore } from './followed-store.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Log } from './log.ts';
import type { OwnHosts } from './origins.ts';
import { openSettings, type Settings } from './settings.ts';

/** The store, the journal and what is true, opened and following each other. */
export interface Truth {
  readonly store: FollowedStore;
  readonly journal: Journal;
  readonly graph: TrustGraph;
  readonly policies: () => ActivePolicies | undefined;
}

/** Opens the store and the journal and loads the graph. Throws the errors of either; then neither stays open. */
export async function openTruth(data: DataDirectory, clock: Clock, log: Log): Promise<Truth> {
  const store = followedStore(await openStore({ path: data.database, clock }));
  try {
    const journal = await openJournal({ directory: data.journal, clock });
    const graph = new TrustGraph();
    graph.load(await store.snapshot());
    // The graph is first to hear of a commit: everybody else decides from it.
    store.onChanges((changes) => {
      for (const change of changes) graph.apply(change);
    });
    return { store, journal, graph, policies: followPolicies(graph, log) };
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** The areas that hold what decisions are made from. */
export interface Areas {
  readonly settings: Settings;
  readonly authority: Authority;
  readonly assertion: AssertionSigner;
  /** The private key that assertions are signed with, for workers. */
  readonly assertionKey: JsonWebKey;
  /** The private key that SSH certificates are signed with. */
  readonly sshKey: JsonWebKey;
  readonly sshAuthority: SshAuthority;
  readonly plan: ActivePlan;
  readonly devices: Devices;
  readonly identity: Identity;
  readonly monitor: Monitor;
}

/** What the areas are made from, beside the truth. */
export interface AreaOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly source: ConfigurationSource;
  readonly configuration: Configuration;
  readonly hosts: OwnHosts;
  /** Exact origins of the identity host, one per listener. */
  readonly identityOrigins: readonly string[];
  /** Port of the TLS listener, when there is one. */
  readonly tlsPort: number | undefined;
  readonly onConfiguration: (configuration: Configuration) => Promise<void>;
  readonly onReload: ((result: Result<number, readonly Problem[]>) => void) | undefined;
}

/** Makes the areas, in the order in which they need each other. */
export async function openAreas(truth: Truth, options: AreaOptions): Promise<Areas> {
  const { store, journal, graph, policies } = truth;
  const { clock, log, hosts, configuration } = options;
  const settings = await openSettings(
    {
      ...truth,
      clock,
      source: options.source,
      onChange: options.onConfiguration,
      onReload: (result) => {
        if (!result.ok)
          log.error(
            { problems: result.error },
            'the changed configuration does not load; the last good one stays in force',
          );
        options.onReload?.(result);
      },
    },
    configuration,
  );
  const server = serverEndpoint(configuration.listen.tls, options.tlsPort);
  const plan = followPlan({ graph, policies, configuration: settings.current, server, log });
  const authority = await createAuthority({ store, clock });
  const key = await assertionKey(store);
  const sshKey = await sshAuthorityKey(store);
  const common = { store, graph, journal, clock };
  return {
    settings,
    plan,
    authority,
    assertion: createAssertionSigner({ clock, key }),
    assertionKey: key,
    sshKey,
    sshAuthority: sshAuthority(sshKey, clock),
    devices: createDevices({ ...common, authority, serverName: hosts.agent, programFor: plan.programFor }),
    identity: createIdentity({
      ...common,
      relyingParty: { id: hosts.identity, name: 'Cordon', origins: options.identityOrigins },
    }),
    monitor: createMonitor({
      ...common,
      quarantine: async ({ workloadId, ...order }) => await quarantineWorkload(store, workloadId, order),
      isServer: isThisMachine,
    }),
  };
}

/** The key that signs assertions; kept, so that upstreams need not fetch another one after each start. */
async function assertionKey(store: Store): Promise<JsonWebKey> {
  return await store.transact('system', async (tx) => {
    const kept = await tx.getPrivate<JsonWebKey>('key', 'assertion');
    if (kept !== undefined) return kept;
    const key = generateAssertionKey();
    await tx.putPrivate('key', 'assertion', key);
    return key;
  });
}

/** Where agents reach this process: the address it listens on, or all of the machine's when it listens on any. */
function serverEndpoint(
  listen: ListenAddress | undefined,
  port: number | undefined,
): { readonly addresses: readonly string[]; readonly port: number } | undefined {
  if (listen === undefined || port === undefined) return undefined;
  const isAny = listen.host === '0.0.0.0' || listen.host === '::';
  return { addresses: isAny ? machineAddresses() : [listen.host === 'localhost' ? '127.0.0.1' : listen.host], port };
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}

/** No response may cut off the machine that would have to lift it again. */
function isThisMachine(workload: Workload): boolean {
  const own = new Set(machineAddresses().filter((address) => address !== '127.0.0.1' && address !== '::1'));
  return workload.addresses.some((address) => own.has(address));
}
