/** Processes of the gateway's benchmarks, and what they say. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Skip } from '../harness.ts';

/** The core of what is measured, and the one of its clients and apps: neither takes time from the other. */
export const CORES = { measured: 0, others: 1 } as const;

/** Programs and arguments through which a child is started, and arguments of Node itself. */
export interface StartOptions {
  /** All of the child's threads run on this core. */
  readonly core?: number;
  /** How many files it may have open. */
  readonly files?: number;
  readonly nodeArgs?: readonly string[];
}

/** Starts processes and ends all of them. */
export interface Children {
  /** Starts a file of the folder; resolves with its first message. */
  start<T>(file: string, ...args: string[]): Promise<Started<T>>;
  /** The same on a core of its own, or with more files. */
  startWith<T>(options: StartOptions, file: string, ...args: string[]): Promise<Started<T>>;
  end(): void;
}

interface Started<T> {
  readonly child: ChildProcess;
  readonly ready: T;
}

/** Throws a `Skip` where a process cannot be kept on a core, or there are not two of them. */
export function needCores(): void {
  if (availableParallelism() < 2) throw new Skip('needs two cores: one for what is measured, one for its clients');
  try {
    execFileSync('taskset', ['-c', String(CORES.others), 'true'], { stdio: 'ignore' });
  } catch {
    throw new Skip('taskset cannot keep a process on a core here');
  }
}

/** How many files a process can be allowed here, `wanted` at most. */
export function allowedFiles(wanted: number): number {
  const prlimit = (...args: string[]): string =>
    execFileSync('prlimit', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  try {
    prlimit(`--nofile=${wanted}:${wanted}`, 'true');
    return wanted;
  } catch {
    // Only root may raise what the machine allows.
    const hard = Number(prlimit('--nofile', '--noheadings', '--raw', '--output=HARD'));
    return Number.isInteger(hard) ? Math.min(hard, wanted) : wanted;
  }
}

/** The program through which another is started, and its arguments. */
export function throughOf({ core, files }: StartOptions): readonly string[] {
  return [
    ...(core === undefined ? [] : ['taskset', '-c', String(core)]),
    ...(files === undefined ? [] : ['prlimit', `--nofile=${files}:${files}`]),
  ];
}

/** Makes an empty family, of files of a folder. */
export function makeChildren(folder: string = import.meta.dirname): Children {
  const children: ChildProcess[] = [];
  const startWith = async <T>(options: StartOptions, file: string, ...args: string[]): Promise<Started<T>> => {
    const [execPath = '', ...execArgv] = [...throughOf(options), process.execPath, ...(options.nodeArgs ?? [])];
    const child = fork(join(folder, file), args, { execPath, execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    children.push(child);
    return { child, ready: await answerOf<T>(child) };
  };
  return {
    start: async <T>(file: string, ...args: string[]) => await startWith<T>({}, file, ...args),
    startWith,
    end: () => {
      for (const child of children) child.kill();
    },
  };
}

/** Sends an order and resolves with the answer. */
export async function tell<T>(child: ChildProcess, order: object | string): Promise<T> {
  child.send(order);
  return await answerOf<T>(child);
}

/** The next message of a child; a child that ends instead is a failure. */
async function answerOf<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: over.signal }), ended])) as [T];
    return message;
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
}

/** Seconds of processor time that a process and all its threads have taken so far. */
export function processorSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond();
}

let ticks = 0;

function ticksPerSecond(): number {
  if (ticks === 0) ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticks;
}
