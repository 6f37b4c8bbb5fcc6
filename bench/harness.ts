/**
 * What every benchmark shares: the form of a result, median and quantiles, and the machine it ran on.
 *
 * A claim compares with a baseline measured in the same run on the same machine, never with a stored time.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** What one claim measured. */
export interface Measurement {
  /** Stable name of the claim, in kebab-case. */
  readonly claim: string;
  readonly value: number;
  readonly unit: string;
  /** What the baseline reached in the same run, in the same unit. */
  readonly baseline: number;
  readonly baselineName: string;
  /** value / baseline. */
  readonly ratio: number;
  /** The ratio that must be reached: at least, or at most when `better` is `less`. */
  readonly target: number;
  readonly better: 'more' | 'less';
  readonly met: boolean;
  /** What it is to become. Said beside the target, which only catches what gets worse: not reaching a goal fails nothing. */
  readonly goal?: Goal & { readonly met: boolean };
  readonly note?: string;
}

/** What the value, or its ratio to the baseline, is to reach: at least, or at most when `better` is `less`. */
export interface Goal {
  readonly of: 'value' | 'ratio';
  readonly at: number;
}

/** What a benchmark is told. */
export interface BenchOptions {
  /** Short runs: whether it works and roughly what comes out, not figures to publish. */
  readonly quick: boolean;
  /** Says what is being done now. */
  readonly progress: (text: string) => void;
}

/** A file of `bench/` exports this as `run`. It throws a `Skip` when the machine lacks something. */
export type Bench = (options: BenchOptions) => Promise<readonly Measurement[]>;

/** Thrown by a benchmark that cannot run here, with the reason. */
export class Skip extends Error {
  override readonly name = 'Skip';
}

/** Completes a measurement: ratio, and whether the target is met. Throws when the baseline is not a positive number. */
export function measurement(
  input: Omit<Measurement, 'ratio' | 'met' | 'better' | 'goal'> & {
    readonly better?: Measurement['better'];
    readonly goal?: Goal;
  },
): Measurement {
  const { better = 'more', value, baseline, target } = input;
  if (!(baseline > 0)) throw new Error(`the baseline of \`${input.claim}\` is ${baseline}`);
  const ratio = significant(value / baseline);
  const reaches = (reached: number, wanted: number): boolean =>
    better === 'more' ? reached >= wanted : reached <= wanted;
  const { goal } = input;
  return {
    claim: input.claim,
    value: significant(value),
    unit: input.unit,
    baseline: significant(baseline),
    baselineName: input.baselineName,
    ratio,
    target,
    better,
    met: reaches(ratio, target),
    ...(goal === undefined ? {} : { goal: { ...goal, met: reaches(goal.of === 'ratio' ? ratio : value, goal.at) } }),
    ...(input.note === undefined ? {} : { note: input.note }),
  };
}

/** The middle value; of an even number the mean of the two. Throws on none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  if (low === undefined || high === undefined) throw new Error('there is no median of nothing');
  return (low + high) / 2;
}

/** The value that the share `p` (0 to 1) of all values does not exceed (nearest rank). Throws on none. */
export function quantile(values: readonly number[], p: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * p) - 1)];
  if (value === undefined) throw new Error('there is no quantile of nothing');
  return value;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Where figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
}

/** Describes this machine and the commit; `+` after the commit means that files differ from it. */
export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
  };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', 'src') === '' ? '' : '+'}`;
  } catch {
    return 'unknown'; // an unpacked archive has no history
  }
}

function significant(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}
