import type { Duplex } from 'node:stream';
import { endSoftly } from './client/end-softly.ts';
import type { WebSocketOffer } from './client-end.ts';
import { type Exchange, type GatewayParts, need, refuse, type StageResult } from './exchange.ts';
import type { Flow } from './flow.ts';
import { answerFields, endTransfer, noteFirstByte, transferOf, whyCut } from './forward-http.ts';
import type { Cut } from './live.ts';
import { acceptKey, closeFrame, CUT_CODE, FrameBoundary } from './websocket.ts';

/** How long one side may stay open after the other has ended, milliseconds. A half-open WebSocket has nothing more to say. */
const HALF_OPEN_MS = 1000;

/**
 * Opens the WebSocket at the app's upstream and joins both ends. The client hears 101 only after the upstream has said it and has
 * proved, by the accept key, that it read the handshake (attack: an upstream that answers otherwise and takes the rest for requests).
 */
export async function forwardWebSocket(
  exchange: Exchange,
  parts: GatewayParts,
  headers: string[],
): Promise<StageResult> {
  const { client } = exchange;
  const offer = offerOf(exchange);
  return await new Promise((resolve) => {
    const transfer = transferOf(exchange, parts, resolve);
    const timer = setTimeout(() => {
      transfer.abort('timeout');
      resolve(refuse(504, 'upstream-timeout'));
    }, parts.limits.upgradeTimeoutMs);
    need(exchange, 'live').close = (cut): void => {
      endTransfer(exchange, transfer, { cut, resolve });
    };
    client.onceClosed(() => {
      clearTimeout(timer);
      transfer.abort('the client has gone');
      resolve('answered');
    });
    parts.upstreams.send(
      exchange.decision,
      {
        query: need(exchange, 'query'),
        headers: [...headers, 'sec-websocket-key', offer.key, 'sec-websocket-version', '13'],
        body: null,
        isWebSocket: true,
      },
      {
        ...transfer.handler,
        onResponseStart: (...answer) => {
          clearTimeout(timer); // it said no; that may take as long as any answer
          transfer.handler.onResponseStart?.(...answer);
        },
        onRequestUpgrade: (controller, status, fields, upstream) => {
          clearTimeout(timer);
          noteFirstByte(exchange, parts.timings, status);
          if (status !== 101 || fields['sec-websocket-accept'] !== acceptKey(offer.key)) {
            upstream.destroy();
            resolve(refuse(502, 'upstream-invalid', 'the app did not accept the WebSocket'));
            return;
          }
          if (exchange.cut !== undefined || client.hasLeft) {
            upstream.destroy();
            return;
          }
          join(exchange, offer.accept(answerFields(exchange, controller)), upstream);
          resolve('answered');
        },
      },
    );
  });
}

/** What the client asked for when it asked for a WebSocket. */
export function offerOf({ client }: Exchange): WebSocketOffer {
  if (client.webSocket === undefined) throw new Error('stage order broken: nobody asked for a WebSocket');
  return client.webSocket;
}

function join(exchange: Exchange, socket: Duplex, upstream: Duplex): void {
  const boundary = new FrameBoundary();
  const flow = follow(exchange, { socket, upstream, boundary });
  upstream.pipe(socket);
  socket.pipe(upstream);
  for (const [one, other, name] of [
    [socket, upstream, 'client'],
    [upstream, socket, 'app'],
  ] as const) {
    one.on('error', () => {
      flow.endedBy ??= name;
      other.destroy();
    });
    one.on('close', () => {
      flow.endedBy ??= name;
      endSoftly(other);
    });
    const endHalfOpen = (): void => {
      flow.endedBy ??= name;
      after(HALF_OPEN_MS, () => one.destroy());
    };
    // A client that left while the app was dialled has ended already, and says so only once.
    if (one.readableEnded) endHalfOpen();
    else one.once('end', endHalfOpen);
  }
  need(exchange, 'live').close = (cut): void => {
    exchange.cut = cut;
    upstream.unpipe(socket);
    socket.unpipe(upstream);
    // In the middle of a frame there is no place for a reason.
    if (boundary.isOpen) closeClient(socket, cut);
    else exchange.client.abort(whyCut(cut));
    // Nothing passes any more; taking down what nothing passes through can wait until all have heard.
    setImmediate(() => upstream.destroy());
  };
}

/** Counts what passes, and notes who says goodbye first. A cut ends it: what is dropped afterwards has not passed. */
function follow(
  exchange: Exchange,
  {
    socket,
    upstream,
    boundary,
  }: { readonly socket: Duplex; readonly upstream: Duplex; readonly boundary: FrameBoundary },
): Flow {
  const fromClient = new FrameBoundary();
  const flow: Flow = { fromClient: 0, toClient: 0, endedBy: undefined, isWhole: false };
  const noteGoodbye = (by: 'client' | 'app', { isClosed }: FrameBoundary): void => {
    if (!isClosed) return;
    flow.endedBy ??= by;
    flow.isWhole = true;
  };
  upstream.on('data', (chunk: Buffer) => {
    boundary.feed(chunk);
    if (exchange.cut !== undefined) return;
    flow.toClient += chunk.length;
    noteGoodbye('app', boundary);
  });
  socket.on('data', (chunk: Buffer) => {
    if (exchange.cut !== undefined) return;
    fromClient.feed(chunk);
    flow.fromClient += chunk.length;
    noteGoodbye('client', fromClient);
  });
  need(exchange, 'live').flow = flow;
  return flow;
}

/** Says goodbye with the reason and breaks off. */
export function closeClient(socket: Duplex, cut: Cut): void {
  socket.end(closeFrame(cut.closeCode ?? CUT_CODE, whyCut(cut).message));
  socket.resume(); // what the client still sends is dropped
  endSoftly(socket);
}

function after(milliseconds: number, work: () => void): void {
  setTimeout(work, milliseconds).unref();
}
