import type { CommandContext } from '../command.ts';
import { CHAPTERS } from '../command-table.ts';
import { findCommand } from '../find-command.ts';
import { commandHelp, generalHelp, groupHelp, usageOf } from '../help.ts';

/** `cordon help` */
export async function help({ args, out }: CommandContext): Promise<number> {
  if (out.isJson) {
    const rows = CHAPTERS.flatMap(({ rows: some }) => some);
    out.document({ commands: rows.map((row) => ({ name: row.name, usage: usageOf(row), summary: row.summary })) });
    return 0;
  }
  for (const line of linesFor(args.positionals)) out.help(line);
  return 0;
}

function linesFor(words: readonly string[]): readonly string[] {
  if (words.length === 0) return generalHelp(CHAPTERS);
  const found = findCommand([...words, '--help']);
  if (found.kind === 'nothing') return generalHelp(CHAPTERS);
  return found.kind === 'group' ? groupHelp(found.group, found.rows) : commandHelp(found.row);
}
