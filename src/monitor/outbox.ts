import { newId } from '#base';
import type { Journal } from '#journal';
import type { OcsfEvent } from '#model';
import type { StoreTransaction } from '#store';
import { type Means, perform, type ResponseJob, type ResponseOutcome, withResponse } from './respond.ts';
import { responseEvent } from './told.ts';

/** Kind of the private rows of the outbox. */
const ROW = 'monitor-outbox';
/** A response is tried this often, once in each sweep. */
const ATTEMPTS = 5;

/** What a transaction decided is to be told and done once it is on disk. */
export interface Consequences {
  readonly events: readonly OcsfEvent[];
  readonly jobs: readonly ResponseJob[];
}

interface Row extends Consequences {
  readonly id: string;
}

/** What the outbox works with. */
export interface OutboxOptions extends Means {
  readonly journal: Pick<Journal, 'append' | 'recent'>;
  readonly now: () => number;
}

/**
 * Tells and does what was decided, also across a crash: the consequences of a transaction are written in it, and removed when all
 * is done. An event may then be appended again after a crash in between, under its same id; a response asks first what is so already.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #appended = new Set<string>();
  /** Job id -> how often it failed, and why the last time. */
  readonly #attempts = new Map<string, { readonly count: number; readonly cause: unknown }>();
  #rows: Row[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Reads what an earlier process left. */
  async load(): Promise<void> {
    const left = await this.#options.store.read(async (tx) => await tx.listPrivate<Consequences>(ROW));
    this.#rows = left.map(({ id, body }) => ({ id, ...body }));
    if (left.length === 0) return;
    for (const { metadata } of this.#options.journal.recent(Number.MAX_SAFE_INTEGER)) this.#appended.add(metadata.uid);
  }

  /** Writes consequences beside what has them. The result is to be called when the transaction is committed. */
  async put(tx: StoreTransaction, consequences: Consequences): Promise<() => void> {
    if (consequences.events.length === 0 && consequences.jobs.length === 0) return () => {};
    const id = newId('out', this.#options.now());
    await tx.putPrivate(ROW, id, { events: consequences.events, jobs: consequences.jobs });
    return () => {
      this.#rows.push({ id, ...consequences });
    };
  }

  /**
   * Does and tells all that waits, oldest first. Rejects when something failed; what is left stays for the next time. A response that
   * failed before is tried only with `isRetry`, or a busy second would use up its attempts.
   */
  async deliver({ isRetry }: { readonly isRetry: boolean }): Promise<void> {
    let failure: unknown;
    // Responses first, all of them: a journal that cannot be written must not keep a workload connected.
    for (const { id } of this.#rows) {
      try {
        await this.#respond(id, isRetry);
      } catch (cause) {
        failure ??= cause;
      }
    }
    for (const row of this.#rows) if (row.jobs.length === 0) await this.#tell(row);
    if (failure !== undefined) throw failure instanceof Error ? failure : new Error(String(failure));
    this.#appended.clear();
  }

  /** Every job of a row has its turn: one that fails must not keep the next subject connected. */
  async #respond(rowId: string, isRetry: boolean): Promise<void> {
    let failure: { readonly cause: unknown } | undefined;
    for (const job of this.#rows.find(({ id }) => id === rowId)?.jobs ?? []) {
      try {
        const failed = this.#attempts.get(job.id);
        if (failed !== undefined && !isRetry) throw failed.cause;
        const now = this.#options.now();
        const outcome = await this.#attempt(job, now);
        await this.#finish(rowId, job, { outcome, now });
        this.#attempts.delete(job.id);
      } catch (cause) {
        failure ??= { cause };
      }
    }
    if (failure !== undefined) throw failure.cause;
  }

  async #attempt(job: ResponseJob, now: number): Promise<ResponseOutcome> {
    try {
      return await perform(this.#options, job, now);
    } catch (cause) {
      const count = (this.#attempts.get(job.id)?.count ?? 0) + 1;
      this.#attempts.set(job.id, { count, cause });
      if (count < ATTEMPTS) throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      const what = `gave up on ${job.subjectId} after ${ATTEMPTS} attempts: ${text}`;
      return { result: 'failed', what, statusCode: 'response-failed' };
    }
  }

  async #finish(
    rowId: string,
    job: ResponseJob,
    { outcome, now }: { outcome: ResponseOutcome; now: number },
  ): Promise<void> {
    const row = this.#rows.find(({ id }) => id === rowId);
    if (row === undefined) return;
    const next: Row = {
      id: rowId,
      events: [...row.events, responseEvent(job, { ...outcome, time: now })],
      jobs: row.jobs.filter(({ id }) => id !== job.id),
    };
    await this.#options.store.transact(`rule:${job.responseId}`, async (tx) => {
      const alert = await tx.get('alert', job.alertId);
      const isShown = outcome.result === 'done' || outcome.result === 'dry-run';
      if (alert !== undefined && isShown) await tx.put('alert', withResponse(alert, job, now));
      await tx.putPrivate(ROW, rowId, { events: next.events, jobs: next.jobs });
    });
    this.#rows = this.#rows.map((one) => (one.id === rowId ? next : one));
  }

  async #tell(row: Row): Promise<void> {
    const { journal, store } = this.#options;
    for (const event of row.events) {
      if (this.#appended.has(event.metadata.uid)) continue;
      await journal.append(event);
      this.#appended.add(event.metadata.uid);
    }
    await store.transact('system', async (tx) => await tx.deletePrivate(ROW, row.id));
    this.#rows = this.#rows.filter(({ id }) => id !== row.id);
  }
}
