import { type Replays, ReplayMemory } from './credentials/replay-memory.ts';
import { type FormKeeper, KeptForms } from './kept-forms.ts';

/**
 * What gateways remember for minutes and never store. One for all gateways of a Cordon: what one has seen the next must know (attack: a proof
 * that was overheard, sent again to another process).
 */
export interface Memory {
  readonly replays: Replays;
  readonly forms: FormKeeper;
}

/** Makes the memory of this process. */
export function createMemory(now: () => number): Memory {
  return { replays: new ReplayMemory(now), forms: new KeptForms(now) };
}
