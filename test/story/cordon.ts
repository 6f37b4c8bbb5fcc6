import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const START_MS = 30_000;

/** What a command ended with. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a configuration, and the `cordon` command run in it, as a person would. */
export interface Installation {
  readonly folder: string;
  /** Writes a file below the folder. */
  write(path: string, text: string): void;
  /** Runs `cordon …` to its end. */
  run(...args: string[]): Promise<Ended>;
  /** Runs `cordon … --json`, expects success, and reads what it printed. */
  json<T>(...args: string[]): Promise<T>;
  /** Starts `cordon up` and waits until it answers. */
  up(...args: string[]): Promise<Running>;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

/** A running `cordon up`. */
export interface Running {
  readonly http: number;
  readonly tls: number;
  /** The link of the first administrator, when one was printed. */
  readonly firstLink: string | undefined;
  /** Everything printed so far, results and the rest. */
  output(): string;
  /** Origin over plain HTTP of a host below `localhost`. */
  origin(name: string): string;
  /** Origin over TLS. */
  secureOrigin(name: string): string;
  /** Ends it and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** How a process is started; a test in a network namespace puts `ip netns exec …` before it. */
export type Launcher = readonly string[];

/** Makes an installation in a temporary folder. `via` is put before every command. */
export function installation(via: Launcher = []): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-story-'));
  const children = new Set<ChildProcess>();
  const command = (args: readonly string[]): [string, string[]] => {
    const [program = '', ...rest] = [...via, process.execPath, MAIN, ...args];
    return [program, rest];
  };
  const run: Installation['run'] = async (...args) =>
    await new Promise((resolve) => {
      const [program, rest] = command(args);
      execFile(program, rest, { cwd: folder, maxBuffer: 64e6, timeout: 120_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  return {
    folder,
    write: (path, text) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    run,
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args, '--json');
      if (code !== 0) throw new Error(`\`cordon ${args.join(' ')}\` ended with ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as never; // the caller says what the contract promises
    },
    up: async (...args) => {
      const [program, rest] = command(['up', ...args]);
      const child = spawn(program, rest, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      children.add(child);
      child.once('exit', () => children.delete(child));
      return await started(child);
    },
    remove: async () => {
      for (const child of children) await end(child, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function started(child: ChildProcess): Promise<Running> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  const deadline = Date.now() + START_MS;
  const find = (pattern: RegExp): string | undefined => pattern.exec(output)?.[1];
  while (find(/https?:\/\/console\.localhost:(\d+)/) === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`cordon up did not start:\n${output}`);
    await wait(50);
  }
  await wait(50); // the rest of the banner
  const http = Number(find(/http:\/\/console\.localhost:(\d+)/));
  const tls = Number(find(/tls\b.*?:(\d+)/i));
  return {
    http,
    tls,
    firstLink: find(/(https?:\/\/id\.localhost:\d+\/enrol#[\w-]+)/),
    output: () => output,
    origin: (name) => `http://${name}.localhost:${http}`,
    secureOrigin: (name) => `https://${name}.localhost:${tls}`,
    stop: async (signal = 'SIGTERM') => await end(child, signal),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(killer);
}
