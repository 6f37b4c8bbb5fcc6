import type { Clock } from '#base';

/** How to start. */
export interface StartOptions {
  readonly clock: Clock;
}

/** A running Cordon. */
export interface Cordon {
  stop(): Promise<void>;
}

/** Starts Cordon. */
export async function startCordon(options: StartOptions): Promise<Cordon> {
  throw new Error(`not built yet: ${typeof options}`);
}
