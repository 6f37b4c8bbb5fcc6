import { type Asset, effectiveTier, type LedgerRow, type Tier, type TierOverride, type TrustGraph } from '#model';
import { impactOf, tierOfImpact } from './tier/score.ts';

/** Why an asset has its tier. */
export interface AssetExplanation {
  readonly asset: Asset;
  /** The tier in force. */
  readonly tier: Tier;
  readonly computedTier: Tier;
  /** Present while it is in force. */
  readonly override?: TierOverride;
  readonly ledger: readonly LedgerRow[];
  /** What the tier would be without the strongest reason; absent when there is no reason to take away. */
  readonly counterfactual?: { readonly without: string; readonly tier: Tier; readonly text: string };
  /** Factors of the model without any evidence. */
  readonly missing: readonly string[];
  /** Apps through which the asset is reached. */
  readonly apps: readonly string[];
}

const FACTORS = {
  D: 'data sensitivity',
  P: 'privilege',
  M: 'mission',
  B: 'blast radius',
  K: 'dependency',
  S: 'structure',
  floor: 'floor',
} as const;

/** Explains an asset's tier from its ledger, so that the explanation is what was decided and not a second opinion. */
export function explainAsset(asset: Asset, graph: TrustGraph, now: number): AssetExplanation {
  const seen = new Set(asset.ledger.map((row) => row.factor));
  const tier = effectiveTier(asset, now);
  const inForce = asset.override !== undefined && (asset.override.expiresAt ?? Infinity) > now;
  const counterfactual = counterfactualOf(asset);
  return {
    asset,
    tier,
    computedTier: asset.computedTier,
    ...(inForce && asset.override !== undefined ? { override: asset.override } : {}),
    ledger: asset.ledger,
    ...(counterfactual === undefined ? {} : { counterfactual }),
    missing: (['D', 'P', 'M', 'B', 'K', 'S'] as const).filter((factor) => !seen.has(factor)).map((f) => FACTORS[f]),
    apps: [...graph.all('app')].filter((app) => app.assetId === asset.id).map((app) => app.host),
  };
}

function counterfactualOf(asset: Asset): AssetExplanation['counterfactual'] {
  const [strongest, ...others] = asset.ledger;
  if (strongest === undefined || strongest.s === 0) return undefined;
  const without = strongest.reason.split(': ')[0] ?? strongest.reason;
  const tier = tierOfImpact(impactOf(others));
  const text =
    tier === asset.computedTier
      ? `without ${without} this would still be T${tier}`
      : `without ${without} this would be T${tier}`;
  return { without, tier, text };
}

/** The explanation as lines for a terminal. */
export function explanationText(explanation: AssetExplanation): string {
  const { asset, tier, override, counterfactual, missing, apps } = explanation;
  const lines = [
    `${asset.name} (${asset.kind}) is T${tier}`,
    `  id          ${asset.id}`,
    `  computed    T${asset.computedTier}, impact ${asset.impact} of 100, confidence ${Math.round(asset.confidence * 100)} %`,
  ];
  if (override !== undefined) {
    const until =
      override.expiresAt === undefined ? 'until cleared' : `until ${new Date(override.expiresAt).toISOString()}`;
    lines.push(`  override    T${override.tier} by ${override.by}, ${until}: ${override.reason}`);
  }
  lines.push('  ledger');
  for (const row of asset.ledger) {
    const share = row.factor === 'floor' ? `at least ${Math.round(row.s * 1000) / 10}` : `${row.s} x ${row.w}`;
    lines.push(
      `    +${row.contribution.toFixed(1).padStart(5)}  ${FACTORS[row.factor].padEnd(16)} ${row.reason} (${share}, ${row.ruleId} v${row.ruleVersion})`,
      ...row.evidence.map((place) => `            ${place}`),
    );
  }
  if (counterfactual !== undefined) lines.push(`  ${counterfactual.text}`);
  if (missing.length > 0) lines.push(`  no evidence about ${missing.join(', ')}`);
  if (apps.length > 0) lines.push(`  reached through ${apps.join(', ')}`);
  return lines.join('\n');
}
