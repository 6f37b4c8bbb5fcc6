import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { CordonError } from '#base';
import type { Journal } from '#journal';
import { ENTITY_KINDS, type AnyEntity, type ChangeWithEntity, type TrustGraph } from '#model';
import type { Log } from '../log.ts';
import { type Calls, createCalls, errorOf, type Methods } from './calls.ts';
import { Channel, machineTime } from './channel.ts';
import { createJournalDesk, type JournalDesk } from './journal-desk.ts';
import { NO_COUNTERS, type ToMain, type ToWorker, type WorkerCounters, type WorkerSettings } from './messages.ts';

/** What a link works with. */
export interface LinkOptions {
  readonly graph: TrustGraph;
  readonly journal: Pick<Journal, 'appendWritten' | 'writable'>;
  readonly settings: () => WorkerSettings;
  readonly methods: Methods;
  readonly log: Log;
  /** Milliseconds that the main process has been awake: while it stands still, it hears nobody answer. */
  readonly awake: () => number;
  /** The worker answers on the public ports. */
  readonly onReady: (link: WorkerLink) => void;
  /** It never will, and why. Its end follows. */
  readonly onFailed: (link: WorkerLink, error: unknown) => void;
  /** The worker has taken up more changes, or will answer nobody any more. */
  readonly onApplied: () => void;
  /** The process has ended, and everything it said has been heard. */
  readonly onEnd: (link: WorkerLink) => void;
}

/** Entities in one message of the snapshot. */
const SLICE = 500;
/** Bytes that wait for a worker before more of the snapshot is written. */
const SNAPSHOT_AHEAD = 8 * 1024 * 1024;

/** One worker as the main process sees it: its process, what it was told and how far it has come. */
export class WorkerLink {
  readonly #options: LinkOptions;
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToMain, ToWorker>;
  readonly #calls: Calls;
  readonly #desk: JournalDesk;
  /** Changes that came while the snapshot was being sent. */
  #waiting: ChangeWithEntity[] | undefined = [];
  /** What was sent and is not applied yet, oldest first. */
  readonly #owed: { readonly seq: number; readonly at: number }[] = [];
  #heardAt: number;
  /** Since when, by the machine's clock, it may be compiling policies; while it does, it answers nobody. */
  #compilesSince: number | undefined;
  /** From when it may answer, so that everybody has to wait until it has taken up a change; in waking time. */
  #mayAnswerAt: number | undefined;
  /** From when it answers on the public ports, or has said that it never will; in waking time. */
  #readyAt: number | undefined;
  #isUsable = true;
  readonly startedAt: number = machineTime();
  readonly ended: Promise<void>;
  counters: WorkerCounters = NO_COUNTERS;

  /** Starts the process. */
  constructor(options: LinkOptions) {
    this.#options = options;
    this.#heardAt = options.awake();
    this.#child = spawn(process.execPath, [join(import.meta.dirname, 'process.ts')], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    const pipe = this.#child.stdio[3];
    if (!(pipe instanceof Duplex)) throw new Error('a worker has no channel');
    const exited = new Promise<void>((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve()); // it could not be started
    });
    const closed = Promise.withResolvers<void>();
    this.#channel = new Channel<ToMain, ToWorker>(pipe, {
      onMessage: (message, text) => this.#onMessage(message, text),
      onClose: (error) => {
        if (error !== undefined) options.log.error({ err: error, pid: this.pid }, 'the channel to a worker broke');
        this.#calls.close();
        this.kill(); // without a channel it is of no use
        closed.resolve();
      },
    });
    const send = (message: ToWorker): void => {
      this.#channel.send(message);
    };
    this.#calls = createCalls(send, options.methods);
    this.#desk = createJournalDesk(options.journal, send);
    this.ended = Promise.all([exited, closed.promise]).then(() => {
      if (this.#readyAt === undefined)
        options.onFailed(this, workerFailed('a worker of the gateway ended before it was ready'));
      options.onEnd(this);
    });
    this.#introduce().catch((error: unknown) => {
      options.onFailed(this, error);
      this.kill();
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** True while it answers on the public ports. */
  get isReady(): boolean {
    return this.#readyAt !== undefined && this.#isUsable;
  }

  /** True when it answers nobody who has not taken up every change up to `seq`: it has, or may not answer yet, or never will again. */
  hasApplied(seq: number): boolean {
    const [oldest] = this.#owed;
    const answers = this.#isUsable && this.#mayAnswerAt !== undefined;
    return !answers || oldest === undefined || oldest.seq > seq;
  }

  /** Tells it what has changed. Changes reach it in order, whenever they come. */
  change(changes: readonly ChangeWithEntity[]): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(...changes);
      return;
    }
    this.#tell(changes);
  }

  /** Says that the graph is complete now. */
  beat(): void {
    if (this.#waiting !== undefined) return; // its own is not
    this.#channel.send({ type: 'beat', at: machineTime(), isWritable: this.#options.journal.writable });
  }

  stop(graceMs: number): void {
    this.#channel.send({ type: 'stop', graceMs });
  }

  async ask(method: string, input: unknown): Promise<unknown> {
    return await this.#calls.ask(method, input);
  }

  /** Why it must not go on, or undefined. */
  lateness(limits: {
    readonly appliedMs: number;
    readonly heardMs: number;
    readonly startMs: number;
  }): string | undefined {
    if (!this.#isUsable) return undefined;
    const now = this.#options.awake();
    // Until then it may do nothing wrong, and only has to get there.
    if (this.#mayAnswerAt === undefined) return now - this.#heardAt > limits.startMs ? 'it does not start' : undefined;
    const [oldest] = this.#owed;
    const mostMs = this.#compilesSince === undefined ? limits.appliedMs : limits.heardMs;
    const isBehind = oldest !== undefined && now - Math.max(oldest.at, this.#mayAnswerAt) > mostMs;
    if (isBehind) return 'it has not taken up a change';
    return now - this.#heardAt > limits.heardMs ? 'it has not answered' : undefined;
  }

  /** Ends it at once: it will answer nobody any more. */
  kill(): void {
    this.#isUsable = false;
    this.#child.kill('SIGKILL');
    this.#options.onApplied();
  }

  async #introduce(): Promise<void> {
    const { graph, settings } = this.#options;
    this.#channel.send({ type: 'settings', settings: settings() });
    const { seq } = graph;
    const entities = [...entitiesOf(graph)];
    for (let at = 0; at < entities.length; at += SLICE) {
      this.#channel.send({ type: 'entities', entities: entities.slice(at, at + SLICE) });
      while (this.#channel.queued > SNAPSHOT_AHEAD && this.#isUsable) await wait(1);
    }
    this.#channel.send({ type: 'loaded', seq });
    const changes = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#tell(changes);
    this.beat();
  }

  #tell(changes: readonly ChangeWithEntity[]): void {
    const last = changes.at(-1);
    if (last === undefined) return;
    this.#channel.send({ type: 'changes', changes });
    this.#owed.push({ seq: last.change.seq, at: this.#options.awake() });
    if (changes.some(({ change }) => change.kind === 'policyActivation')) this.#compilesSince = machineTime();
  }

  #onMessage(message: ToMain, text: string): void {
    const { log, awake, onReady, onFailed, onApplied } = this.#options;
    switch (message.type) {
      case 'prepared':
        this.#mayAnswerAt = awake();
        this.#heardAt = awake();
        this.#channel.send({ type: 'serve' });
        break;
      case 'ready':
        this.#readyAt = awake();
        this.#heardAt = awake();
        onReady(this);
        break;
      case 'failed':
        this.#readyAt ??= awake(); // told once
        onFailed(this, errorOf(message.error));
        this.kill();
        break;
      case 'applied':
        while ((this.#owed[0]?.seq ?? Number.POSITIVE_INFINITY) <= message.seq) this.#owed.shift();
        this.#heardAt = awake();
        onApplied();
        break;
      case 'beat':
        this.counters = message.counters;
        if (message.at > (this.#compilesSince ?? Number.POSITIVE_INFINITY)) this.#compilesSince = undefined;
        this.#heardAt = awake();
        break;
      case 'record':
        this.#desk.onRecord(message, text);
        break;
      case 'log':
        log[message.level]({ ...message.fields, worker: this.pid }, message.message);
        break;
      case 'ask':
        this.#calls.onAsk(message);
        break;
      default:
        this.#calls.onAnswer(message);
    }
  }
}

/** Workers that cannot be started, with what happened. */
export function workerFailed(message: string): CordonError {
  return new CordonError('worker-failed', message, {
    hint: 'look at what they wrote to standard error; with `gateway: { workers: 1 }` Cordon starts without them',
  });
}

function* entitiesOf(graph: TrustGraph): Generator<AnyEntity> {
  for (const kind of ENTITY_KINDS) {
    // The cast joins a kind with the bodies of that kind's own table.
    for (const body of graph.all(kind)) yield { kind, id: body.id, body } as AnyEntity;
  }
}
