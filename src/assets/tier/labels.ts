import type { Asset } from '#model';
import { evidenceOf } from './rule.ts';

/** A label that says something about importance. */
export interface LabelFact {
  /** `key=value` as written. */
  readonly label: string;
  readonly s: number;
  readonly evidence: readonly string[];
}

/**
 * The labels whose name is one of `names` and whose value has a known strength. Case, spaces, dashes and underscores do not count.
 * A value that is not known is no evidence at all, rather than evidence of unimportance.
 */
export function labelled(
  asset: Asset,
  names: readonly string[],
  strengths: Readonly<Record<string, number>>,
): LabelFact[] {
  return Object.entries(asset.labels).flatMap(([key, value]) => {
    if (!names.includes(plain(key))) return [];
    const known = plain(value);
    const s = Object.hasOwn(strengths, known) ? strengths[known] : undefined;
    if (s === undefined) return [];
    return [{ label: `${key}=${value}`, s, evidence: [evidenceOf(asset, 'labels')] }];
  });
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}
