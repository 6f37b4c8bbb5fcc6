import { labelled } from './labels.ts';
import { evidenceOf, type Rule } from './rule.ts';

const STORE_KINDS: Readonly<Record<string, number>> = {
  secret: 1,
  database: 0.5,
  warehouse: 0.5,
  'search.domain': 0.5,
  cache: 0.3,
  'storage.bucket': 0.3,
  'storage.volume': 0.3,
  'storage.snapshot': 0.3,
  stream: 0.2,
  queue: 0.2,
  topic: 0.1,
};

const CLASSES: Readonly<Record<string, number>> = {
  restricted: 1,
  secret: 1,
  highlyconfidential: 1,
  confidential: 0.8,
  sensitive: 0.8,
  pii: 0.8,
  phi: 0.8,
  pci: 0.8,
  internal: 0.4,
  private: 0.4,
  public: 0,
};

/** Factor D: how sensitive the data is. */
export const DATA_RULES: readonly Rule[] = [
  {
    id: 'store-kind',
    version: 1,
    factor: 'D',
    isPrior: true,
    judge(asset) {
      const s = Object.hasOwn(STORE_KINDS, asset.kind) ? STORE_KINDS[asset.kind] : undefined;
      if (s === undefined) return [];
      return [
        { s, reason: `the kind ${asset.kind}: it holds data by its nature`, evidence: [evidenceOf(asset, 'self')] },
      ];
    },
  },
  {
    id: 'label-data-classification',
    version: 1,
    factor: 'D',
    judge: (asset) =>
      labelled(
        asset,
        ['dataclassification', 'classification', 'datasensitivity', 'sensitivity', 'confidentiality'],
        CLASSES,
      ).map(({ label, s, evidence }) => ({
        s,
        reason: `label ${label}: the owner's classification of the data`,
        evidence,
      })),
  },
];
