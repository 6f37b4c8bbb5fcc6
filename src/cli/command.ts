import type { CliWorld } from './world.ts';
import type { Arguments } from './arguments.ts';
import type { Output } from './output.ts';

/** An option of a command. */
export interface OptionRow {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in the help, for example `FILE`; absent: it is a switch. */
  readonly value?: string;
  readonly isRepeatable?: boolean;
  readonly isRequired?: boolean;
  readonly doc: string;
}

/** What a running command works with. */
export interface CommandContext {
  readonly world: CliWorld;
  readonly args: Arguments;
  readonly out: Output;
}

/** Does the work of a command. Resolves with the exit code; throws `CordonError` for what a person has to see. */
export type CommandRun = (context: CommandContext) => Promise<number>;

/** One command: how it is called, what its help says, and where its code is, which is loaded only when it is called. */
export interface CommandRow {
  /** Words after `cordon`, for example `devices token`. */
  readonly name: string;
  /** One sentence for lists of commands. */
  readonly summary: string;
  /** More sentences for its own help: what the exit code says, what is refused. */
  readonly details?: readonly string[];
  /** Positional arguments: `ID`, optional `[ID]`, any number `FILE…`. */
  readonly parameters?: readonly string[];
  readonly options?: readonly OptionRow[];
  /** True when it asks the running server, and takes the options that say where that is. */
  readonly asksServer?: boolean;
  /** True when the first word alone, for example `devices`, means this command. */
  readonly isDefault?: boolean;
  readonly examples: readonly string[];
  readonly load: () => Promise<CommandRun>;
}

/** Options that every command takes. */
export const COMMON_OPTIONS: readonly OptionRow[] = [
  { name: 'json', doc: 'Write the result as JSON.' },
  { name: 'help', short: 'h', doc: 'Show this help.' },
];

/** Options of the commands that ask the running server. */
export const SERVER_OPTIONS: readonly OptionRow[] = [
  {
    name: 'config',
    short: 'c',
    value: 'FILE',
    doc: 'Configuration of the installation. Default: `cordon.yaml`, if there.',
  },
  { name: 'data', value: 'DIR', doc: 'Data directory of the installation. Default: `data`.' },
  {
    name: 'socket',
    value: 'PATH',
    doc: 'Control socket. Default: `$CORDON_CONTROL`, else `control.sock` in the data directory.',
  },
];

/** All options of a command, its own first. */
export function optionsOf(row: CommandRow): readonly OptionRow[] {
  const own = row.options ?? [];
  const server = row.asksServer === true ? SERVER_OPTIONS : [];
  const rest = [...server, ...COMMON_OPTIONS].filter(({ name }) => !own.some((option) => option.name === name));
  return [...own, ...rest];
}
