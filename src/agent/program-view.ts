import { outputOf } from './command.ts';
import { isMissingTable } from './program/nft.ts';
import type { Host } from './host.ts';
import { readStored } from './program/stored.ts';
import type { StateDirectory } from './state.ts';

/** What `cordon agent program` shows. */
export interface ProgramView {
  readonly isInForce: boolean;
  readonly json: object;
  readonly text: string;
}

/** The program the agent keeps, and the table as the kernel has it. */
export async function programView(state: StateDirectory, host: Host): Promise<ProgramView> {
  const stored = await readStored(state);
  const answer = await host.run('nft', ['list', 'table', 'inet', 'cordon'], { maxBytes: 64 * 1024 * 1024 });
  const listed = isMissingTable(answer) ? { unknown: 'there is no table `inet cordon`' } : outputOf('nft', answer);
  const table = 'text' in listed ? listed.text : undefined;
  const program =
    stored === undefined || stored === 'damaged' ? undefined : { version: stored.version, appliedAt: stored.appliedAt };
  const isInForce = program !== undefined && table !== undefined;
  return {
    isInForce,
    json: {
      inForce: isInForce,
      ...program,
      ...('text' in listed ? { table: listed.text } : { unknown: listed.unknown }),
    },
    text: `${headline(stored === 'damaged', program, isInForce)}\n${table ?? ('unknown' in listed ? `${listed.unknown}\n` : '')}`,
  };
}

function headline(
  isDamaged: boolean,
  program: { readonly version: string; readonly appliedAt: number } | undefined,
  isInForce: boolean,
): string {
  if (isDamaged) return 'the stored program is damaged; the server will send one when the agent runs with `--enforce`';
  if (program === undefined)
    return 'no program was applied on this host; start the agent with `cordon agent run --enforce`';
  const since = new Date(program.appliedAt).toISOString();
  if (isInForce) return `program ${program.version}, applied ${since}`;
  return `program ${program.version}, applied ${since}, is not in force: start the agent with \`cordon agent run --enforce\``;
}
