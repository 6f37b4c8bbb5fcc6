import { type Clock, isJsonObject, type Json } from '#base';
import { type Actor, type Asset, buildEvent, type OcsfEvent, type Workload } from '#model';
import type { Store, StoreTransaction } from '#store';
import { classify } from './classify.ts';
import type { ImportReport } from './discover/import-aws.ts';

/** Who saves, and where the event goes. `append` is the journal's; an import that cannot be recorded is rolled back. */
export interface SaveOptions {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly append: (event: OcsfEvent) => Promise<unknown>;
}

/** What a saved import changed, in assets. */
export interface SaveOutcome {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly removed: number;
  /** Gone from the account, but kept because a person overrode their tier or an app is bound to them. */
  readonly kept: number;
  /** Workloads written or changed. */
  readonly workloads: number;
}

/**
 * Saves an import in one transaction. Overrides stay. An asset is removed only when a listing that would show it was read whole and
 * does not: a missing or broken file proves nothing. Assets that did not change cause no change row.
 * Each instance becomes a workload with its tags and, stronger than any tag, what is known about it: account, region, vpc, subnet, name.
 */
export async function saveImport(store: Store, report: ImportReport, options: SaveOptions): Promise<SaveOutcome> {
  const isRanked = report.assets.every((asset) => asset.ledger.length > 0);
  const assets = isRanked ? report.assets : classify(report.assets, report.observedAt);
  return await store.transact(options.actor, async (tx) => {
    const before = new Map((await tx.list('asset')).map((asset) => [asset.id, asset]));
    const counts = { created: 0, updated: 0, unchanged: 0, removed: 0, kept: 0, workloads: 0 };
    for (const asset of assets) counts[await upsert(tx, asset, before.get(asset.id))]++;
    const workloads = new Map((await tx.list('workload')).map((workload) => [workload.id, workload]));
    for (const asset of assets) {
      if (asset.kind === 'compute.instance' && (await upsertWorkload(tx, asset, workloads.get(asset.id))))
        counts.workloads++;
    }
    await removeVanished(tx, { report, assets, before, workloads }, counts);
    await options.append(importEvent(report, assets, { counts, options }));
    return counts;
  });
}

async function upsert(
  tx: StoreTransaction,
  asset: Asset,
  known: Asset | undefined,
): Promise<'created' | 'updated' | 'unchanged'> {
  if (known === undefined) {
    await tx.put('asset', asset);
    return 'created';
  }
  if (comparable(known) === comparable(asset)) return 'unchanged';
  await tx.put('asset', known.override === undefined ? asset : { ...asset, override: known.override });
  return 'updated';
}

/** The asset without what moves although nothing changed: times of observation, and positions in files. */
function comparable(asset: Asset): string {
  const { observedAt: _at, override: _override, source: _source, ledger, attributes, ...rest } = asset;
  const { evidence: _evidence, ...facts } = attributes;
  const rows = ledger.map(({ observedAt: _seen, evidence: _where, ...row }) => row);
  return JSON.stringify([rest, facts, rows]);
}

async function upsertWorkload(tx: StoreTransaction, asset: Asset, known: Workload | undefined): Promise<boolean> {
  const workload: Workload = { ...known, ...workloadOf(asset) };
  if (known !== undefined && JSON.stringify(sortedWorkload(known)) === JSON.stringify(sortedWorkload(workload)))
    return false;
  await tx.put('workload', workload);
  return true;
}

function sortedWorkload(workload: Workload): readonly unknown[] {
  const { id, name, labels, addresses, source, deviceId, assetId, quarantine } = workload;
  return [id, name, Object.entries(labels), addresses, source, deviceId ?? null, assetId ?? null, quarantine ?? null];
}

/** An instance as segmentation sees it. What Cordon knows wins over tags: a tag must not be able to claim another VPC. */
function workloadOf(asset: Asset): Workload {
  const derived = {
    account: asset.account,
    region: asset.region,
    name: asset.name,
    ...textLabel(asset, 'vpc', 'vpcId'),
    ...textLabel(asset, 'subnet', 'subnetId'),
  };
  const pairs = Object.entries({ ...asset.labels, ...derived }).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    id: asset.id,
    name: asset.name,
    labels: Object.fromEntries(pairs),
    addresses: addressesOf(asset),
    source: 'aws',
    assetId: asset.id,
  };
}

function textLabel(asset: Asset, label: string, attribute: string): Record<string, string> {
  const value = asset.attributes[attribute];
  return typeof value === 'string' ? { [label]: value } : {};
}

/** Every address packets of the instance carry inside the network: private IPv4 and IPv6; a public IPv4 is translated on the way. */
function addressesOf(asset: Asset): string[] {
  const own = asset.attributes['privateIp'];
  const found = new Set(typeof own === 'string' ? [own] : []);
  const interfaces = asset.attributes['interfaces'];
  for (const item of listOf(interfaces))
    for (const key of ['privateIps', 'ipv6'])
      for (const address of isJsonObject(item) ? listOf(item[key]) : [])
        if (typeof address === 'string') found.add(address);
  return [...found].sort();
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

interface Vanishing {
  readonly report: ImportReport;
  readonly assets: readonly Asset[];
  readonly before: ReadonlyMap<string, Asset>;
  readonly workloads: ReadonlyMap<string, Workload>;
}

async function removeVanished(
  tx: StoreTransaction,
  { report, assets, before, workloads }: Vanishing,
  counts: { removed: number; kept: number },
): Promise<void> {
  const present = new Set(assets.map((asset) => asset.id));
  const read = new Set(report.listings);
  const bound = new Set((await tx.list('app')).map((app) => app.assetId));
  for (const asset of before.values()) {
    if (asset.provider !== report.provider || present.has(asset.id)) continue;
    if (!read.has(`${asset.account} ${String(asset.attributes['listing'])}`)) continue;
    if (asset.override !== undefined || bound.has(asset.id)) {
      counts.kept++;
      continue;
    }
    await tx.delete('asset', asset.id);
    if (workloads.get(asset.id)?.source === 'aws') await tx.delete('workload', asset.id);
    counts.removed++;
  }
}

function importEvent(
  report: ImportReport,
  assets: readonly Asset[],
  { counts, options }: { counts: Readonly<Record<string, number>>; options: SaveOptions },
): OcsfEvent {
  const accounts = [...new Set(assets.map((asset) => asset.account))].sort();
  return buildEvent({
    class: 'cloudInventory',
    activity: 'collect',
    time: options.clock.now(),
    message: `imported ${assets.length} assets of ${report.provider} ${accounts.join(', ')}`,
    status: 'success',
    attributes: { cloud: { provider: report.provider, account: { uid: accounts[0] ?? 'unknown' } } },
    cordon: {
      actor: options.actor,
      accounts,
      counts: { ...counts },
      kinds: { ...report.counts.byKind },
      unknownFiles: report.unknownFiles.length,
      problems: report.problems.length,
    },
  });
}
