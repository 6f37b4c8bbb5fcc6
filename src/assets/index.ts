/**
 * assets: what there is to protect, and how much each of it matters.
 *
 * Owns discovery from saved cloud descriptions, the canonical kinds and relations, the explainable tier, its overrides, and the
 * workloads that stand for imported instances. Never talks to a cloud, never reads secret values, and never lowers a tier
 * because of something an account says about itself: only a person with a reason can.
 */
export { classify } from './classify.ts';
export { importAws, type ImportOptions, type ImportReport } from './discover/import-aws.ts';
export { type AssetExplanation, explainAsset, explanationText } from './explain.ts';
export { clearTierOverride, setTierOverride, type TierChangeOptions } from './override.ts';
export { saveImport, type SaveOptions, type SaveOutcome } from './save-import.ts';
