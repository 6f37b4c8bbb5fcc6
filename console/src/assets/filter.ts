import type { ControlOutput } from '../client.ts';
import { holdsAll, searchWords } from '../parts/words.ts';

type Asset = ControlOutput<'assets'>['items'][number];

/** What a list of assets is narrowed to; empty means any. */
export interface AssetFilter {
  readonly search: string;
  readonly tier: string | undefined;
  readonly kind: string | undefined;
  readonly provider: string | undefined;
}

/** Every word of the search has to occur in the name, id, kind, place, reason or labels. */
export function filterAssets(assets: readonly Asset[], filter: AssetFilter): readonly Asset[] {
  const words = searchWords(filter.search);
  const { tier = '', kind = '', provider = '' } = filter;
  return assets.filter(
    (asset) =>
      (tier === '' || String(asset.tier) === tier) &&
      (kind === '' || asset.kind === kind) &&
      (provider === '' || asset.provider === provider) &&
      (words.length === 0 || matches(asset, words)),
  );
}

function matches(asset: Asset, words: readonly string[]): boolean {
  const { name, id, kind, account, region, reason, labels } = asset;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return holdsAll([name, id, kind, account, region, reason, ...pairs], words);
}
