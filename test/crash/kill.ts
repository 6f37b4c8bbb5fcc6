import { spawn } from 'node:child_process';

/**
 * Starts a program of this folder, kills it with SIGKILL `delayMs` after it printed `ready`, and returns the whole
 * lines it printed after that. Throws when it ended in any other way.
 */
export async function runAndKill(program: string, directory: string, delayMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  let isCounting = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (isCounting || !output.includes('ready\n')) return;
    isCounting = true;
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`);
  return output.split('\n').slice(1, -1);
}

/** How often to kill: enough to meet every phase now and then, many more with CORDON_LONG=1. */
export const ROUNDS: number = process.env['CORDON_LONG'] === '1' ? 300 : 15;
