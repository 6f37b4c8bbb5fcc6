import type { LedgerRow, Tier } from '#model';

/** The parts of a ledger row that the impact follows from. */
export type Weighed = Pick<LedgerRow, 'factor' | 's' | 'w'>;

/**
 * Impact, 0 to 100 with one decimal: noisy-or over the rows of each factor, then over the weighted factors, and never below a floor.
 * Any single strong reason suffices; weak reasons add up and are never averaged away.
 */
export function impactOf(rows: readonly Weighed[]): number {
  const missing = new Map<LedgerRow['factor'], { absent: number; w: number }>();
  let floor = 0;
  for (const { factor, s, w } of rows) {
    if (factor === 'floor') floor = Math.max(floor, s);
    else missing.set(factor, { absent: (missing.get(factor)?.absent ?? 1) * (1 - s), w });
  }
  let rest = 1;
  for (const { absent, w } of missing.values()) rest *= 1 - w * (1 - absent);
  return round1(100 * Math.max(floor, 1 - rest));
}

/** The tier of an impact: T0 from 85, T1 from 65, T2 from 35. */
export function tierOfImpact(impact: number): Tier {
  if (impact >= 85) return 0;
  if (impact >= 65) return 1;
  return impact >= 35 ? 2 : 3;
}

/** Rounds to one decimal, so that the order of additions never shows. */
export function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
