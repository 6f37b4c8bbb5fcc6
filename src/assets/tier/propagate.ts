import type { Asset } from '#model';
import { round1 } from './score.ts';

/** `heir` becomes at least `share` of what `from` is. */
export interface Edge {
  readonly heir: string;
  readonly from: string;
  readonly rule: 'controls' | 'requires' | 'stores-data-of';
  readonly share: number;
}

/** What an asset inherits: how much, from whom, over which kind of edge. */
export interface Inherited {
  readonly value: number;
  readonly from: string;
  readonly rule: Edge['rule'];
}

/** Hops after which importance is no longer handed on. */
const MAX_HOPS = 4;

/** The edges along which importance travels. Names of identities that are not in the import have no edge. */
export function edgesOf(assets: readonly Asset[]): Edge[] {
  const byId = new Map(assets.map((asset) => [asset.id, asset]));
  const profileRoles = new Map<string, string>();
  for (const asset of assets) {
    const profiles = asset.attributes['instanceProfiles'];
    if (Array.isArray(profiles))
      for (const profile of profiles) if (typeof profile === 'string') profileRoles.set(profile, asset.id);
  }
  const edges = assets.flatMap((asset) =>
    asset.relations.flatMap(({ type, to }): Edge[] => {
      switch (type) {
        case 'assumes-role':
          return [{ heir: asset.id, from: to, rule: 'controls', share: 1 }];
        case 'uses-instance-profile':
          return [{ heir: asset.id, from: profileRoles.get(to) ?? '', rule: 'controls', share: 1 }];
        case 'trusts':
          return [{ heir: to, from: asset.id, rule: 'controls', share: 1 }];
        case 'encrypted-with':
          return [{ heir: to, from: asset.id, rule: 'controls', share: 1 }];
        case 'targets':
          return [{ heir: to, from: asset.id, rule: 'requires', share: 0.8 }];
        case 'stores-data-of':
          return [{ heir: asset.id, from: to, rule: 'stores-data-of', share: 0.9 }];
        default:
          return asset.kind === 'container.task' && type === 'member-of'
            ? [{ heir: to, from: asset.id, rule: 'requires', share: 0.8 }]
            : [];
      }
    }),
  );
  return edges.filter(({ heir, from }) => heir !== from && byId.has(heir) && byId.has(from));
}

/**
 * Hands values on along edges until nothing changes, at most `MAX_HOPS` times: the highest offer wins, ties go to the smaller id.
 * No edge amplifies, so a cycle cannot grow its own importance.
 */
export function propagate(own: ReadonlyMap<string, number>, edges: readonly Edge[]): Map<string, Inherited> {
  const inherited = new Map<string, Inherited>();
  let current = own;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const next = new Map(current);
    let hasChanged = false;
    for (const { heir, from, rule, share } of edges) {
      const value = round1((current.get(from) ?? 0) * share);
      const best = next.get(heir) ?? 0;
      const known = inherited.get(heir);
      const isTie = value === best && known !== undefined && known.value === value && from < known.from;
      if (value <= best && !isTie) continue;
      next.set(heir, value);
      inherited.set(heir, { value, from, rule });
      hasChanged = true;
    }
    current = next;
    if (!hasChanged) break;
  }
  return inherited;
}
