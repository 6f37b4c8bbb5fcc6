import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { BoundedBody } from './bounded-body.ts';
import {
  type Exchange,
  type GatewayParts,
  inOneLine,
  need,
  type Refusal,
  refuse,
  type StageResult,
} from './exchange.ts';
import type { Flow } from './flow.ts';
import { returnable, trailing } from './headers.ts';
import type { Cut } from './live.ts';
import { denied } from './stages/decide.ts';
import { upstreamRefusal } from './upstreams/refusal.ts';

/** One request on its way to an upstream and back. */
export interface Transfer extends Flow {
  handler: Dispatcher.DispatchHandler;
  /** Ends it at once, in both directions. */
  readonly abort: (why: string) => void;
}

/** Sends the request to the app's upstream and streams the answer back; each side waits for the other to take what was sent. */
export async function forwardHttp(exchange: Exchange, parts: GatewayParts, headers: string[]): Promise<StageResult> {
  const { client } = exchange;
  return await new Promise((resolve) => {
    const transfer = transferOf(exchange, parts, resolve);
    need(exchange, 'live').close = (cut): void => {
      endTransfer(exchange, transfer, { cut, resolve });
    };
    need(exchange, 'live').flow = transfer;
    client.onceClosed(() => {
      transfer.abort('the client has gone');
      resolve('answered');
    });
    parts.upstreams.send(
      exchange.decision,
      {
        query: need(exchange, 'query'),
        headers,
        body: bodyOf(exchange, transfer, resolve),
        ...(client.hasBody ? { trailers: (): string[] => trailing(client.trailers()) } : {}),
        isWebSocket: false,
      },
      transfer.handler,
    );
  });
}

/** The body for the upstream. One that may not be sent whole is broken off at both ends, the upstream's first. */
function bodyOf(
  { client, mostBodyBytes: most }: Exchange,
  transfer: Transfer,
  resolve: (result: StageResult) => void,
): Readable | null {
  if (!client.hasBody || most === undefined) return client.hasBody ? client.body : null;
  const body = new BoundedBody(most, () => {
    transfer.abort('the body is too large');
    if (client.hasBegun) client.abort();
    resolve(refuse(413, 'body-too-large', `at most ${most} bytes`));
  });
  return client.body.once('error', (error) => body.destroy(error)).pipe(body);
}

/** Ends a transfer for a cut: with the refusal while nothing was answered yet, else by breaking the connection off. */
export function endTransfer(
  exchange: Exchange,
  transfer: Transfer,
  { cut, resolve }: { readonly cut: Cut; readonly resolve: (result: StageResult) => void },
): void {
  exchange.cut = cut;
  transfer.fromClient = exchange.client.bodyBytes;
  transfer.abort('cut');
  if (!exchange.client.hasBegun) {
    resolve(cutRefusal(cut));
    return;
  }
  // A response that has begun cannot be taken back; ending it properly would make a part look like the whole.
  exchange.client.abort(whyCut(cut));
  resolve('answered');
}

/** What a client is told that can still be told something. */
export function whyCut(cut: Cut): { readonly status: number; readonly message: string } {
  return { status: cutRefusal(cut).status, message: inOneLine(cut.reason) };
}

function returnedFields({ rawHeaders }: Dispatcher.DispatchController): string[] {
  return Array.isArray(rawHeaders) ? returnable(rawHeaders) : [];
}

/** The fields of the app's answer for the client, and which exchange it is of. */
export function answerFields({ correlationId }: Exchange, controller: Dispatcher.DispatchController): string[] {
  const fields = returnedFields(controller);
  fields.push('x-cordon-correlation-id', correlationId);
  return fields;
}

/** What follows the body; most have nothing. */
function trailersOf(raw: Dispatcher.DispatchController['rawTrailers']): string[] {
  return Array.isArray(raw) && raw.length > 0 ? trailing(raw) : [];
}

/** The refusal that a cut becomes while nothing was answered yet. */
export function cutRefusal({ reason, decision }: Cut): Refusal {
  if (decision !== undefined) return denied(decision);
  const status = reason.code === 'gateway-stopping' ? 503 : reason.code === 'session-revoked' ? 401 : 403;
  return refuse(status, reason.code, reason.detail);
}

/** Takes note of how long the app took to begin its answer. */
export function noteFirstByte(exchange: Exchange, { firstByte }: GatewayParts['timings'], status: number): void {
  const { app, dialledAt } = exchange;
  if (app === undefined || dialledAt === undefined) return;
  const now = performance.now();
  exchange.firstByteAt = now;
  exchange.status = status;
  firstByte.add(app.id, now - dialledAt);
}

/** A body up to this size that arrives in one piece leaves in one piece. */
const SMALL_BYTES = 16_384;

/** Answers the client with what the upstream answers. `resolve` is called once: with `answered` or what went wrong. */
export function transferOf(
  exchange: Exchange,
  { recorder, timings }: Pick<GatewayParts, 'recorder' | 'timings'>,
  resolve: (result: StageResult) => void,
): Transfer {
  const { client } = exchange;
  let control: Dispatcher.DispatchController | undefined;
  // Text, not an error: most of these are never thrown, and a stack costs more than the rest.
  let ended: string | undefined;
  let length = Number.NaN;
  let whole: Buffer | undefined;
  const abort = (why: string): void => {
    if (ended !== undefined) return;
    ended = why;
    control?.abort(new Error(why));
  };
  const transfer: Transfer = { handler: {}, abort, fromClient: 0, toClient: 0, endedBy: undefined, isWhole: false };
  transfer.handler = {
    onRequestStart: (controller) => {
      control = controller;
      if (ended !== undefined) controller.abort(new Error(ended));
    },
    onResponseStart: (controller, status, headers) => {
      if (status < 200) {
        // Others end at this hop: 100 is ours to say, 101 and 102 are about this connection.
        if (status === 103) client.inform(status, returnedFields(controller));
        return;
      }
      noteFirstByte(exchange, timings, status);
      length = Number(headers['content-length']);
      client.begin(status, answerFields(exchange, controller));
    },
    onResponseData: (controller, chunk) => {
      transfer.toClient += chunk.length;
      if (chunk.length === length && length <= SMALL_BYTES) {
        whole = chunk; // all of it, so the end follows at once
        return;
      }
      if (client.write(chunk)) return;
      controller.pause();
      client.onceDrained(() => {
        controller.resume();
      });
    },
    onResponseEnd: ({ rawTrailers }) => {
      ended ??= 'complete';
      transfer.isWhole = true;
      try {
        client.end(whole, trailersOf(rawTrailers));
      } catch {
        client.abort(); // nobody is told of an end that fails, and it would stay open as if more came
      }
      resolve('answered');
    },
    onResponseError: (_controller, error) => {
      if (ended !== undefined) return;
      ended = error.message;
      transfer.endedBy = 'app';
      const refusal = upstreamRefusal(error);
      if (!client.hasBegun) {
        resolve(refusal);
        return;
      }
      // What has begun cannot be refused any more; the journal says why the client got a part only.
      client.abort();
      exchange.refusedFor = refusal.reasons[0]?.code ?? 'internal';
      void recorder.refusal(exchange, refusal);
      resolve('answered');
    },
  };
  return transfer;
}
