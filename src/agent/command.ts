import { execFile } from 'node:child_process';

/** Where commands are looked for. A fixed list: what stands in the caller's PATH must not decide what root runs. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** How a command ended. `absent`: it is not installed. `failed`: it could not be run to its end. */
export type CommandResult =
  | { readonly outcome: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'failed'; readonly reason: string };

/** Bounds on a command. */
export interface CommandLimits {
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Ends the command when it aborts. */
  readonly signal?: AbortSignal;
}

/** Runs a command and resolves however it ends; never rejects. */
export type RunCommand = (command: string, args: readonly string[], limits?: CommandLimits) => Promise<CommandResult>;

/** Runs a command of the system without a shell, with a fixed environment, a time limit and a bound on its output. */
export const runCommand: RunCommand = async (command, args, limits = {}) => {
  const { timeoutMs = 10_000, maxBytes = 8 * 1024 * 1024, signal } = limits;
  return await new Promise((resolve) => {
    const options = {
      env: { PATH, LC_ALL: 'C' },
      cwd: '/',
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      killSignal: 'SIGKILL' as const,
      encoding: 'utf8' as const,
      shell: false,
      ...(signal === undefined ? {} : { signal }),
    };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ outcome: 'exited', code: 0, stdout, stderr });
      if (error.code === 'ENOENT') return resolve({ outcome: 'absent' });
      if (typeof error.code === 'number') return resolve({ outcome: 'exited', code: error.code, stdout, stderr });
      const isLong = error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
      const ended = error.killed === true ? `did not end within ${timeoutMs / 1000} s` : `failed: ${error.message}`;
      resolve({ outcome: 'failed', reason: isLong ? `printed more than ${maxBytes} bytes` : ended });
    });
    child.stdin?.end(); // a command that asks something must not wait for an answer
  });
};

/** What a command printed when it succeeded, or one line that says why there is nothing. */
export function outputOf(
  command: string,
  result: CommandResult,
): { readonly text: string } | { readonly unknown: string } {
  if (result.outcome === 'absent') return { unknown: `\`${command}\` is not installed` };
  if (result.outcome === 'failed') return { unknown: `\`${command}\` ${result.reason}`.slice(0, 500) };
  if (result.code === 0) return { text: result.stdout };
  const said = (result.stderr.trim() === '' ? result.stdout : result.stderr).trim().split('\n')[0] ?? '';
  return { unknown: `\`${command}\` failed with exit code ${result.code}: ${said}`.slice(0, 500) };
}
