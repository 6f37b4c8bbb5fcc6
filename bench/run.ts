/**
 * Measures the claims of this folder: every file beside this one that exports `run`.
 *
 * Usage: npm run bench [-- NAME…] [--quick] [--json] [--save]
 * Figures go to stdout, one line of JSON per claim with --json; progress to stderr. --save writes them to results.json.
 * Exits 1 when a claim missed its target (a goal may be out of reach), 2 when a benchmark failed or a name is unknown.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type Bench, type Machine, type Measurement, machine, Skip } from './harness.ts';

const RESULTS = join(import.meta.dirname, 'results.json');
const OPTIONS = ['--quick', '--json', '--save'] as const;

interface SavedResult extends Measurement {
  readonly date: string;
  readonly machine: Machine;
}

interface Outcome {
  readonly name: string;
  readonly measurements: readonly Measurement[];
  readonly skipped?: string;
  readonly error?: string;
}

function allNames(): string[] {
  const files = readdirSync(import.meta.dirname).filter((file) => /^[a-z0-9-]+\.ts$/.test(file));
  return files.map((file) => file.slice(0, -3)).filter((name) => name !== 'run' && name !== 'harness');
}

function progress(name: string): { show: (text: string) => void; end: (text: string) => void } {
  const start = performance.now();
  const { isTTY } = process.stderr;
  const seconds = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  let doing = '';
  const draw = (): unknown => process.stderr.write(`\r\u001b[K${name} … ${doing} ${seconds()}`);
  const timer = isTTY ? setInterval(draw, 200) : undefined;
  return {
    show: (text) => {
      doing = text;
      if (isTTY) draw();
    },
    end: (text) => {
      clearInterval(timer);
      process.stderr.write(`${isTTY ? '\r\u001b[K' : ''}${name}: ${text} in ${seconds()}\n`);
    },
  };
}

async function measure(name: string, quick: boolean): Promise<Outcome> {
  const line = progress(name);
  try {
    const module: unknown = await import(`./${name}.ts`);
    const run = (module as { readonly run?: Bench }).run;
    if (run === undefined) throw new Error(`\`bench/${name}.ts\` exports no \`run\``);
    const measurements = await run({ quick, progress: line.show });
    line.end('measured');
    return { name, measurements };
  } catch (error) {
    if (error instanceof Skip) {
      line.end(`skipped: ${error.message}`);
      return { name, measurements: [], skipped: error.message };
    }
    line.end('failed');
    process.stderr.write(`${inspect(error).replace(/^/gm, '  ')}\n`);
    return { name, measurements: [], error: String(error) };
  }
}

function table(measurements: readonly Measurement[]): string {
  const number = (value: number): string =>
    value.toLocaleString('en-US', value < 0.1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 3 });
  const rows = measurements.map((one) => [
    one.met ? '✔' : '✖',
    one.claim,
    `${number(one.value)} ${one.unit}`,
    `${number(one.baseline)} ${one.unit} (${one.baselineName})`,
    `× ${number(one.ratio)}`,
    `${one.better === 'more' ? '≥' : '≤'} ${number(one.target)}`,
    goalOf(one, number),
  ]);
  const all = [['', 'claim', 'value', 'baseline', 'ratio', 'target', 'goal'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const notes = measurements.flatMap(({ claim, note }) => (note === undefined ? [] : [`  ${claim}: ${note}`]));
  return [...lines, ...notes].join('\n');
}

function goalOf({ goal, better, unit }: Measurement, number: (value: number) => string): string {
  if (goal === undefined) return '';
  const what = goal.of === 'ratio' ? `× ${number(goal.at)}` : `${number(goal.at)} ${unit}`;
  return `${better === 'more' ? '≥' : '≤'} ${what} ${goal.met ? 'reached' : 'not yet'}`;
}

function save(measurements: readonly Measurement[]): void {
  const here = { date: new Date().toISOString().slice(0, 10), machine: machine() };
  const before = JSON.parse(readFileSync(RESULTS, 'utf8')) as readonly SavedResult[];
  const fresh = new Set(measurements.map(({ claim }) => claim));
  const all = [...before.filter(({ claim }) => !fresh.has(claim)), ...measurements.map((one) => ({ ...one, ...here }))];
  writeFileSync(
    RESULTS,
    `${JSON.stringify(
      all.toSorted((a, b) => (a.claim < b.claim ? -1 : 1)),
      null,
      2,
    )}\n`,
  );
}

function misuse(message: string, hint: string): number {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  return 2;
}

async function main(args: readonly string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith('--'));
  const words = args.filter((arg) => !arg.startsWith('--'));
  const has = (option: (typeof OPTIONS)[number]): boolean => options.includes(option);
  const wrong = options.find((option) => !OPTIONS.some((known) => known === option));
  if (wrong !== undefined) return misuse(`unknown option \`${wrong}\``, `there are ${OPTIONS.join(', ')}`);
  if (has('--save') && has('--quick')) return misuse('quick figures are not saved', 'leave out --quick or --save');
  const names = allNames();
  const unknown = words.find((word) => !names.some((name) => name.includes(word)));
  if (unknown !== undefined) return misuse(`no benchmark is named \`${unknown}\``, `there are ${names.join(', ')}`);
  const chosen = names.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  const outcomes: Outcome[] = [];
  for (const name of chosen) {
    const outcome = await measure(name, has('--quick'));
    outcomes.push(outcome);
    if (has('--json')) for (const one of outcome.measurements) process.stdout.write(`${JSON.stringify(one)}\n`);
  }
  const measurements = outcomes.flatMap((outcome) => outcome.measurements);
  const { cpu, cores, memoryGiB, node, commit } = machine();
  process.stderr.write(`${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}\n`);
  if (!has('--json') && measurements.length > 0) process.stdout.write(`${table(measurements)}\n`);
  if (has('--save')) save(measurements);
  if (outcomes.some(({ error }) => error !== undefined)) return 2;
  return measurements.every(({ met }) => met) ? 0 : 1;
}

// A benchmark may leave keep-alive sockets behind; the measurements are done.
process.exit(await main(process.argv.slice(2)));
