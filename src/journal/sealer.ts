import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { CordonError } from '#base';
import type { FullSegment } from './segment.ts';
import type { Draft } from './write-parquet.ts';

/** What the sealing process is told. */
export interface SealOrder {
  readonly segment: FullSegment;
  /** An empty folder for what it writes. */
  readonly work: string;
}

/** What it answers: files, or why there are none. */
export type SealAnswer =
  | { readonly drafts: readonly Draft[] }
  | { readonly message: string; readonly code?: string; readonly hint?: string };

/** Which CPU time sealing gets: only what nobody else wants, or its share. */
export type SealPriority = 'lowest' | 'normal';

/** How long a process without work is kept, milliseconds: a start costs as much CPU time as sealing ten thousand events. */
const IDLE_MS = 30_000;
/** A process that takes longer for one segment is stopped, milliseconds. With a core to itself it takes less than a second. */
const MAX_MS = 15 * 60_000;

/** Writes segments as Parquet in a process of its own, started when it is needed. One segment at a time. */
export class Sealer {
  #process: SealProcess | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** Of the process, while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Fails with what `writeParquet` fails with, and when the process ends before it is done. */
  async write(segment: FullSegment, work: string, priority: SealPriority): Promise<readonly Draft[]> {
    clearTimeout(this.#idle);
    // Nobody but root can raise a priority once it is lowered.
    if (this.#process?.priority !== priority) this.stop();
    this.#process ??= this.#start(priority);
    const deadline = setTimeout(() => this.stop(), MAX_MS);
    try {
      return draftsOf(await this.#process.ask({ segment, work }));
    } finally {
      clearTimeout(deadline);
      this.#idle = setTimeout(() => this.stop(), IDLE_MS).unref();
    }
  }

  /** Ends the process at once; what it was writing fails. The next segment starts another. */
  stop(): void {
    clearTimeout(this.#idle);
    this.#process?.stop();
    this.#process = undefined;
  }

  #start(priority: SealPriority): SealProcess {
    const started: SealProcess = new SealProcess(priority, () => {
      if (this.#process === started) this.#process = undefined;
    });
    return started;
  }
}

class SealProcess {
  readonly priority: SealPriority;
  readonly #child: ChildProcess;
  #asked: PromiseWithResolvers<SealAnswer> | undefined;

  constructor(priority: SealPriority, onEnd: () => void) {
    this.priority = priority;
    this.#child = fork(join(import.meta.dirname, 'seal-process.ts'), [priority], {
      execArgv: [],
      env: { TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const end = (error: Error): void => {
      this.stop(); // where it is not the end that is reported
      onEnd();
      this.#asked?.reject(error);
    };
    this.#child.on('error', end);
    this.#child.once('exit', (code, signal) => end(new Error(`the sealing process ended (${signal ?? code})`)));
    this.#child.on('message', (answer) => this.#asked?.resolve(answer as SealAnswer));
    if (priority === 'lowest') lower(this.#child.pid);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** A journal that waits for nothing else does not end before this is answered; without a question, the process holds nobody up. */
  async ask(order: SealOrder): Promise<SealAnswer> {
    const asked = Promise.withResolvers<SealAnswer>();
    this.#asked = asked;
    this.#child.ref();
    this.#child.channel?.ref();
    this.#child.send(order, (error) => {
      if (error !== null) asked.reject(error);
    });
    try {
      return await asked.promise;
    } finally {
      this.#asked = undefined;
      this.#child.unref();
      this.#child.channel?.unref();
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** From its first moment, as far as that goes; the process does the same for all its threads. */
function lower(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, which is reported as such.
  }
}

function draftsOf(answer: SealAnswer): readonly Draft[] {
  if ('drafts' in answer) return answer.drafts;
  const { message, code, hint } = answer;
  throw code === undefined ? new Error(message) : new CordonError(code, message, hint === undefined ? {} : { hint });
}
