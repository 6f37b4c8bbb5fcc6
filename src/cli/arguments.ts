import { parseArgs } from 'node:util';
import { CordonError, parseDuration } from '#base';
import { type CommandRow, type OptionRow, optionsOf } from './command.ts';
import { nearest } from './suggest.ts';

/** The checked arguments of one call. Asking for an option that the command does not have is a fault of the program. */
export class Arguments {
  readonly row: CommandRow;
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(row: CommandRow, values: ReadonlyMap<string, readonly string[]>, positionals: readonly string[]) {
    this.row = row;
    this.#values = values;
    this.positionals = positionals;
  }

  /** True when the switch was given. */
  has(name: string): boolean {
    return this.list(name).length > 0;
  }

  /** The value of an option, or undefined. */
  text(name: string): string | undefined {
    return this.list(name)[0];
  }

  /** The value of an option that the command requires. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new TypeError(`\`--${name}\` of \`${this.row.name}\` is not required`);
    return value;
  }

  /** All values of an option that may be repeated. */
  list(name: string): readonly string[] {
    if (!optionsOf(this.row).some((option) => option.name === name)) {
      throw new TypeError(`\`${this.row.name}\` has no option \`--${name}\``);
    }
    return this.#values.get(name) ?? [];
  }

  /** A whole number from `least` to `most`, or undefined. */
  integer(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw misuse(this.row, `\`--${name}\` takes a whole number from ${least} to ${most}, not \`${text}\``);
  }

  /** One of `choices`, or undefined. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw misuse(this.row, `\`--${name}\` takes ${choices.map((one) => `\`${one}\``).join(', ')}, not \`${text}\``);
  }

  /** A duration such as `7d` in milliseconds, or undefined. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const parsed = parseDuration(text);
    if (parsed.ok && parsed.value > 0) return parsed.value;
    throw misuse(this.row, parsed.ok ? `\`--${name}\` must be longer than nothing` : `\`--${name}\`: ${parsed.error}`);
  }

  /** The positional argument at `index` that the command requires. */
  at(index: number): string {
    const value = this.positionals[index];
    if (value === undefined) throw new TypeError(`\`${this.row.name}\` does not require argument ${index + 1}`);
    return value;
  }
}

/** A call that the command cannot understand. */
export function misuse(row: CommandRow, message: string, hint?: string): CordonError {
  return new CordonError('usage-invalid', message, { hint: hint ?? `see \`cordon ${row.name} --help\`` });
}

/** Checks the words after the command's name. Throws `usage-invalid`. */
export function parseArguments(row: CommandRow, argv: readonly string[]): Arguments {
  const options = optionsOf(row);
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      options.map(({ name, short, value }) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(row, token.rawName, options);
    values.set(option.name, [...(values.get(option.name) ?? []), valueOf(row, option, token)]);
  }
  // Asking for help is never wrong, whatever else is missing.
  if (!values.has('help')) checkCounts(row, options, values, positionals);
  return new Arguments(row, values, positionals);
}

interface OptionToken {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function valueOf(row: CommandRow, option: OptionRow, { rawName, value, inlineValue }: OptionToken): string {
  if (option.value === undefined) {
    if (value !== undefined) throw misuse(row, `\`${rawName}\` takes no value`);
    return '';
  }
  // `--data --demo` is a forgotten value, not a directory called `--demo`; `--data=--demo` says that it is meant.
  if (value === undefined || (inlineValue !== true && /^-./.test(value))) {
    throw misuse(row, `\`${rawName}\` needs a value: \`${rawName} ${option.value}\``);
  }
  return value;
}

function unknownOption(row: CommandRow, rawName: string, options: readonly OptionRow[]): CordonError {
  const near = nearest(
    rawName.replace(/^-+/, ''),
    options.map(({ name }) => name),
  );
  return misuse(row, `unknown option \`${rawName}\``, near === undefined ? undefined : `did you mean \`--${near}\`?`);
}

function checkCounts(
  row: CommandRow,
  options: readonly OptionRow[],
  values: ReadonlyMap<string, readonly string[]>,
  positionals: readonly string[],
): void {
  for (const { name, value, isRepeatable, isRequired } of options) {
    const count = values.get(name)?.length ?? 0;
    if (count > 1 && value !== undefined && isRepeatable !== true) throw misuse(row, `\`--${name}\` is given twice`);
    if (count === 0 && isRequired === true) throw misuse(row, `\`--${name} ${value ?? ''}\` is missing`);
  }
  const parameters = row.parameters ?? [];
  const least = parameters.filter((name) => !name.startsWith('[')).length;
  const most = parameters.some((name) => name.includes('…')) ? Infinity : parameters.length;
  if (positionals.length < least) throw misuse(row, `\`${parameters[positionals.length] ?? ''}\` is missing`);
  const extra = positionals[most];
  if (extra !== undefined) throw misuse(row, `unexpected argument \`${extra}\``);
}
