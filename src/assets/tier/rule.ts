import type { Json } from '#base';
import type { Asset, LedgerRow } from '#model';
import type { Permissions } from './permissions.ts';

/** What rules may look at besides the asset itself. */
export interface Estate {
  readonly byId: ReadonlyMap<string, Asset>;
  /** Ids of assets that have a relation of `type` to `id`. */
  sources(id: string, type: string): readonly Asset[];
  permissions(asset: Asset): Permissions;
}

/** What a rule found. `s` 0 means: looked at, and nothing of importance there. */
export interface Judgement {
  readonly s: number;
  /** `<what>: <why>`; the part before the colon is repeated in the counterfactual. */
  readonly reason: string;
  readonly evidence: readonly string[];
}

/** One idea about importance. Rules only add: nothing in the account itself can lower a tier, only a person with a reason can. */
export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly factor: LedgerRow['factor'];
  /** A guess from the kind alone, which does not count as evidence. */
  readonly isPrior?: true;
  judge(asset: Asset, estate: Estate): readonly Judgement[];
}

/** Weight of each factor of the model. A floor counts as it is. */
export const WEIGHTS: Readonly<Record<LedgerRow['factor'], number>> = {
  D: 0.9,
  P: 0.95,
  M: 0.85,
  B: 0.7,
  K: 0.6,
  S: 0.3,
  floor: 1,
};

/** Where an attribute of the asset was read: `file#path`. */
export function evidenceOf(asset: Asset, attribute: string): string {
  const evidence = asset.attributes['evidence'];
  if (!isRecord(evidence)) return asset.source;
  const own = Object.hasOwn(evidence, attribute) ? evidence[attribute] : undefined;
  if (typeof own === 'string') return own;
  const self = evidence['self'];
  return typeof self === 'string' ? self : asset.source;
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
