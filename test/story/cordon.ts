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

/** A command that goes on. */
export interface Daemon {
  /** Everything printed so far. */
  output(): string;
  hasEnded(): boolean;
  /** Ends it and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The `cordon` command on one host, in the folder of an installation. */
export interface Shell {
  /** Runs `cordon …` to its end. */
  run(...args: string[]): Promise<Ended>;
  /** Runs `cordon … --json`, expects success, and reads what it printed. */
  json<T>(...args: string[]): Promise<T>;
  /** Starts `cordon …` and lets it go on. */
  start(...args: string[]): Daemon;
}

/** A folder with a configuration, and the `cordon` command run in it, as a person would. */
export interface Installation extends Shell {
  readonly folder: string;
  /** Writes a file below the folder. */
  write(path: string, text: string): void;
  /** The command on another host: `via` is put before it, for example `ip netns exec …`. */
  at(via: readonly string[]): Shell;
  /** Starts `cordon up` and waits until it answers. */
  up(...args: string[]): Promise<Running>;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

/** A running `cordon up`. */
export interface Running extends Daemon {
  readonly http: number;
  readonly tls: number;
  /** The link of the first administrator, when one was printed. */
  readonly firstLink: string | undefined;
  /** Origin over plain HTTP of a host below `localhost`. */
  origin(name: string): string;
  /** Origin over TLS. */
  secureOrigin(name: string): string;
}

/** Makes an installation in a temporary folder. `via` is put before every command. */
export function installation(via: readonly string[] = []): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-story-'));
  const daemons = new Set<Daemon>();
  const at = (launcher: readonly string[]): Shell => shell(folder, launcher, daemons);
  const here = at(via);
  return {
    ...here,
    folder,
    at,
    write: (path, text) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    up: async (...args) => await answering(here.start('up', ...args)),
    remove: async () => {
      for (const daemon of daemons) await daemon.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function shell(folder: string, via: readonly string[], daemons: Set<Daemon>): Shell {
  const command = (args: readonly string[]): [string, string[]] => {
    const [program = '', ...rest] = [...via, process.execPath, MAIN, ...args];
    return [program, rest];
  };
  const run: Shell['run'] = async (...args) =>
    await new Promise((resolve) => {
      const [program, rest] = command(args);
      execFile(program, rest, { cwd: folder, maxBuffer: 64e6, timeout: 120_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  return {
    run,
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args, '--json');
      if (code !== 0) throw new Error(`\`cordon ${args.join(' ')}\` ended with ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as never; // the caller says what the contract promises
    },
    start: (...args) => {
      const [program, rest] = command(args);
      const daemon = daemonOf(spawn(program, rest, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }));
      daemons.add(daemon);
      return daemon;
    },
  };
}

function daemonOf(child: ChildProcess): Daemon {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    output: () => output,
    hasEnded,
    stop: async (signal = 'SIGTERM') => {
      if (hasEnded()) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill(signal);
      const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(killer);
    },
  };
}

async function answering(daemon: Daemon): Promise<Running> {
  const deadline = Date.now() + START_MS;
  const find = (pattern: RegExp): string | undefined => pattern.exec(daemon.output())?.[1];
  while (find(/(Stop with ctrl-C)/) === undefined) {
    if (daemon.hasEnded() || Date.now() > deadline) throw new Error(`cordon up did not start:\n${daemon.output()}`);
    await wait(50);
  }
  const http = Number(find(/http:\/\/console\.localhost:(\d+)/));
  const tls = Number(find(/tls\b.*?:(\d+)/i));
  return {
    ...daemon,
    http,
    tls,
    firstLink: find(/(https?:\/\/id\.localhost:\d+\/enrol#[\w-]+)/),
    origin: (name) => `http://${name}.localhost:${http}`,
    secureOrigin: (name) => `https://${name}.localhost:${tls}`,
  };
}
