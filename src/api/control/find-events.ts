import { type Clock, CordonError } from '#base';
import type { Journal, QueryParameter } from '#journal';
import type { OcsfEvent } from '#model';

/** Which events. */
export interface EventFilter {
  readonly limit: number;
  readonly correlation?: string | undefined;
  readonly class?: number | undefined;
  /** Id of the app it is about. */
  readonly app?: string | undefined;
}

/** Events that the journal holds ready, and that are looked through first. */
const READY = 2000;
/** Questions whose answers are remembered. */
const MOST_KNOWN = 32;
/** Where so much happens that something may have gone by unseen, the files are asked again after this long, milliseconds. */
const AGAIN_MS = 30_000;

/** Failures that the same question would come to again, after as much work (attack: pages that keep asking what takes too long). */
const LASTING: ReadonlySet<string> = new Set(['query-timeout', 'query-too-large']);

/** What the journal said to a question that those held ready did not answer. */
interface Known {
  /** The newest first; as many as were asked for, or all there are. */
  readonly events: readonly OcsfEvent[];
  readonly limit: number;
  /** The newest that was held ready then: as long as it still is, nothing is missing between. */
  readonly newest: string;
  /** When the files were asked. */
  readonly askedAt: number;
  /** Why they said nothing. */
  readonly failure?: CordonError;
}

/**
 * Finds the newest events, newest first, in the whole journal. A question to the files takes a process of its own, and pages ask again and
 * again: so they are asked only when those held ready do not suffice, and what they said once is what they say, as they are only added to.
 */
export class EventFinder {
  readonly #journal: Pick<Journal, 'recent' | 'query'>;
  readonly #clock: Clock;
  readonly #known = new Map<string, Promise<Known>>();

  constructor(journal: Pick<Journal, 'recent' | 'query'>, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Throws as `journal.query`, but for what the events held ready answer in part: then it is those. */
  async find(filter: EventFilter): Promise<OcsfEvent[]> {
    const isFiltered = [filter.class, filter.correlation, filter.app].some((one) => one !== undefined);
    const ready = this.#journal.recent(isFiltered ? READY : filter.limit);
    const found = newestOf(ready, filter);
    if (!isFiltered || found.length >= filter.limit || ready.length < READY) return found;
    if (found.length > 0 && beganWithin(filter.correlation, ready[0])) return found;
    try {
      const { events, failure } = await this.#older(filter, ready);
      if (failure !== undefined) throw failure;
      return newest([...found, ...events], filter.limit);
    } catch (error) {
      if (found.length === 0) throw error;
      return found;
    }
  }

  async #older(filter: EventFilter, ready: readonly OcsfEvent[]): Promise<Known> {
    const key = JSON.stringify([filter.class ?? null, filter.app ?? null, filter.correlation ?? null]);
    let [known, seen]: [Known | undefined, Promise<Known> | undefined] = [undefined, undefined];
    // INVARIANT: between the last look and what is noted below nothing waits: of many who ask the same, one asks the files.
    for (let asked = this.#known.get(key); asked !== undefined && asked !== seen; asked = this.#known.get(key)) {
      seen = asked;
      known = await asked.catch(() => undefined);
    }
    if (known?.failure !== undefined && this.#isRecent(known)) return known;
    const isEnough =
      known?.failure === undefined &&
      known !== undefined &&
      (known.limit >= filter.limit || known.events.length < known.limit);
    const isGapless = ready.some(({ metadata }) => metadata.uid === known?.newest);
    const answer =
      known !== undefined && isEnough && (isGapless || this.#isRecent(known))
        ? Promise.resolve(joined(known, filter, { ready, isGapless }))
        : this.#ask(filter, ready);
    this.#remember(key, answer);
    return await answer;
  }

  #isRecent({ askedAt }: Known): boolean {
    const age = this.#clock.now() - askedAt;
    return age >= 0 && age < AGAIN_MS;
  }

  async #ask(filter: EventFilter, ready: readonly OcsfEvent[]): Promise<Known> {
    const conditions: string[] = [];
    const parameters: QueryParameter[] = [];
    const demand = (column: string, value: string | number | undefined): void => {
      if (value === undefined) return;
      parameters.push(value);
      conditions.push(`${column} = $${parameters.length}`);
    };
    demand('correlation_uid', filter.correlation);
    demand('class_uid', filter.class);
    demand(`(event->'dst_endpoint'->>'svc_name')`, filter.app);
    const said = { limit: filter.limit, newest: uidOfNewest(ready) };
    try {
      const rows = await this.#journal.query(
        `select event from events where ${conditions.join(' and ')} order by seq desc limit ${Math.trunc(filter.limit)}`,
        parameters,
      );
      // The column holds what `append` accepted.
      const events = rows.map(({ event }) => event as unknown as OcsfEvent).filter((event) => isWanted(event, filter));
      return { ...said, events, askedAt: this.#clock.now() };
    } catch (error) {
      if (!(error instanceof CordonError) || !LASTING.has(error.code)) throw error;
      return { ...said, events: [], askedAt: this.#clock.now(), failure: error };
    }
  }

  /** What was asked for longest ago is forgotten first, and a failure at once. */
  #remember(key: string, answer: Promise<Known>): void {
    this.#known.delete(key);
    this.#known.set(key, answer);
    answer.catch(() => {
      if (this.#known.get(key) === answer) this.#known.delete(key);
    });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** What was known, and what has happened since. A gap stays one, so that the files are asked about it in time. */
function joined(
  known: Known,
  filter: EventFilter,
  { ready, isGapless }: { readonly ready: readonly OcsfEvent[]; readonly isGapless: boolean },
): Known {
  const events = newest([...newestOf(ready, { ...filter, limit: known.limit }), ...known.events], known.limit);
  return { ...known, events, newest: isGapless ? uidOfNewest(ready) : known.newest };
}

function newestOf(events: readonly OcsfEvent[], filter: EventFilter): OcsfEvent[] {
  const found: OcsfEvent[] = [];
  for (let at = events.length - 1; at >= 0 && found.length < filter.limit; at--) {
    const event = events[at];
    if (event !== undefined && isWanted(event, filter)) found.push(event);
  }
  return found;
}

/** The first so many, each once. */
function newest(events: readonly OcsfEvent[], limit: number): OcsfEvent[] {
  return [...new Map(events.map((event) => [event.metadata.uid, event])).values()].slice(0, limit);
}

function uidOfNewest(ready: readonly OcsfEvent[]): string {
  return ready.at(-1)?.metadata.uid ?? '';
}

/** True for what began after the oldest event that is held ready: ids sort by time, so all that is about it is held ready too. */
function beganWithin(correlation: string | undefined, oldest: OcsfEvent | undefined): boolean {
  if (correlation === undefined || oldest === undefined) return false;
  return afterPrefix(correlation) > afterPrefix(oldest.metadata.uid);
}

function afterPrefix(id: string): string {
  return id.slice(id.indexOf('_') + 1);
}

function isWanted(event: OcsfEvent, filter: EventFilter): boolean {
  if (filter.class !== undefined && event.class_uid !== filter.class) return false;
  if (filter.app !== undefined && appOf(event) !== filter.app) return false;
  return filter.correlation === undefined || event.metadata.correlation_uid === filter.correlation;
}

function appOf({ dst_endpoint: endpoint }: OcsfEvent): unknown {
  return typeof endpoint === 'object' && endpoint !== null && 'svc_name' in endpoint ? endpoint.svc_name : undefined;
}
