import { parseArguments } from './arguments.ts';
import { CHAPTERS } from './command-table.ts';
import { writeFailure } from './failure.ts';
import { findCommand, type Found } from './find-command.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';
import { Output } from './output.ts';
import type { CliWorld } from './world.ts';

export type { CliWorld } from './world.ts';

/** Runs one command. Resolves with the exit code: 0 done, 1 a negative answer, 2 misuse or failure. Never rejects. */
export async function runCli(world: CliWorld): Promise<number> {
  const out = new Output(world, world.argv.includes('--json'));
  ignoreClosedPipes(world);
  try {
    return await run(world, out, findCommand(world.argv));
  } catch (thrown) {
    writeFailure(out, thrown);
    return 2;
  }
}

async function run(world: CliWorld, out: Output, found: Found): Promise<number> {
  switch (found.kind) {
    case 'nothing':
      return show(out, generalHelp(CHAPTERS), found.isHelp);
    case 'group':
      return show(out, groupHelp(found.group, found.rows), found.isHelp);
    default: {
      const args = parseArguments(found.row, found.argv);
      if (args.has('help')) return show(out, commandHelp(found.row), true);
      const command = await found.row.load();
      return await command({ world, args, out });
    }
  }
}

/** Help that was asked for is a result; help instead of a result is not. */
function show(out: Output, lines: readonly string[], wasAskedFor: boolean): number {
  for (const line of lines) {
    if (wasAskedFor) out.help(line);
    else out.note(line);
  }
  return wasAskedFor ? 0 : 2;
}

/** `cordon … | head` ends the reader first. What nobody reads is no failure. */
function ignoreClosedPipes({ stdout, stderr }: CliWorld): void {
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
