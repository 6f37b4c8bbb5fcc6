import type { Asset } from '#model';
import { adminWay, POWERS } from './admin.ts';
import { may } from './permissions.ts';
import { evidenceOf, type Rule } from './rule.ts';

const HOLDERS: ReadonlySet<string> = new Set(['identity.user', 'identity.group', 'identity.role', 'identity.policy']);

/** True for assets whose policies are evaluated. A managed policy that nothing uses grants nothing. */
export function holdsPermissions(asset: Asset): boolean {
  return HOLDERS.has(asset.kind) && !(asset.kind === 'identity.policy' && asset.attributes['attachments'] === 0);
}

function where(asset: Asset): string[] {
  return [evidenceOf(asset, 'inlinePolicies')];
}

/** Factor P: what it may do to everything else. */
export const PRIVILEGE_RULES: readonly Rule[] = [
  {
    id: 'admin-capable',
    version: 1,
    factor: 'P',
    judge(asset, estate) {
      if (!holdsPermissions(asset)) return [];
      const way = adminWay(estate.permissions(asset));
      if (way === undefined) return [];
      const under = way.grant === 'conditional' ? ', under conditions' : '';
      return [{ s: 1, reason: `permission ${way.actions}: it leads to administrator${under}`, evidence: where(asset) }];
    },
  },
  {
    id: 'power',
    version: 1,
    factor: 'P',
    judge(asset, estate) {
      if (!holdsPermissions(asset)) return [];
      const permissions = estate.permissions(asset);
      return POWERS.flatMap(({ s, actions, means }) => {
        const held = actions.find((action) => may(permissions, action) !== 'no');
        return held === undefined
          ? []
          : [{ s, reason: `permission \`${held}\`: it can ${means}`, evidence: where(asset) }];
      }).slice(0, 3);
    },
  },
  {
    id: 'policies-examined',
    version: 1,
    factor: 'P',
    judge(asset, estate) {
      if (!holdsPermissions(asset)) return [];
      const { unknownPolicies, statements } = estate.permissions(asset);
      // A policy that was not imported may grant anything, so nothing was proven by looking at the others.
      if (unknownPolicies.length > 0 || asset.attributes['inlinePolicies'] === undefined) return [];
      const reason = `its ${statements.length} policy statements: all were read`;
      return [{ s: 0, reason, evidence: where(asset) }];
    },
  },
];
