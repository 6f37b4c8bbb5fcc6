import { type CommandRow, COMMON_OPTIONS, type OptionRow, optionsOf, SERVER_OPTIONS } from './command.ts';
import { pad } from './terminal-text.ts';

/** How a command is called, in one line. */
export function usageOf(row: CommandRow): string {
  const own = row.options ?? [];
  const required = own.filter(({ isRequired }) => isRequired === true).map(labelOf);
  return ['cordon', row.name, ...(row.parameters ?? []), ...required, '[OPTIONS]'].join(' ');
}

/** An option as help shows it: `-c, --config FILE`. */
export function labelOf({ name, short, value, isRepeatable }: OptionRow): string {
  const long = `--${name}${value === undefined ? '' : ` ${value}`}${isRepeatable === true ? '…' : ''}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

/** The help of one command. */
export function commandHelp(row: CommandRow): readonly string[] {
  return [
    row.summary,
    '',
    `usage: ${usageOf(row)}`,
    ...(row.details === undefined ? [] : ['', ...row.details]),
    '',
    'options:',
    ...twoColumns(optionsOf(row).map((option) => [labelOf(option), option.doc])),
    '',
    row.examples.length === 1 ? 'example:' : 'examples:',
    ...row.examples.map((example) => `  ${example}`),
  ];
}

/** The help of a group of commands, for example `cordon devices --help`. */
export function groupHelp(group: string, rows: readonly CommandRow[]): readonly string[] {
  return [
    `usage: cordon ${group} COMMAND [OPTIONS]`,
    '',
    'commands:',
    ...twoColumns(
      rows.map((row) => [
        [row.name, ...(row.parameters ?? [])].join(' '),
        `${row.summary}${row.isDefault === true ? ' The default.' : ''}`,
      ]),
    ),
    '',
    `see \`cordon ${group} COMMAND --help\` for the options of one`,
  ];
}

/** The help of everything. `chapters` are titles with the names of their commands. */
export function generalHelp(
  chapters: readonly { readonly title: string; readonly rows: readonly CommandRow[] }[],
): readonly string[] {
  const rows = chapters.flatMap(({ rows: some }) => some);
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [
    'Cordon: zero trust for cloud environments, self-hosted.',
    '',
    'usage: cordon COMMAND [OPTIONS]',
    ...chapters.flatMap(({ title, rows: some }) => [
      '',
      `${title}:`,
      ...some.map(({ name, summary }) => `  ${pad(name, width)}  ${summary}`),
    ]),
    '',
    'options of every command:',
    ...twoColumns([...COMMON_OPTIONS].map((option) => [labelOf(option), option.doc])),
    '',
    'options of commands that ask the running server:',
    ...twoColumns([...SERVER_OPTIONS].map((option) => [labelOf(option), option.doc])),
    '',
    'exit codes: 0 done, 1 a negative answer (denied, different, broken), 2 misuse or failure',
    'see `cordon COMMAND --help` for arguments and examples',
  ];
}

function twoColumns(rows: readonly (readonly [string, string] | readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left]) => (left ?? '').length));
  return rows.map(([left, right]) => `  ${pad(left ?? '', width)}  ${right ?? ''}`);
}
