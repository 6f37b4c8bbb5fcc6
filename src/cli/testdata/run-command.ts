import { PassThrough, Readable } from 'node:stream';
import { manualClock } from '#base';
import { type CliWorld, runCli } from '#cli';
import { NOW } from './answers.ts';

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options extends Partial<CliWorld> {
  /** Columns of the terminal that both streams are; absent: they are pipes. */
  readonly terminal?: number;
}

function captured(terminal: number | undefined): {
  stream: PassThrough & { isTTY?: boolean; columns?: number };
  text: () => string;
} {
  const stream = Object.assign(new PassThrough(), terminal === undefined ? {} : { isTTY: true, columns: terminal });
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  return { stream, text: () => chunks.join('') };
}

const missing = async (): Promise<never> => {
  throw new Error('this test has no such thing');
};

/** Runs one command in a world of its own. */
export async function runCommand(argv: readonly string[], options: Options = {}): Promise<Outcome> {
  const { terminal, ...world } = options;
  const [stdout, stderr] = [captured(terminal), captured(terminal)];
  const code = await runCli({
    argv,
    stdin: Readable.from([]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    cwd: '/nowhere',
    self: ['cordon'],
    clock: manualClock(NOW),
    version: '1.2.3',
    controlSocket: undefined,
    noColor: false,
    signal: new AbortController().signal,
    up: missing,
    agent: { enrol: missing, run: missing, posture: missing, program: missing },
    person: { directory: '/nowhere/cordon', computer: 'test', openBrowser: missing },
    ...world,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
