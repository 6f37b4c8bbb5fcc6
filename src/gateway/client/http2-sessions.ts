import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { HTTP2_OPTIONS } from '../server-options.ts';
import type { Http2Head } from './http2.ts';

/** How long a connection may stay without a stream, milliseconds. What never becomes a stream (a head without end) counts as none. */
const IDLE_MS = 60_000;
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

/** Keeps the HTTP/2 connections of one listener. */
export function http2Sessions(onStream: OnStream, idleMs: number = IDLE_MS): Http2Sessions {
  const open = new Set<ServerHttp2Session>();
  return {
    begin: (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      const session = performServerHandshake(socket, HTTP2_OPTIONS);
      let streams = 0;
      const idle = setTimeout(() => {
        if (streams === 0) endSession(session);
      }, idleMs).unref();
      open.add(session);
      session.on('error', () => undefined); // closes by itself
      session.once('close', () => {
        clearTimeout(idle);
        open.delete(session);
      });
      session.on('stream', (stream, headers, _flags, rawHeaders: string[]) => {
        stream.on('error', () => undefined);
        // Another scheme than the connection's is for somebody who reads it (attack: to be taken for another origin).
        if ((headers[':scheme'] ?? 'https') !== 'https') {
          stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
          return;
        }
        streams += 1;
        stream.once('close', () => {
          streams -= 1;
          if (streams === 0 && !session.destroyed) idle.refresh();
        });
        onStream(stream, { headers, rawHeaders }, socket);
      });
    },
    close: () => {
      for (const session of open) session.close();
    },
    destroy: () => {
      for (const session of open) session.destroy();
    },
  };
}

function endSession(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_NO_ERROR);
  session.close();
  setTimeout(() => session.destroy(), END_MS).unref();
}
