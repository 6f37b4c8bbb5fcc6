import type { Json } from '#base';
import type { Asset } from '#model';
import { awsDrafts } from './cloud-aws.ts';
import { azureDrafts } from './cloud-azure.ts';

/** What the files of a cloud say about one asset; the ranking follows. */
export interface AssetDraft {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  /** The saved answer that it would come from, relative to the import's root. */
  readonly file: string;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, Json>>;
  /** Pairs of relation and target id. */
  readonly relations?: readonly (readonly [type: string, to: string])[];
}

/** One account or subscription. */
export interface Cloud {
  readonly provider: 'aws' | 'azure';
  readonly account: string;
  readonly region: string;
  readonly drafts: readonly AssetDraft[];
}

/** Both clouds. */
export const CLOUDS: readonly Cloud[] = [
  { provider: 'aws', account: '111122223333', region: 'eu-central-1', drafts: awsDrafts() },
  { provider: 'azure', account: '00000000-0000-4000-8000-000000000001', region: 'westeurope', drafts: azureDrafts() },
];

/** All assets, not ranked yet: `classify` of the assets area does that, as it does with an import. */
export function demoAssets(observedAt: number): Asset[] {
  return CLOUDS.flatMap(({ provider, account, region, drafts }) =>
    drafts.map((draft): Asset => {
      const place = `${draft.region ?? region}/${draft.file}`;
      return {
        id: draft.id,
        kind: draft.kind,
        name: draft.name,
        provider,
        account,
        region: draft.region ?? region,
        labels: draft.labels ?? {},
        attributes: { ...draft.attributes, evidence: { self: `${place}#${draft.name}` } },
        relations: (draft.relations ?? []).map(([type, to]) => ({ type, to })),
        source: place,
        observedAt,
        computedTier: 3,
        impact: 0,
        confidence: 0,
        ledger: [],
      };
    }),
  );
}
