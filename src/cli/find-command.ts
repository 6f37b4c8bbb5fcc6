import { CordonError } from '#base';
import { type CommandRow, COMMON_OPTIONS, SERVER_OPTIONS } from './command.ts';
import { COMMANDS } from './command-table.ts';
import { nearest } from './suggest.ts';

/** What a command line asks for. */
export type Found =
  | { readonly kind: 'command'; readonly row: CommandRow; readonly argv: readonly string[] }
  | { readonly kind: 'group'; readonly group: string; readonly rows: readonly CommandRow[]; readonly isHelp: boolean }
  | { readonly kind: 'nothing'; readonly isHelp: boolean };

const HELP = ['-h', '--help'];
const WITH_VALUE = [...COMMON_OPTIONS, ...SERVER_OPTIONS].flatMap(({ name, short, value }) =>
  value === undefined ? [] : [`--${name}`, ...(short === undefined ? [] : [`-${short}`])],
);

/** Finds the command that the words of a command line name; options may stand anywhere. Throws `command-unknown`. */
export function findCommand(argv: readonly string[]): Found {
  const words = wordPlaces(argv);
  const isHelp = argv.some((word) => HELP.includes(word));
  const [first, second] = words.map((place) => argv[place] ?? '');
  if (first === undefined) {
    if (argv.includes('--version'))
      return found(
        'version',
        argv.filter((word) => word !== '--version'),
      );
    return { kind: 'nothing', isHelp };
  }
  const without = (...places: (number | undefined)[]): string[] => argv.filter((_, index) => !places.includes(index));
  const single = COMMANDS.find(({ name }) => name === first);
  if (single !== undefined) return { kind: 'command', row: single, argv: without(words[0]) };
  const rows = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (rows.length === 0) throw unknown(first, [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0] ?? ''))]);
  if (second === undefined) {
    const byDefault = isHelp ? undefined : rows.find(({ isDefault }) => isDefault === true);
    if (byDefault === undefined) return { kind: 'group', group: first, rows, isHelp };
    return { kind: 'command', row: byDefault, argv: without(words[0]) };
  }
  const row = rows.find(({ name }) => name === `${first} ${second}`);
  if (row !== undefined) return { kind: 'command', row, argv: without(words[0], words[1]) };
  throw unknown(
    `${first} ${second}`,
    rows.map(({ name }) => name),
  );
}

function found(name: string, argv: readonly string[]): Found {
  const row = COMMANDS.find((one) => one.name === name);
  if (row === undefined) throw new TypeError(`there is no command \`${name}\``);
  return { kind: 'command', row, argv };
}

/** Where the first two words stand that are neither options nor the values of common ones. */
function wordPlaces(argv: readonly string[]): number[] {
  const places: number[] = [];
  for (let index = 0; index < argv.length && places.length < 2; index++) {
    const word = argv[index] ?? '';
    if (word === '--') break;
    if (WITH_VALUE.includes(word)) index++;
    else if (!word.startsWith('-')) places.push(index);
    // After the first word of a group, an option of its default command may follow: what stands behind it is no command.
    else if (places.length === 1 && !isCommon(word)) break;
  }
  return places;
}

function isCommon(word: string): boolean {
  const [name = ''] = word.split('=');
  return [...COMMON_OPTIONS, ...SERVER_OPTIONS].some((option) => {
    return name === `--${option.name}` || (option.short !== undefined && /^-\w/.test(name) && name[1] === option.short);
  });
}

function unknown(what: string, known: readonly string[]): CordonError {
  const near = nearest(what, known);
  return new CordonError('command-unknown', `unknown command \`${what}\``, {
    hint: near === undefined ? 'see `cordon help` for the commands there are' : `did you mean \`cordon ${near}\`?`,
  });
}
