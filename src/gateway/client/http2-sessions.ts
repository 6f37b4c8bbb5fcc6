import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { HTTP2_OPTIONS } from '../server-options.ts';
import { noteSlow, type SlowClientLimits, watchSlowClients } from '../slow-clients.ts';
import type { Http2Head } from './http2.ts';

/** How long a connection may stay without a stream, milliseconds. What never becomes a stream (a head without end) counts as none. */
const IDLE_MS = 60_000;
/** Longest head, bytes. */
const MOST_HEAD_BYTES = 16_384;
/**
 * What may be under way to us on one connection, bytes; a client far away uploads no more than that per round trip. What is kept of bodies
 * that nobody reads is bounded by the window of each stream.
 */
const WINDOW_BYTES = 1_048_576;
/** How long a connection that is told to end may take, milliseconds. */
const END_MS = 1_000;
/** After this long without a byte, the other end is asked whether it is still there, milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** Told of every stream, with the socket below it. */
export type OnStream = (stream: ServerHttp2Stream, head: Http2Head, socket: Socket) => void;

/** The HTTP/2 connections of one listener. */
export interface Http2Sessions {
  /** Speaks HTTP/2 on the socket from now on. */
  begin(socket: Socket): void;
  /** Accepts no more streams. */
  close(): void;
  /** Ends all connections at once. */
  destroy(): void;
}

/** How connections differ from the usual ones. */
export interface Http2Limits {
  readonly idleMs?: number;
  readonly headerBytes?: number;
  readonly streamsPerConnection?: number;
  /** How slow a client may be. Absent: as slow as it likes. */
  readonly slowClients?: SlowClientLimits;
}

function http2Options({ headerBytes, streamsPerConnection }: Http2Limits): typeof HTTP2_OPTIONS {
  const { settings } = HTTP2_OPTIONS;
  return {
    ...HTTP2_OPTIONS,
    settings: {
      ...settings,
      ...(headerBytes === undefined ? {} : { maxHeaderListSize: headerBytes }),
      ...(streamsPerConnection === undefined ? {} : { maxConcurrentStreams: streamsPerConnection }),
    },
  };
}

/** Keeps the HTTP/2 connections of one listener. */
export function http2Sessions(onStream: OnStream, { idleMs = IDLE_MS, ...limits }: Http2Limits = {}): Http2Sessions {
  const options = http2Options(limits);
  const open = new Set<ServerHttp2Session>();
  const slow = limits.slowClients === undefined ? undefined : watchSlowClients(limits.slowClients);
  return {
    begin: (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      const session = performServerHandshake(socket, options);
      session.setLocalWindowSize(WINDOW_BYTES);
      const streams = new Set<ServerHttp2Stream>();
      const unwatch = slow?.add({
        isWaitedFor: () => streams.values().some(({ writableLength }) => writableLength > 0),
        taken: () => socket.bytesWritten,
        end: () => {
          noteSlow(socket);
          session.destroy();
        },
      });
      const idle = setTimeout(() => {
        if (streams.size === 0) endSession(session);
      }, idleMs).unref();
      open.add(session);
      session.on('error', () => undefined); // closes by itself
      session.once('close', () => {
        clearTimeout(idle);
        open.delete(session);
        unwatch?.();
      });
      session.on('stream', (stream, headers, _flags, rawHeaders: string[]) => {
        // Before anything else: one that broke off in the same breath says so a moment later (attack: an error that nobody catches).
        stream.on('error', () => undefined);
        if (stream.destroyed) return;
        // Another scheme than the connection's is for somebody who reads it (attack: to be taken for another origin).
        if ((headers[':scheme'] ?? 'https') !== 'https') {
          stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
          return;
        }
        if (sizeOf(rawHeaders) > (limits.headerBytes ?? MOST_HEAD_BYTES)) {
          stream.respond({ ':status': 431 }, { endStream: true });
          return;
        }
        streams.add(stream);
        stream.once('close', () => {
          streams.delete(stream);
          if (streams.size === 0 && !session.destroyed) idle.refresh();
        });
        onStream(stream, { headers, rawHeaders }, socket);
      });
    },
    close: () => {
      for (const session of open) session.close();
    },
    destroy: () => {
      slow?.close();
      for (const session of open) session.destroy();
    },
  };
}

/** Size of a head as HTTP/2 counts it. A client that has not yet acknowledged our settings may send more than they say. */
function sizeOf(rawHeaders: readonly string[]): number {
  let size = 0;
  for (const text of rawHeaders) size += text.length + 16;
  return size;
}

function endSession(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_NO_ERROR);
  session.close();
  setTimeout(() => session.destroy(), END_MS).unref();
}
