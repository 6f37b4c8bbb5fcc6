import type { Journal } from '#journal';
import { EVENT_CLASSES, type OcsfEvent, type TrustGraph } from '#model';
import type { Sample } from './exposition.ts';

/** What is counted of the events since the start. */
export interface Counted {
  /** By app, outcome and reason. */
  requests(): Sample[];
  /** By reason. */
  cuts(): Sample[];
  /** By class of OCSF. */
  events(): Sample[];
  /** Requests that were shed, and gateways that shed now. */
  readonly shed: number;
  readonly shedding: number;
  close(): void;
}

const ALLOWED = 1;
const DENIED = 2;
const CUT = 'cut';
const END = 'end';
/** Series of one metric at most; what would be one more is counted under `other` (attack: to make series until the memory is full). */
const MOST_SERIES = 2000;
const CLASS_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(EVENT_CLASSES).map(([name, { uid }]) => [uid, name]),
);

/**
 * Counts what the journal is told, wherever it happened: also what workers did. It costs the gateway nothing. Labels are ids of apps and codes
 * of the catalogue; neither people nor paths nor what a client says ever becomes one.
 */
export function countEvents(journal: Pick<Journal, 'subscribe'>, graph: Pick<TrustGraph, 'get'>): Counted {
  const [requests, cuts, events] = [new Series(), new Series(), new Series()];
  const overload = { shed: 0, shedding: 0 };
  const count = (event: OcsfEvent): void => {
    events.add({ class: CLASS_NAMES.get(event.class_uid) ?? 'other' });
    if (event.class_uid !== EVENT_CLASSES.httpActivity.uid) return;
    if (event.activity_name === CUT) cuts.add({ reason: event.status_code ?? 'none' });
    else if (event.activity_name !== END && !noteEpisode(event, overload)) requests.add(requestLabels(event, graph));
  };
  const unsubscribe = journal.subscribe(count);
  return {
    requests: () => requests.samples(),
    cuts: () => cuts.samples(),
    events: () => events.samples(),
    get shed() {
      return overload.shed;
    },
    get shedding() {
      return overload.shedding;
    },
    close: unsubscribe,
  };
}

function requestLabels(event: OcsfEvent, graph: Pick<TrustGraph, 'get'>): Readonly<Record<string, string>> {
  const { dst_endpoint: end } = event;
  const said = typeof end === 'object' && end !== null && 'svc_name' in end ? end['svc_name'] : undefined;
  const app = typeof said === 'string' && graph.get('app', said) !== undefined ? said : 'none';
  const outcome = event.action_id === ALLOWED ? 'permitted' : event.action_id === DENIED ? 'denied' : 'failed';
  return { app, outcome, reason: event.status_code ?? 'none' };
}

/** True for an event about an overload and not about a request. */
function noteEpisode(event: OcsfEvent, counts: { shed: number; shedding: number }): boolean {
  const episode = event.unmapped?.cordon['overload'];
  if (typeof episode !== 'object' || episode === null || !('kind' in episode)) return false;
  if (episode['kind'] === 'began') counts.shedding += 1;
  else {
    counts.shedding = Math.max(0, counts.shedding - 1);
    counts.shed += typeof episode['shed'] === 'number' ? episode['shed'] : 0;
  }
  return true;
}

/** Counters of one metric, by their labels. */
class Series {
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();

  add(labels: Readonly<Record<string, string>>): void {
    if (this.#counts.size >= MOST_SERIES && !this.#counts.has(keyOf(labels))) {
      this.#addTo(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])));
    } else this.#addTo(labels);
  }

  #addTo(labels: Readonly<Record<string, string>>): void {
    const key = keyOf(labels);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels, value: 1 });
    else known.value += 1;
  }

  samples(): Sample[] {
    return [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
  }
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return Object.values(labels).join('\n');
}
