// One step of a setup: a line with its elapsed time; the command's own output only when it fails.
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

const SHOWN_LINES = 40; // tools name the cause first

/** A setup that cannot go on: what happened, and what to do. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} hint
   */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** @param {number} start */
function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/**
 * Says that `title` has begun; returns what ends the line.
 * @param {string} title
 */
function progress(title) {
  const start = performance.now();
  const { isTTY } = process.stderr;
  const show = () => process.stderr.write(`\rsetup: ${title} … ${seconds(start)}`);
  if (isTTY) show();
  else process.stderr.write(`setup: ${title} …\n`);
  const timer = isTTY ? setInterval(show, 200) : undefined;
  return (/** @type {string} */ outcome) => {
    clearInterval(timer);
    process.stderr.write(`${isTTY ? '\r\x1b[K' : ''}setup: ${title}: ${outcome} in ${seconds(start)}\n`);
  };
}

/**
 * Runs one command as a step.
 * @param {{ title: string, command: string, args: readonly string[], cwd: string, hint: string, env?: NodeJS.ProcessEnv }} step `env` adds to the environment
 * @returns {Promise<void>}
 */
export async function runStep({ title, command, args, cwd, hint, env: own }) {
  const end = progress(title);
  const env = { ...process.env, ...own, NO_COLOR: '1', FORCE_COLOR: '0' };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  /** @type {string} */
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? '' : signal === null ? `exit code ${code}` : signal));
  });
  end(failure === '' ? 'done' : 'failed');
  if (failure === '') return;
  const text = stripVTControlCharacters(Buffer.concat(output).toString('utf8'));
  const lines = text.trim().split('\n').slice(0, SHOWN_LINES);
  process.stderr.write(`${lines.join('\n').replace(/^/gm, '  | ')}\n`);
  throw new SetupError(`could not ${title} (${failure})`, hint);
}
