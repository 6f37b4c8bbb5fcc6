import { type Clock, CordonError } from '#base';
import { type Actor, type Asset, buildEvent, effectiveTier, type OcsfEvent, type Tier } from '#model';
import type { Store } from '#store';

/** Who changes a tier, and where the event goes. A change that cannot be recorded is rolled back. */
export interface TierChangeOptions {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly append: (event: OcsfEvent) => Promise<unknown>;
}

/**
 * Sets a person's decision about an asset's tier; it wins over the computed tier until it expires or is cleared.
 * Refuses an unknown asset (`asset-unknown`), a tier other than 0 to 3 (`asset-tier-invalid`), an empty reason
 * (`asset-override-reason`) and an expiry that is no time in the future (`asset-override-expiry`).
 */
export async function setTierOverride(
  store: Store,
  change: { readonly assetId: string; readonly tier: Tier; readonly reason: string; readonly expiresAt?: number },
  options: TierChangeOptions,
): Promise<Asset> {
  const now = options.clock.now();
  const reason = change.reason.trim();
  if (![0, 1, 2, 3].includes(change.tier))
    throw new CordonError('asset-tier-invalid', `\`${String(change.tier)}\` is not a tier`, {
      hint: 'use 0, 1, 2 or 3',
    });
  if (reason === '')
    throw new CordonError('asset-override-reason', 'an override needs a reason', {
      hint: 'say why, for the next review',
    });
  // Infinity would be stored as null, and an override that looks to be in force would not be.
  if (change.expiresAt !== undefined && !(Number.isFinite(change.expiresAt) && change.expiresAt > now))
    throw new CordonError('asset-override-expiry', 'the expiry is no time in the future', {
      hint: 'name a time in the future',
    });
  return await changeTier(store, change.assetId, {
    options,
    next: (asset) => ({
      ...asset,
      override: {
        tier: change.tier,
        reason,
        by: options.actor,
        at: now,
        ...(change.expiresAt === undefined ? {} : { expiresAt: change.expiresAt }),
      },
    }),
    why: reason,
  });
}

/** Takes an override away; the computed tier counts again. Refuses an unknown asset and one without an override (`asset-not-overridden`). */
export async function clearTierOverride(
  store: Store,
  change: { readonly assetId: string; readonly reason: string },
  options: TierChangeOptions,
): Promise<Asset> {
  if (change.reason.trim() === '')
    throw new CordonError('asset-override-reason', 'clearing an override needs a reason', {
      hint: 'say why, for the next review',
    });
  return await changeTier(store, change.assetId, {
    options,
    next: ({ override, ...asset }) => {
      if (override === undefined)
        throw new CordonError('asset-not-overridden', `\`${asset.id}\` has no override`, {
          hint: 'see `cordon assets explain`',
        });
      return asset;
    },
    why: change.reason.trim(),
  });
}

interface TierChange {
  readonly options: TierChangeOptions;
  readonly next: (asset: Asset) => Asset;
  readonly why: string;
}

async function changeTier(store: Store, assetId: string, { options, next, why }: TierChange): Promise<Asset> {
  return await store.transact(options.actor, async (tx) => {
    const before = await tx.get('asset', assetId);
    if (before === undefined)
      throw new CordonError('asset-unknown', `there is no asset \`${assetId}\``, {
        hint: 'list them with `cordon assets list`',
      });
    const after = next(before);
    await tx.put('asset', after);
    // Inside the transaction: a tier must not change without a record of who changed it and why.
    await options.append(tierEvent(before, after, { options, why }));
    return after;
  });
}

function tierEvent(before: Asset, after: Asset, { options, why }: Pick<TierChange, 'options' | 'why'>): OcsfEvent {
  const now = options.clock.now();
  const from = effectiveTier(before, now);
  const to = effectiveTier(after, now);
  return buildEvent({
    class: 'entityManagement',
    activity: 'update',
    time: now,
    message: `tier of ${after.name} changed from T${from} to T${to}: ${why}`,
    // Lowering protection is what an intruder would do.
    severity: to > from ? 'medium' : 'informational',
    status: 'success',
    attributes: { entity: { uid: after.id, name: after.name, type: after.kind } },
    cordon: { actor: options.actor, assetId: after.id, from, to, computed: after.computedTier, reason: why },
  });
}
