import type { Asset } from '#model';
import { evidenceOf, type Judgement, type Rule } from './rule.ts';

function attributeRule(id: string, s: number, reason: string, holds: (asset: Asset) => string | undefined): Rule {
  return {
    id,
    version: 1,
    factor: 'S',
    judge(asset): Judgement[] {
      const attribute = holds(asset);
      return attribute === undefined ? [] : [{ s, reason, evidence: [evidenceOf(asset, attribute)] }];
    },
  };
}

function isTrue(attribute: string): (asset: Asset) => string | undefined {
  return (asset) => (asset.attributes[attribute] === true ? attribute : undefined);
}

/** Factor S: what its owners invested in it, which people do for what matters. */
export const STRUCTURE_RULES: readonly Rule[] = [
  attributeRule(
    'deletion-protection',
    0.5,
    'deletion protection: someone keeps it from being lost',
    isTrue('deletionProtection'),
  ),
  attributeRule('multi-zone', 0.5, 'several zones: someone pays for it to stay up', isTrue('multiZone')),
  attributeRule('multi-region-log', 0.5, 'all regions: the log covers the whole account', isTrue('multiRegion')),
  attributeRule('own-key', 0.4, "the customer's own key: someone separates access to its data", (asset) =>
    typeof asset.attributes['kmsKeyId'] === 'string' ? 'kmsKeyId' : undefined,
  ),
  attributeRule('long-backup', 0.3, 'backups of a week or more: someone expects to restore it', (asset) => {
    const days = asset.attributes['backupDays'];
    return typeof days === 'number' && days >= 7 ? 'backupDays' : undefined;
  }),
  attributeRule('versioned', 0.3, 'versioning: someone expects to restore it', isTrue('versioned')),
];
