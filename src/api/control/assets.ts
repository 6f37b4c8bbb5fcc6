import { isAbsolute } from 'node:path';
import { classify, clearTierOverride, explainAsset, importAws, saveImport, setTierOverride } from '#assets';
import type { CONTROL_ROUTES } from '#contract';
import { type Asset, effectiveTier, type Tier } from '#model';
import type { Caller } from '../caller.ts';
import { ApiFailure, notFound } from '../failure.ts';
import type { Answer, Handlers } from '../register.ts';
import type { ApiServices } from '../services.ts';

type Routes = Handlers<typeof CONTROL_ROUTES>;
type AssetView = Answer<(typeof CONTROL_ROUTES)['assets']>['items'][number];

const HOUR = 3_600_000;

/** What there is to protect, and its tiers. */
export function assetRoutes(
  services: ApiServices,
): Pick<Routes, 'assets' | 'asset' | 'setTier' | 'clearTier' | 'discover'> {
  const { graph, store, clock } = services;
  const by = (caller: Caller): { actor: string; clock: typeof clock; append: typeof services.journal.append } => ({
    actor: caller.actor,
    clock,
    append: async (event) => await services.journal.append(event),
  });
  return {
    assets: async ({ query }) => {
      const now = clock.now();
      const found = [...graph.all('asset')].filter((asset) => isWanted(asset, query, now)).sort(byImportance(now));
      const page = found.slice(query.offset, query.offset + query.limit);
      return await Promise.resolve({ items: page.map((asset) => assetView(asset, now)), total: found.length });
    },
    asset: async ({ params }) => await Promise.resolve(detailOf(services, params.id)),
    setTier: async ({ params, body, caller }) => {
      const { tier, reason, expiresInHours } = body;
      const expiry = expiresInHours === undefined ? {} : { expiresAt: clock.now() + expiresInHours * HOUR };
      // The contract has checked that it is 0 to 3.
      const change = { assetId: params.id, tier: tier as Tier, reason, ...expiry };
      await setTierOverride(store, change, by(caller));
      return detailOf(services, params.id);
    },
    clearTier: async ({ params, caller }) => {
      const reason = `cleared by ${caller.actor}`;
      await clearTierOverride(store, { assetId: params.id, reason }, by(caller));
      return detailOf(services, params.id);
    },
    discover: async ({ body, caller }) => {
      if (!isAbsolute(body.directory)) {
        throw new ApiFailure(400, 'request-invalid', `\`${body.directory}\` is not an absolute path`, {
          hint: 'name the directory from the root on: the server has another working directory',
        });
      }
      const report = await importAws(body.directory, { clock });
      const assets = classify(report.assets, report.observedAt);
      const { created, updated, removed, unchanged } = await saveImport(store, { ...report, assets }, by(caller));
      return {
        assets: assets.length,
        created,
        updated,
        removed,
        unchanged,
        unknownFiles: [...report.unknownFiles],
        problems: report.problems.map((problem) => ({ ...problem })),
        byKind: { ...report.counts.byKind },
        byTier: ([0, 1, 2, 3] as const).map((tier) => assets.filter((asset) => asset.computedTier === tier).length),
      };
    },
  };
}

function isWanted(
  asset: Asset,
  { kind, tier, search }: { kind?: string | undefined; tier?: number | undefined; search?: string | undefined },
  now: number,
): boolean {
  if (kind !== undefined && asset.kind !== kind) return false;
  if (tier !== undefined && effectiveTier(asset, now) !== tier) return false;
  if (search === undefined || search === '') return true;
  const { id, name, account, region, labels } = asset;
  const text = [id, name, asset.kind, account, region, ...Object.entries(labels).map((pair) => pair.join('='))];
  return text.join('\n').toLowerCase().includes(search.toLowerCase());
}

/** What matters most comes first. */
function byImportance(now: number): (a: Asset, b: Asset) => number {
  return (a, b) =>
    effectiveTier(a, now) - effectiveTier(b, now) || b.impact - a.impact || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function assetView(asset: Asset, now: number): AssetView {
  const { id, kind, name, provider, account, region, labels, computedTier, impact, confidence, ledger } = asset;
  const { override } = asset;
  return {
    id,
    kind,
    name,
    provider,
    account,
    region,
    labels: { ...labels },
    tier: effectiveTier(asset, now),
    computedTier,
    impact,
    confidence,
    overridden: override !== undefined && (override.expiresAt === undefined || override.expiresAt > now),
    reason: ledger[0]?.reason ?? '',
  };
}

function detailOf({ graph, clock }: ApiServices, id: string): Answer<(typeof CONTROL_ROUTES)['asset']> {
  const asset = graph.get('asset', id);
  if (asset === undefined) throw notFound('asset', id);
  const now = clock.now();
  const { ledger, counterfactual, override, apps } = explainAsset(asset, graph, now);
  return {
    ...assetView(asset, now),
    attributes: { ...asset.attributes },
    relations: asset.relations.map(({ type, to }) => ({ type, to })),
    source: asset.source,
    observedAt: asset.observedAt,
    ledger: ledger.map((row) => ({ ...row, evidence: [...row.evidence] })),
    ...(counterfactual === undefined ? {} : { counterfactual: counterfactual.text }),
    ...(override === undefined ? {} : { override }),
    apps: [...apps],
  };
}
