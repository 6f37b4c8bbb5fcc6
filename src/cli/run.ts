import type { CliWorld } from './world.ts';

export type { CliWorld } from './world.ts';

/** Runs one command. Resolves with the exit code: 0 done, 1 a negative answer, 2 misuse or failure. Never rejects. */
export async function runCli(world: CliWorld): Promise<number> {
  world.stderr.write(`error: not built yet\n`);
  return 2;
}
