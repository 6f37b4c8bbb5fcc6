import type { OcsfEvent } from '#model';

/** Proof that an event is on disk: its place in the chain and the file that held it first. */
export interface Receipt {
  readonly seq: number;
  readonly hash: string;
  readonly segment: string;
}

/** Is told of every event once it is durable, in chain order. */
export type JournalListener = (event: OcsfEvent, receipt: Receipt) => void;

/** The subscribers of a journal. None of them can disturb it or the others. */
export class Listeners {
  readonly #all = new Set<JournalListener>();

  /** Returns the function that removes it again. */
  add(listener: JournalListener): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(event: OcsfEvent, receipt: Receipt): void {
    for (const listener of this.#all) {
      try {
        const outcome: unknown = listener(event, receipt);
        if (outcome instanceof Promise) outcome.catch(warn);
      } catch (error) {
        warn(error);
      }
    }
  }
}

function warn(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`a journal listener failed: ${text}`, { code: 'CORDON_JOURNAL_LISTENER' });
}
