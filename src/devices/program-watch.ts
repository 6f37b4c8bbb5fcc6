import type { Touched, TrustGraph } from '#model';

/** Changes come in bursts (an activation, a plan's worth of workloads); they are looked at once. */
const COALESCE_MS = 25;
/** Waits looked at before others get a turn: each may render a program. */
const BATCH = 20;

interface Wait {
  readonly isOver: () => boolean;
  readonly end: (error?: unknown) => void;
}

/** Wakes those who wait for a program of theirs to change. */
export class ProgramWatch {
  readonly #stop: () => void;
  readonly #waits = new Map<string, Wait>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(graph: TrustGraph) {
    this.#stop = graph.onTouched((touched) => {
      if (this.#waits.size > 0 && mayChangePrograms(touched)) this.#schedule();
    });
  }

  /** How many wait. */
  get size(): number {
    return this.#waits.size;
  }

  /**
   * Resolves when `isOver` says so (asked at once and after changes), when `signal` aborts, on `close`, and when `who` waits anew: an agent
   * that has reconnected must not keep its old waits alive. Rejects when `isOver` throws.
   */
  async until(who: string, isOver: () => boolean, signal: AbortSignal): Promise<void> {
    this.#waits.get(who)?.end();
    if (this.#isClosed || signal.aborted || isOver()) return;
    await new Promise<void>((resolve, reject) => {
      const end = (error?: unknown): void => {
        if (this.#waits.get(who) === wait) this.#waits.delete(who);
        signal.removeEventListener('abort', onAbort);
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(String(error)));
      };
      const onAbort = (): void => end();
      const wait: Wait = { isOver, end };
      this.#waits.set(who, wait);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    clearTimeout(this.#timer);
    for (const wait of this.#waits.values()) wait.end();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look([...this.#waits]);
    }, COALESCE_MS);
  }

  #look(waits: readonly (readonly [string, Wait])[]): void {
    for (const [who, wait] of waits.slice(0, BATCH)) {
      try {
        if (this.#waits.get(who) === wait && wait.isOver()) wait.end();
      } catch (error) {
        wait.end(error);
      }
    }
    if (waits.length > BATCH) setImmediate(() => this.#look(waits.slice(BATCH)));
  }
}

/** Programs follow from workloads, segments and policies; a device that is no longer active has to hear so. */
function mayChangePrograms({ kind, after }: Touched): boolean {
  if (kind === 'device') return after?.kind !== 'device' || after.body.status !== 'active';
  return kind === 'workload' || kind === 'segment' || kind === 'policyActivation';
}
