import { isDeepStrictEqual } from 'node:util';
import { err, ok, type Problem, type Result } from '#base';
import type { Actor, EntityKind, EntityOf, PolicyBundle, TrustGraph, Workload } from '#model';
import { loadPolicies } from '#policy';
import type { Store, StoreTransaction } from '#store';
import type { Configuration } from './configuration.ts';
import { runBundleTests } from './policy-tests.ts';

/** The kinds that `cordon.yaml` owns: what is not in the document is removed. Groups are only added or changed. */
type ManagedKind = 'app' | 'group' | 'segment' | 'workload' | 'responseRule';

/** One difference between a document and what is in force. */
export interface ConfigurationChange {
  readonly kind: ManagedKind | 'policies';
  readonly id: string;
  readonly op: 'add' | 'change' | 'remove';
}

interface Planned extends ConfigurationChange {
  readonly apply: (tx: StoreTransaction) => Promise<void>;
}

/** What is in force, as far as a document can change it. A graph is one; a transaction makes one. */
interface InForce {
  get<K extends PlannedKind>(kind: K, id: string): EntityOf[K] | undefined;
  all<K extends PlannedKind>(kind: K): Iterable<EntityOf[K]>;
}

const PLANNED_KINDS = [
  'app',
  'group',
  'segment',
  'workload',
  'responseRule',
  'policyBundle',
  'policyActivation',
] as const;
type PlannedKind = (typeof PLANNED_KINDS)[number];

/** What applying `configuration` would change, in the order it would be done. */
export function diffConfiguration(configuration: Configuration, graph: TrustGraph): readonly ConfigurationChange[] {
  return plan(configuration, graph, { author: '', message: '', now: 0 }).map(({ kind, id, op }) => ({ kind, id, op }));
}

/**
 * Applies a checked document in one transaction; policies that do not validate refuse the whole document, and so do
 * other policies than those in force that fail their own tests.
 * A change of policy texts becomes a new bundle with author and message, and is activated.
 */
export async function applyConfiguration(
  configuration: Configuration,
  target: { readonly store: Pick<Store, 'transact'> },
  by: { readonly actor: Actor; readonly message: string; readonly now: number },
): Promise<Result<readonly ConfigurationChange[], readonly Problem[]>> {
  const checked = loadPolicies({ texts: configuration.policies, version: 1 });
  if (!checked.ok) return err(checked.error);
  const tested = runBundleTests(checked.value, configuration.policies);
  const failures = tested.ok ? tested.value.failures : tested.error;
  // Planned inside the transaction: from a graph, a quarantine or a bundle committed in between would be overwritten.
  return await target.store.transact(by.actor, async (tx) => {
    const changes = plan(configuration, await inForce(tx), { author: by.actor, message: by.message, now: by.now });
    // What is in force already stays so: a Cordon whose guardrails are stricter must start with the policies of the one before.
    if (failures.length > 0 && changes.some(({ kind }) => kind === 'policies')) return err(failures);
    for (const change of changes) await change.apply(tx);
    return ok(changes.map(({ kind, id, op }) => ({ kind, id, op })));
  });
}

async function inForce(tx: StoreTransaction): Promise<InForce> {
  const tables = new Map<PlannedKind, ReadonlyMap<string, EntityOf[PlannedKind]>>();
  for (const kind of PLANNED_KINDS) {
    const entities: readonly EntityOf[PlannedKind][] = await tx.list(kind);
    tables.set(kind, new Map(entities.map((entity) => [entity.id, entity])));
  }
  // The casts join a kind with the entities that were listed under it.
  return {
    get: <K extends PlannedKind>(kind: K, id: string) => tables.get(kind)?.get(id) as EntityOf[K] | undefined,
    all: <K extends PlannedKind>(kind: K) => (tables.get(kind)?.values() ?? []) as Iterable<EntityOf[K]>,
  };
}

function plan(
  configuration: Configuration,
  current: InForce,
  by: { author: string; message: string; now: number },
): Planned[] {
  const workloads = configuration.workloads.map((workload): Workload => {
    const quarantine = current.get('workload', workload.id)?.quarantine;
    return { ...workload, source: 'declared', ...(quarantine === undefined ? {} : { quarantine }) };
  });
  return [
    ...planKind('group', configuration.groups, current, () => false),
    ...planKind('app', configuration.apps, current, () => true),
    ...planKind('segment', configuration.segments, current, () => true),
    ...planKind('workload', workloads, current, (workload) => workload.source === 'declared'),
    ...planKind('responseRule', configuration.responses, current, () => true),
    ...planPolicies(configuration.policies, current, by),
  ];
}

function planKind<K extends ManagedKind>(
  kind: K,
  wanted: readonly EntityOf[K][],
  current: InForce,
  isOwned: (entity: EntityOf[K]) => boolean,
): Planned[] {
  const planned: Planned[] = [];
  const ids = new Set<string>();
  for (const entity of wanted) {
    ids.add(entity.id);
    const before = current.get(kind, entity.id);
    if (before !== undefined && isDeepStrictEqual(before, entity)) continue;
    planned.push({
      kind,
      id: entity.id,
      op: before === undefined ? 'add' : 'change',
      apply: async (tx) => await tx.put(kind, entity),
    });
  }
  const gone = [...current.all(kind)].filter((entity) => !ids.has(entity.id) && isOwned(entity)).map(({ id }) => id);
  // A graph lists them as they came, a transaction by id: the order must not depend on who asks.
  for (const id of gone.sort()) {
    planned.push({ kind, id, op: 'remove', apply: async (tx) => await tx.delete(kind satisfies EntityKind, id) });
  }
  return planned;
}

function planPolicies(
  texts: Readonly<Record<string, string>>,
  current: InForce,
  by: { author: string; message: string; now: number },
): Planned[] {
  const active = current.get('policyActivation', 'active');
  const before = active === undefined ? undefined : current.get('policyBundle', active.bundleId);
  if (before !== undefined && isDeepStrictEqual(before.texts, texts)) return [];
  const version = 1 + Math.max(0, ...[...current.all('policyBundle')].map((bundle) => bundle.version));
  const bundle: PolicyBundle = {
    id: `policy-${version}`,
    version,
    texts,
    author: by.author,
    message: by.message,
    createdAt: by.now,
  };
  return [
    {
      kind: 'policies',
      id: bundle.id,
      op: before === undefined ? 'add' : 'change',
      apply: async (tx) => {
        await tx.put('policyBundle', bundle);
        await tx.put('policyActivation', { id: 'active', bundleId: bundle.id, version, by: by.author, at: by.now });
      },
    },
  ];
}
