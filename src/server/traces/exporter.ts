import type { Clock } from '#base';
import type { Tracer } from '#gateway';
import type { Log } from '../log.ts';
import { otlpOf, type Resource } from './otlp.ts';

/** Where traces go, and how many of them. */
export interface TraceSettings {
  /** URL that takes OTLP over HTTP as JSON. */
  readonly endpoint: string;
  /** Part of the requests, 0 to 1. */
  readonly sample: number;
}

/** A tracer that sends what it takes. */
export interface TraceExporter extends Tracer {
  /** Sends what has gathered, for a second at most, and ends. */
  close(): Promise<void>;
}

/** Requests that wait to be sent; further ones are dropped and counted. */
const MOST_WAITING = 2048;
/** Requests in one message. */
const MOST_AT_ONCE = 256;
const EVERY_MS = 1_000;
/** How long a collector may take, milliseconds. */
const ANSWER_MS = 5_000;
const LAST_WORDS_MS = 1_000;

/**
 * Sends traces in batches, one after the other. A collector that is slow, down or refuses costs requests nothing: what does not fit into
 * the queue and what it did not take is dropped and counted. Only the first failure in a row is logged.
 */
export function createTraceExporter(
  { endpoint, sample }: TraceSettings,
  { clock, log, resource }: { readonly clock: Clock; readonly log: Log; readonly resource: Resource },
): TraceExporter {
  const waiting: Parameters<Tracer['take']>[0][] = [];
  let dropped = 0;
  let hasFailed = false;
  let sending: Promise<void> | undefined;
  const send = async (signal: AbortSignal): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST_AT_ONCE);
      try {
        await post(endpoint, JSON.stringify(otlpOf(batch, resource, clock.now() - performance.now())), signal);
        hasFailed = false;
      } catch (err) {
        dropped += batch.length;
        if (!hasFailed) log.warn({ err, endpoint }, 'traces could not be sent; they are dropped until it works again');
        hasFailed = true;
        return; // the next try is a second away
      }
    }
  };
  const ending = new AbortController();
  const flush = async (): Promise<void> => {
    sending ??= send(ending.signal).finally(() => {
      sending = undefined;
    });
    await sending;
  };
  const timer = setInterval(() => void flush(), EVERY_MS).unref();
  return {
    sample,
    take: (request) => {
      if (waiting.length < MOST_WAITING) waiting.push(request);
      else dropped += 1;
    },
    get dropped() {
      return dropped;
    },
    close: async () => {
      clearInterval(timer);
      const late = setTimeout(() => ending.abort(), LAST_WORDS_MS);
      await flush();
      await flush(); // what was on its way may have been refused, which leaves the rest waiting
      clearTimeout(late);
      dropped += waiting.length;
      waiting.length = 0;
    },
  };
}

async function post(endpoint: string, body: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
}
