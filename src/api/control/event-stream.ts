import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Journal } from '#journal';
import type { OcsfEvent, TrustGraph } from '#model';
import { STREAMING } from '../register.ts';

/** How often a comment is sent on an idle stream, so that a dead client is noticed. */
const HEARTBEAT_MS = 15_000;
/** A client that reads this many bytes slower than events come is let go; it reconnects and catches up by the list. */
const MAX_BUFFERED_BYTES = 1_000_000;
/** After a change, a stream's caller is decided on again within this time: many changes at once are one question. */
const RECHECK_MS = 100;
/** And without a change at least this often, because time passes too. */
const RECHECK_ALWAYS_MS = 1000;
const DECISIONS_AT_A_TIME = 16;
/** Streams at a time; more are refused by ending the oldest. */
const MOST_STREAMS = 200;

interface Stream {
  readonly response: ServerResponse;
  readonly onlyClass: number | undefined;
  readonly isStillAllowed: () => boolean;
}

/** Streams of events as they are recorded. */
export interface EventStreams {
  /** Takes the connection over: one `data:` line of JSON per event. It ends when its caller may not see events any more. */
  open(reply: FastifyReply, stream: Omit<Stream, 'response'>): typeof STREAMING;
  /** Ends all streams. */
  close(): void;
}

/** Makes the streams. @see WHATWG HTML, server-sent events */
export function createEventStreams(services: {
  readonly journal: Pick<Journal, 'subscribe'>;
  readonly graph: Pick<TrustGraph, 'onTouched'>;
}): EventStreams {
  const streams = new Set<Stream>();
  const recheck = async (): Promise<void> => {
    let count = 0;
    for (const stream of streams) {
      if (!mayStay(stream)) end(stream);
      // A decision takes a third of a millisecond; the gateway in the same thread must not wait for all of them.
      count += 1;
      if (count % DECISIONS_AT_A_TIME === 0) await nextTurn();
    }
  };
  const end = (stream: Stream): void => {
    streams.delete(stream);
    stream.response.end();
  };
  const unsubscribe = services.journal.subscribe((event) => {
    if (streams.size > 0) send(streams, event);
  });
  let due: NodeJS.Timeout | undefined;
  const unwatch = services.graph.onTouched(() => {
    if (streams.size === 0) return;
    due ??= setTimeout(() => {
      due = undefined;
      void recheck();
    }, RECHECK_MS).unref();
  });
  const always = setInterval(() => void recheck(), RECHECK_ALWAYS_MS).unref();
  const heartbeat = setInterval(() => {
    for (const { response } of streams) response.write(': still here\n\n');
  }, HEARTBEAT_MS).unref();
  return {
    open: (reply, input) => {
      const stream: Stream = { ...input, response: reply.raw };
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      reply.raw.write(': connected\n\n');
      for (const oldest of streams) {
        if (streams.size < MOST_STREAMS) break;
        end(oldest);
      }
      streams.add(stream);
      reply.raw.once('close', () => streams.delete(stream));
      return STREAMING;
    },
    close: () => {
      unsubscribe();
      unwatch();
      clearTimeout(due);
      clearInterval(always);
      clearInterval(heartbeat);
      for (const stream of streams) end(stream);
    },
  };
}

function mayStay({ isStillAllowed }: Stream): boolean {
  try {
    return isStillAllowed();
  } catch {
    return false;
  }
}

function send(streams: ReadonlySet<Stream>, event: OcsfEvent): void {
  const text = `id: ${event.metadata.uid}\ndata: ${JSON.stringify(event)}\n\n`;
  for (const { response, onlyClass } of streams) {
    if (onlyClass !== undefined && event.class_uid !== onlyClass) continue;
    if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
    else response.write(text);
  }
}
