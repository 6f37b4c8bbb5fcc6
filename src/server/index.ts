/**
 * server: Cordon as one process, put together.
 *
 * Owns the order in which the areas are opened, wired and closed, the listeners and which host is answered by whom, and the reloading of the
 * configuration. Never decides anything itself, and never starts half: what cannot be opened ends the start with one clear error.
 */
export type { Truth } from './areas.ts';
export { type ConfigurationSource, defaultSource, fileSource, textSource } from './configuration-source.ts';
export { listeningOf } from './listening.ts';
export type { Log } from './log.ts';
export { type Cordon, startCordon, type StartOptions } from './start.ts';
