import type { App, Tier } from './entity.ts';

/** What becomes of an open stream of an app when access ends. */
export type StreamFate = 'cut' | 'uncut' | 'refused';

/** Tiers up to this one (0 is the strictest) open no streams where nobody could cut them. */
const UNCUTTABLE_UP_TO_TIER = 1;

/** The gateway cuts streams; another proxy lets them go on; and where that is not to be borne, none is let in. */
export function streamsOf({ enforcedBy }: Pick<App, 'enforcedBy'>, tier: Tier): StreamFate {
  if (enforcedBy === undefined) return 'cut';
  return tier <= UNCUTTABLE_UP_TO_TIER ? 'refused' : 'uncut';
}
