import type { Asset, LedgerRow } from '#model';
import { DATA_RULES } from './tier/data-rules.ts';
import { FLOOR_RULES } from './tier/floor-rules.ts';
import { MISSION_RULES } from './tier/mission-rules.ts';
import { type Permissions, permissionsOf } from './tier/permissions.ts';
import { PRIVILEGE_RULES } from './tier/privilege-rules.ts';
import { type Edge, edgesOf, type Inherited, propagate } from './tier/propagate.ts';
import { type Estate, evidenceOf, type Rule, WEIGHTS } from './tier/rule.ts';
import { impactOf, round1, tierOfImpact } from './tier/score.ts';
import { STRUCTURE_RULES } from './tier/structure-rules.ts';

/** All rules, in the order of their factors. `docs/reference/assets.md` lists them. */
export const RULES: readonly Rule[] = [
  ...FLOOR_RULES,
  ...DATA_RULES,
  ...PRIVILEGE_RULES,
  ...MISSION_RULES,
  ...STRUCTURE_RULES,
];

const PRIORS: ReadonlySet<string> = new Set(RULES.filter((rule) => rule.isPrior).map((rule) => rule.id));

/** Factors of the model that no rule here looks at yet. They count as missing evidence, so confidence stays below 1. */
const ALL_WEIGHTS = WEIGHTS.D + WEIGHTS.P + WEIGHTS.M + WEIGHTS.B + WEIGHTS.K + WEIGHTS.S;

type Row = Omit<LedgerRow, 'contribution'>;

/**
 * Ranks assets: computed tier, impact, confidence and the ledger behind them; overrides stay as they are.
 * Deterministic and independent of the order of `assets`; the answer is in order of id. Pass the whole estate at once, because
 * importance travels along relations.
 */
export function classify(assets: readonly Asset[], now: number): Asset[] {
  const ordered = [...assets].sort((a, b) => (a.id < b.id ? -1 : 1));
  const estate = estateOf(ordered);
  const rows = new Map(ordered.map((asset) => [asset.id, ownRows(asset, estate, now)]));
  const edges = edgesOf(ordered);
  inheritData(rows, edges, estate, now);
  inheritImpact(rows, edges, estate, now);
  return ordered.map((asset) => ranked(asset, rows.get(asset.id) ?? [], now));
}

function estateOf(assets: readonly Asset[]): Estate {
  const byId = new Map(assets.map((asset) => [asset.id, asset]));
  const sources = new Map<string, Asset[]>();
  for (const asset of assets)
    for (const { type, to } of asset.relations) {
      const key = `${type} ${to}`;
      const known = sources.get(key);
      if (known === undefined) sources.set(key, [asset]);
      else known.push(asset);
    }
  const permissions = new Map<string, Permissions>();
  return {
    byId,
    sources: (id, type) => sources.get(`${type} ${id}`) ?? [],
    permissions(asset) {
      const known = permissions.get(asset.id) ?? permissionsOf(asset, byId);
      permissions.set(asset.id, known);
      return known;
    },
  };
}

function ownRows(asset: Asset, estate: Estate, now: number): Row[] {
  return RULES.flatMap((rule) =>
    rule.judge(asset, estate).map(({ s, reason, evidence }) => ({
      factor: rule.factor,
      s,
      w: WEIGHTS[rule.factor],
      ruleId: rule.id,
      ruleVersion: rule.version,
      reason,
      evidence,
      observedAt: now,
    })),
  );
}

/** Copies of data are nearly as sensitive as the data. */
function inheritData(rows: Map<string, Row[]>, edges: readonly Edge[], estate: Estate, now: number): void {
  const own = new Map([...rows].map(([id, list]) => [id, round1(100 * strengthOf(list, 'D'))]));
  const inherited = propagate(
    own,
    edges.filter(({ rule }) => rule === 'stores-data-of'),
  );
  for (const [id, found] of inherited) rows.get(id)?.push(inheritedRow(found, 'D', estate, now));
}

/** Who controls something is as important as it; what something requires is nearly as important. */
function inheritImpact(rows: Map<string, Row[]>, edges: readonly Edge[], estate: Estate, now: number): void {
  const own = new Map([...rows].map(([id, list]) => [id, impactOf(list)]));
  const inherited = propagate(
    own,
    edges.filter(({ rule }) => rule !== 'stores-data-of'),
  );
  for (const [id, found] of inherited) rows.get(id)?.push(inheritedRow(found, 'floor', estate, now));
}

function strengthOf(rows: readonly Row[], factor: LedgerRow['factor']): number {
  return 1 - rows.filter((row) => row.factor === factor).reduce((absent, row) => absent * (1 - row.s), 1);
}

const MEANINGS: Readonly<Record<Inherited['rule'], string>> = {
  controls: 'control of it comes with control of this',
  requires: 'it cannot work without this',
  'stores-data-of': 'this holds its data',
};

function inheritedRow(found: Inherited, factor: 'D' | 'floor', estate: Estate, now: number): Row {
  const from = estate.byId.get(found.from);
  return {
    factor,
    s: found.value / 100,
    w: WEIGHTS[factor],
    ruleId: found.rule,
    ruleVersion: 1,
    reason: `${from?.kind ?? 'asset'} ${from?.name ?? found.from}: ${MEANINGS[found.rule]}`,
    evidence: [from === undefined ? found.from : evidenceOf(from, 'self')],
    observedAt: now,
  };
}

function ranked(asset: Asset, rows: readonly Row[], now: number): Asset {
  const all = rows.length > 0 ? rows : [noEvidence(asset, now)];
  const impact = impactOf(all);
  const ledger = all
    .map((row, index): LedgerRow => ({ ...row, contribution: round1(impact - impactOf(all.toSpliced(index, 1))) }))
    .sort(strongestFirst);
  return { ...asset, impact, computedTier: tierOfImpact(impact), confidence: confidenceOf(all), ledger };
}

/** By what would be missing without the row, then by strength; the first row is the reason a list shows. */
function strongestFirst(a: LedgerRow, b: LedgerRow): number {
  if (a.contribution !== b.contribution) return b.contribution - a.contribution;
  if (a.s * a.w !== b.s * b.w) return b.s * b.w - a.s * a.w;
  const left = `${a.ruleId} ${a.reason}`;
  const right = `${b.ruleId} ${b.reason}`;
  return left < right ? -1 : left > right ? 1 : 0;
}

function noEvidence(asset: Asset, now: number): Row {
  return {
    factor: 'M',
    s: 0,
    w: WEIGHTS.M,
    ruleId: 'no-evidence',
    ruleVersion: 1,
    reason: 'nothing: no evidence of importance was found, which does not prove that there is none',
    evidence: [evidenceOf(asset, 'self')],
    observedAt: now,
  };
}

function confidenceOf(rows: readonly Row[]): number {
  const factors = new Set(
    rows.filter((row) => !PRIORS.has(row.ruleId) && row.ruleId !== 'no-evidence').map((row) => row.factor),
  );
  let weight = 0;
  for (const factor of factors) if (factor !== 'floor') weight += WEIGHTS[factor];
  return Math.round((weight / ALL_WEIGHTS) * 100) / 100;
}
