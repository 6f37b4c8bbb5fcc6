/**
 * cli: the `cordon` command.
 *
 * Owns the commands, their help, and how results are written for people and for programs. Never changes the store itself: it asks the
 * running server over the control socket, or reads files. Never prints a secret that was not asked for.
 */
export { type CliWorld, runCli } from './run.ts';
export type { RunningServer, UpOptions } from './world.ts';
