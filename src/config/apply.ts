import { isDeepStrictEqual } from 'node:util';
import { err, ok, type Problem, type Result } from '#base';
import type { Actor, EntityKind, EntityOf, PolicyBundle, TrustGraph, Workload } from '#model';
import { loadPolicies } from '#policy';
import type { Store, StoreTransaction } from '#store';
import type { Configuration } from './configuration.ts';

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

/** What applying `configuration` would change, in the order it would be done. */
export function diffConfiguration(configuration: Configuration, graph: TrustGraph): readonly ConfigurationChange[] {
  return plan(configuration, graph, { author: '', message: '', now: 0 }).map(({ kind, id, op }) => ({ kind, id, op }));
}

/**
 * Applies a checked document in one transaction; policies that do not validate refuse the whole document.
 * A change of policy texts becomes a new bundle with author and message, and is activated.
 */
export async function applyConfiguration(
  configuration: Configuration,
  target: { readonly store: Store; readonly graph: TrustGraph },
  by: { readonly actor: Actor; readonly message: string; readonly now: number },
): Promise<Result<readonly ConfigurationChange[], readonly Problem[]>> {
  const checked = loadPolicies({ texts: configuration.policies, version: 1 });
  if (!checked.ok) return err(checked.error);
  const changes = plan(configuration, target.graph, { author: by.actor, message: by.message, now: by.now });
  if (changes.length > 0) {
    await target.store.transact(by.actor, async (tx) => {
      for (const change of changes) await change.apply(tx);
    });
  }
  return ok(changes.map(({ kind, id, op }) => ({ kind, id, op })));
}

function plan(
  configuration: Configuration,
  graph: TrustGraph,
  by: { author: string; message: string; now: number },
): Planned[] {
  const workloads = configuration.workloads.map((workload): Workload => {
    const quarantine = graph.get('workload', workload.id)?.quarantine;
    return { ...workload, source: 'declared', ...(quarantine === undefined ? {} : { quarantine }) };
  });
  return [
    ...planKind('group', configuration.groups, graph, () => false),
    ...planKind('app', configuration.apps, graph, () => true),
    ...planKind('segment', configuration.segments, graph, () => true),
    ...planKind('workload', workloads, graph, (workload) => workload.source === 'declared'),
    ...planKind('responseRule', configuration.responses, graph, () => true),
    ...planPolicies(configuration.policies, graph, by),
  ];
}

function planKind<K extends ManagedKind>(
  kind: K,
  wanted: readonly EntityOf[K][],
  graph: TrustGraph,
  isOwned: (entity: EntityOf[K]) => boolean,
): Planned[] {
  const planned: Planned[] = [];
  const ids = new Set<string>();
  for (const entity of wanted) {
    ids.add(entity.id);
    const current = graph.get(kind, entity.id);
    if (current !== undefined && isDeepStrictEqual(current, entity)) continue;
    planned.push({
      kind,
      id: entity.id,
      op: current === undefined ? 'add' : 'change',
      apply: async (tx) => await tx.put(kind, entity),
    });
  }
  for (const entity of graph.all(kind)) {
    if (ids.has(entity.id) || !isOwned(entity)) continue;
    planned.push({
      kind,
      id: entity.id,
      op: 'remove',
      apply: async (tx) => await tx.delete(kind satisfies EntityKind, entity.id),
    });
  }
  return planned;
}

function planPolicies(
  texts: Readonly<Record<string, string>>,
  graph: TrustGraph,
  by: { author: string; message: string; now: number },
): Planned[] {
  const active = graph.get('policyActivation', 'active');
  const current = active === undefined ? undefined : graph.get('policyBundle', active.bundleId);
  if (current !== undefined && isDeepStrictEqual(current.texts, texts)) return [];
  const version = 1 + Math.max(0, ...[...graph.all('policyBundle')].map((bundle) => bundle.version));
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
      op: current === undefined ? 'add' : 'change',
      apply: async (tx) => {
        await tx.put('policyBundle', bundle);
        await tx.put('policyActivation', { id: 'active', bundleId: bundle.id, version, by: by.author, at: by.now });
      },
    },
  ];
}
