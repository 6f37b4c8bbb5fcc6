import { setTimeout as wait } from 'node:timers/promises';
import { type CutFilter, type LiveConnection, type Measurements, type Memory, type Redeemer } from '#gateway';
import type { ChangeWithEntity, Reason, TrustGraph } from '#model';
import { addMeasurements, NO_MEASUREMENTS } from '../metrics/measurements.ts';
import type { CertificateMaterial } from '../certificate-material.ts';
import type { Log } from '../log.ts';
import { machineTime } from './channel.ts';
import { memoryMethods } from './remote-memory.ts';
import { type LinkOptions, workerFailed, WorkerLink } from './link.ts';
import { type CutOrder, NO_COUNTERS, type WorkerCounters, type WorkerSettings } from './messages.ts';

/** The gateways of all workers, as one. */
export interface Workers {
  /** Starts them; resolves when each answers on the public ports. Throws what the first to fail says; then none runs. */
  start(): Promise<void>;
  /** What is open now, at every worker that answers. */
  connections(): Promise<readonly LiveConnection[]>;
  /** Cuts what matches every field given, with the reason; returns how many. */
  cut(filter: CutFilter, reason: Reason): Promise<number>;
  /** What all of them measure: what they counted, those that are gone included, and how it is now at those that answer. */
  measure(): Promise<Measurements>;
  /** What all of them have done, those that are gone included. */
  readonly counters: WorkerCounters;
  /** Process ids of those that answer. */
  readonly pids: readonly number[];
  /** Tells them what the TLS listener is to show; resolves when they do. */
  useCertificates(certificates: CertificateMaterial): Promise<void>;
  /** Tells them what TLS sessions are sealed with from now on. */
  useTicketKeys(keys: string): Promise<void>;
  /** Resolves when no worker decides any more from what was true before change `seq`. */
  applied(seq: number): Promise<void>;
  /** Ends them: what is open is cut, answers under way get `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** What the workers are made of. */
export interface WorkersOptions {
  readonly count: number;
  readonly graph: TrustGraph;
  readonly onChanges: (listener: (changes: readonly ChangeWithEntity[]) => void) => () => void;
  readonly journal: LinkOptions['journal'];
  readonly settings: () => WorkerSettings;
  readonly handoff: Redeemer;
  /** What all of them remember together. */
  readonly memory: Memory;
  readonly endSession: (input: { readonly sessionId: string; readonly userId: string }) => Promise<unknown>;
  readonly log: Log;
}

/** Time between two looks at the workers, milliseconds. */
const TICK_MS = 100;
/** Ticks between two signs of life. */
const TICKS_PER_BEAT = 5;
/** A worker that takes longer than this to take up a change is ended: it might answer from before a revocation. */
const APPLIED_MS = 1_000;
/** One that says nothing for longer than this as well. Compiling thousands of policies takes seconds, and nobody is answered meanwhile. */
const HEARD_MS = 10_000;
/** How long a worker may take to start. */
const START_MS = 60_000;
/** How long somebody who asks waits for all of them. */
const ANSWER_MS = 2_000;
/** A worker that lived this long is replaced at once; otherwise each failure in a row doubles the wait. */
const STEADY_MS = 10_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** How long after its grace a worker may take to end by itself. */
const STOP_MS = 5_000;

/** Makes the workers' side of the main process. Nothing runs before `start`. */
export function createWorkers(options: WorkersOptions): Workers {
  return new Pool(options);
}

class Pool implements Workers {
  readonly #options: WorkersOptions;
  readonly #links = new Set<WorkerLink>();
  readonly #waits = new Set<{ readonly seq: number; readonly resolve: () => void }>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #first: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #unsubscribe: () => void;
  #past = NO_COUNTERS;
  /** What each said last; what it counted since then goes with it. */
  readonly #measured = new Map<WorkerLink, Measurements>();
  #pastMeasured = NO_MEASUREMENTS;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  /** Milliseconds that this process was awake: while it stood still, it could not hear anybody answer. */
  #awake = 0;
  #tickedAt = machineTime();
  #failures = 0;
  #hasStarted = false;
  #isStopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#unsubscribe = options.onChanges((changes) => {
      for (const link of this.#links) link.change(changes);
    });
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    for (let index = 0; index < this.#options.count; index++) this.#spawn();
    const late = setTimeout(
      () => this.#first.reject(workerFailed('the workers of the gateway did not start within a minute')),
      START_MS,
    );
    try {
      await this.#first.promise;
      this.#hasStarted = true;
    } catch (cause) {
      await this.stop(0);
      throw cause;
    } finally {
      clearTimeout(late);
    }
  }

  async connections(): Promise<readonly LiveConnection[]> {
    return (await this.#askAll('connections', null)).flatMap((list) => list as LiveConnection[]);
  }

  async cut(filter: CutFilter, reason: Reason): Promise<number> {
    const order: CutOrder = { filter, reason };
    return (await this.#askAll('cut', order)).reduce((sum: number, count) => sum + Number(count), 0);
  }

  async measure(): Promise<Measurements> {
    await Promise.all(
      this.#ready().map(async (link) => {
        const measured = await askInTime(link, 'measure', null);
        if (measured !== undefined && this.#links.has(link)) this.#measured.set(link, measured as Measurements);
      }),
    );
    return addMeasurements([this.#pastMeasured, ...this.#measured.values()]);
  }

  get counters(): WorkerCounters {
    return [...this.#links].reduce((sum, { counters }) => added(sum, counters), this.#past);
  }

  get pids(): readonly number[] {
    return this.#ready().flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  async useCertificates(certificates: CertificateMaterial): Promise<void> {
    // Those that are starting as well: what they were told at first is outdated.
    await this.#askAll('useCertificates', certificates, [...this.#links]);
  }

  async useTicketKeys(keys: string): Promise<void> {
    await this.#askAll('useTicketKeys', keys, [...this.#links]);
  }

  async applied(seq: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waits.add({ seq, resolve });
      this.#onApplied();
    });
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    for (const link of this.#links) link.stop(graceMs);
    const late = setTimeout(() => {
      for (const link of this.#links) link.kill();
    }, graceMs + STOP_MS);
    await Promise.all([...this.#links].map(async ({ ended }) => await ended));
    // Until here: what is revoked while answers under way are finished ends them too.
    this.#unsubscribe();
    clearTimeout(late);
    clearInterval(this.#timer);
  }

  /** What those say who answer. */
  async #askAll(method: string, input: unknown, links = this.#ready()): Promise<unknown[]> {
    const answers = await Promise.all(links.map(async (link) => await askInTime(link, method, input)));
    return answers.filter((answer) => answer !== undefined);
  }

  #ready(): WorkerLink[] {
    return [...this.#links].filter(({ isReady }) => isReady);
  }

  #spawn(): void {
    const { graph, journal, settings, log, handoff, memory, endSession } = this.#options;
    const link = new WorkerLink({
      graph,
      journal,
      settings,
      log,
      methods: {
        endSession,
        ...memoryMethods(memory),
        redeem: async (input: Parameters<Redeemer['redeem']>[0]) => await handoff.redeem(input),
      },
      awake: () => this.#awake,
      onReady: () => this.#onReady(),
      onFailed: (failed, error) => this.#onFailed(failed, error),
      onApplied: () => this.#onApplied(),
      onEnd: (ended) => this.#onEnd(ended),
    });
    this.#links.add(link);
  }

  #onFailed({ pid }: WorkerLink, error: unknown): void {
    if (this.#isStopping) return;
    this.#options.log.error({ err: error, pid }, 'a worker of the gateway did not start');
    this.#first.reject(error);
  }

  #onReady(): void {
    if (this.pids.length === this.#options.count) this.#first.resolve();
  }

  #onApplied(): void {
    for (const waiting of this.#waits) {
      if (![...this.#links].every((link) => link.hasApplied(waiting.seq))) continue;
      this.#waits.delete(waiting);
      waiting.resolve();
    }
  }

  #onEnd(link: WorkerLink): void {
    this.#links.delete(link);
    this.#past = added(this.#past, link.counters);
    this.#forget(link);
    this.#onApplied();
    if (this.#isStopping || !this.#hasStarted) return;
    this.#failures = machineTime() - link.startedAt > STEADY_MS ? 0 : this.#failures + 1;
    const waitMs = this.#failures === 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    this.#options.log.error({ pid: link.pid, waitMs }, 'a worker of the gateway is gone; another one takes its place');
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#spawn();
    }, waitMs);
    this.#restarts.add(timer);
  }

  /** Keeps what one counted that is gone, and nothing of how it was. */
  #forget(link: WorkerLink): void {
    const last = this.#measured.get(link);
    this.#measured.delete(link);
    if (last === undefined) return;
    const { added: addedMs, firstByte, cuts, droppedTraces } = last;
    this.#pastMeasured = addMeasurements([
      this.#pastMeasured,
      { ...NO_MEASUREMENTS, added: addedMs, firstByte, cuts, droppedTraces },
    ]);
  }

  #tick(): void {
    const now = machineTime();
    this.#awake += Math.min(now - this.#tickedAt, 2 * TICK_MS);
    this.#tickedAt = now;
    this.#ticks += 1;
    for (const link of this.#links) {
      if (this.#ticks % TICKS_PER_BEAT === 0) link.beat();
      const why = link.lateness({ appliedMs: APPLIED_MS, heardMs: HEARD_MS, startMs: START_MS });
      if (why === undefined) continue;
      this.#options.log.error({ pid: link.pid }, `a worker of the gateway is ended: ${why}`);
      link.kill();
    }
  }
}

/** Undefined when no answer comes: a worker that ends meanwhile has nothing open any more, so it has nothing to say. */
async function askInTime(link: WorkerLink, method: string, input: unknown): Promise<unknown> {
  const late = wait(ANSWER_MS, undefined, { ref: false });
  return await Promise.race([link.ask(method, input).catch(() => undefined), late]);
}

function added(a: WorkerCounters, b: WorkerCounters): WorkerCounters {
  return {
    permitted: a.permitted + b.permitted,
    denied: a.denied + b.denied,
    cut: a.cut + b.cut,
    unrecorded: a.unrecorded + b.unrecorded,
  };
}
