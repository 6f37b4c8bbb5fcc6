import type { Clock } from '#base';
import type { Journal } from '#journal';
import { troubleEvent } from './told.ts';

/** What can go wrong inside the monitor; `docs/reference/detections.md` says what each means. */
export type Trouble = 'store-failed' | 'not-delivered' | 'rule-failed' | 'history-unreadable' | 'events-not-judged';

const MESSAGES: Partial<Record<Trouble, string>> = {
  'store-failed': 'detections cannot be written to the store; they are kept in memory and tried again every second',
  'not-delivered': 'a response or an event of the monitor is waiting; it is tried again every second',
};

/** Says what goes wrong, once until it goes right again: as a process warning, and in the journal while that can be written. */
export class Troubles {
  readonly #journal: Pick<Journal, 'append'>;
  readonly #clock: Clock;
  readonly #present = new Set<Trouble>();

  constructor(journal: Pick<Journal, 'append'>, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Runs `work`, which may fail: then that is told, and the answer is false. Never rejects. */
  async watch(trouble: Trouble, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.#present.delete(trouble);
      return true;
    } catch (cause) {
      await this.tell(trouble, MESSAGES[trouble] ?? trouble, cause);
      return false;
    }
  }

  /** Tells a trouble unless it is known. Never rejects. */
  async tell(trouble: Trouble, message: string, cause?: unknown): Promise<void> {
    if (this.#present.has(trouble)) return;
    this.#present.add(trouble);
    const text = cause instanceof Error ? `: ${cause.message}` : '';
    process.emitWarning(`monitoring: ${message}${text}`, {
      code: `CORDON_MONITOR_${trouble.toUpperCase().replaceAll('-', '_')}`,
    });
    try {
      await this.#journal.append(troubleEvent({ trouble, message: `${message}${text}`, time: this.#clock.now() }));
    } catch {
      // The warning above has said it; the journal says itself that it cannot be written.
    }
  }
}
