import type { Asset } from '#model';
import { adminWay } from './admin.ts';
import { holdsPermissions } from './privilege-rules.ts';
import { type Estate, evidenceOf, type Rule } from './rule.ts';

/** Impact at which T0 and T1 begin, as strength of a floor. */
const T0 = 0.85;
const T1 = 0.65;

function floor(id: string, s: number, reason: string, applies: (asset: Asset, estate: Estate) => boolean): Rule {
  return {
    id,
    version: 1,
    factor: 'floor',
    judge: (asset, estate) => (applies(asset, estate) ? [{ s, reason, evidence: [evidenceOf(asset, 'self')] }] : []),
  };
}

/** Floors: what no absence of other evidence may rank lower. */
export const FLOOR_RULES: readonly Rule[] = [
  floor('account', 1, 'the account: who holds it holds everything in it', (asset) => asset.kind === 'account'),
  floor(
    'admin-capable-principal',
    T0,
    'administrator: who controls it controls the account',
    (asset, estate) =>
      holdsPermissions(asset) && asset.kind !== 'identity.policy' && adminWay(estate.permissions(asset)) !== undefined,
  ),
  floor('audit-log', T1, 'the audit log: without it an attack leaves no trace', (asset) => asset.kind === 'trail'),
  floor(
    'log-archive',
    T1,
    'log archive: a trail writes to it',
    (asset, estate) => asset.kind === 'storage.bucket' && estate.sources(asset.id, 'logs-to').length > 0,
  ),
  floor(
    'encryption-key',
    T1,
    'encryption key: who may use it reads what it protects',
    (asset) => asset.kind === 'key' && asset.attributes['manager'] !== 'AWS',
  ),
  floor(
    'cluster-control-plane',
    T1,
    'cluster control plane: who controls it controls every workload in it',
    (asset) => asset.kind === 'container.cluster',
  ),
];
