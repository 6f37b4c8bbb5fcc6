import { allowance } from '#base';
import { type Decision, type OcsfEvent, type ReasonCode, type TrustGraph, writeEvent, type WrittenEvent } from '#model';
import { decisionText } from '#policy';
import { type Counters, type Exchange, isFault, type Refusal } from './exchange.ts';
import type { Ending } from './flow.ts';
import type { Cut, LiveEntry } from './live.ts';
import { cutEvent, endEvent } from './record-entry.ts';
import { exchangeAttributes } from './record-attributes.ts';

/** Methods that have a name of their own in OCSF. */
const ACTIVITIES = new Map(
  (['connect', 'delete', 'get', 'head', 'options', 'post', 'put', 'trace', 'patch'] as const).map(
    (name) => [name.toUpperCase(), name] as const,
  ),
);

/** Where events go. A journal that takes none that are written already gets them read back. */
export interface RecordJournal {
  append(event: OcsfEvent, urgency?: 'now' | 'soon'): Promise<unknown>;
  appendWritten?(event: WrittenEvent, urgency?: 'now' | 'soon'): Promise<unknown>;
  /** For an event that nobody waits for. */
  note?(event: WrittenEvent, onLost: () => void): void;
}

/** Writes what the gateway did to the journal. */
export interface Recorder {
  /** A decided request. Resolves true when the event is on disk. */
  access(exchange: Exchange, decision: Decision): Promise<boolean>;
  /** The same where nobody waits for the disk. */
  note(exchange: Exchange, decision: Decision): void;
  /** A request that a stage refused before or after the decision, or that its upstream failed. */
  refusal(exchange: Exchange, refusal: Refusal): Promise<boolean>;
  /** An open exchange that was cut; `latencyMs` from the change to the end of the exchange, where not only time passed. */
  cut(entry: LiveEntry, cut: Cut, latencyMs: number | undefined): Promise<boolean>;
  /** An exchange that was open for long, or was a tunnel, and has ended by itself. */
  end(entry: LiveEntry, ending: Ending): void;
}

/** Makes the recorder. */
export function createRecorder(options: {
  readonly graph: TrustGraph;
  readonly journal: RecordJournal;
  readonly now: () => number;
  readonly counters: Counters;
  readonly anonymousPerSecond: number;
}): Recorder {
  const { journal, counters, graph, now } = options;
  const mayTell = allowance(options.anonymousPerSecond, now);
  const isWritten = (): boolean => true;
  // The journal itself says why; here it only matters that the event is not there.
  const isLost = (): boolean => {
    counters.unrecorded += 1;
    return false;
  };
  const write = (event: WrittenEvent): Promise<boolean> =>
    (journal.appendWritten?.(event) ?? journal.append(JSON.parse(event.text) as OcsfEvent)).then(isWritten, isLost);
  const note = (event: WrittenEvent): void => {
    if (journal.note === undefined) journal.append(JSON.parse(event.text) as OcsfEvent, 'soon').catch(isLost);
    else journal.note(event, isLost);
  };
  // Whoever is not signed in must not be able to fill the disk.
  const isTooMuch = (exchange: Exchange): boolean => {
    if (exchange.user !== undefined || mayTell()) return false;
    counters.unrecorded += 1;
    return true;
  };
  return {
    access: (exchange, decision) =>
      isTooMuch(exchange) ? Promise.resolve(false) : write(accessEvent(exchange, decision, now())),
    note: (exchange, decision) => {
      if (!isTooMuch(exchange)) note(accessEvent(exchange, decision, now()));
    },
    refusal: async (exchange, { status, reasons, cause }) => {
      if (isTooMuch(exchange)) return false;
      const code = reasons[0]?.code ?? 'internal';
      const cordon = JSON.stringify({ reasons, ...(cause === undefined ? {} : { cause }) });
      return await write(exchangeEvent(exchange, now(), { outcome: `refused (${code})`, code, status, cordon }));
    },
    cut: async (entry, cut, latencyMs) => await write(cutEvent(entry, cut, { latencyMs, graph, now: now() })),
    end: (entry, ending) => {
      note(endEvent(entry, ending, { graph, now: now() }));
    },
  };
}

function accessEvent(exchange: Exchange, decision: Decision, time: number): WrittenEvent {
  const isPermit = decision.effect === 'permit';
  const code = isPermit ? undefined : decision.reasons[0]?.code;
  const outcome = isPermit ? 'permitted' : `denied (${code ?? 'no reason'})`;
  return exchangeEvent(exchange, time, { outcome, code, cordon: decisionText(decision) });
}

function exchangeEvent(
  exchange: Exchange,
  time: number,
  end: {
    readonly outcome: string;
    readonly code: ReasonCode | undefined;
    readonly status?: number;
    /** JSON of what is Cordon's own. */
    readonly cordon: string;
  },
): WrittenEvent {
  const { client, user, authority } = exchange;
  // What was decided on: a tunnel is not the GET that it begins with.
  const method = exchange.access?.method ?? client.method.slice(0, 32);
  const path = exchange.path ?? '';
  const host = authority?.host ?? '';
  const isRefused = end.code !== undefined;
  return writeEvent({
    class: 'httpActivity',
    activity: ACTIVITIES.get(method) ?? 'other',
    time,
    message: `${user?.email ?? 'somebody'} ${end.outcome} ${method} ${host}${path}`,
    severity: isRefused ? 'low' : 'informational',
    status: isRefused ? 'failure' : 'success',
    ...(end.code === undefined ? {} : { statusCode: end.code }),
    ...(isFault(end.code) ? {} : { action: isRefused ? 'denied' : 'allowed' }),
    correlationId: exchange.correlationId,
    attributes: exchangeAttributes(exchange, { method, path, host, status: end.status }),
    cordon: end.cordon,
  });
}
