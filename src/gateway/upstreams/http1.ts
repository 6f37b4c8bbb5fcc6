import type { Socket } from 'node:net';
import { Pool } from 'undici';
import { giveBackWritten } from '../spent-bytes.ts';
import type { Deadlines, Transport, UpstreamRequest } from './transport.ts';

type Handler = Parameters<Transport['dispatch']>[1];

/** How long a connection without a request is kept, milliseconds. Most servers keep theirs for 5 s, and close it under the next request. */
const KEEP_MS = 4_000;
/** Size of a head, bytes. */
const MOST_HEAD_BYTES = 65_536;

/** Connections over HTTP/1.1 to one server. What is sent after the body is dropped (RFC 9110 section 6.5.1 allows it). */
export function createHttp1(origin: string, open: () => Promise<Socket>, deadlines: Deadlines): Transport {
  const pool = new Pool(origin, {
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: KEEP_MS,
    keepAliveMaxTimeout: KEEP_MS,
    connect: (_options, callback) => {
      open().then(
        (socket) => {
          giveBackWritten(socket); // all that is written here are heads and bodies on their way
          callback(null, socket);
        },
        (error: unknown) => {
          callback(error instanceof Error ? error : new Error(String(error)), null);
        },
      );
    },
    headersTimeout: deadlines.headersTimeoutMs,
    bodyTimeout: deadlines.idleTimeoutMs,
    maxHeaderSize: MOST_HEAD_BYTES,
  });
  const send = ({ method, path, headers, body, isWebSocket }: UpstreamRequest, handler: Handler): void => {
    const upgrade = isWebSocket ? { upgrade: 'websocket', headersTimeout: deadlines.upgradeTimeoutMs } : {};
    pool.dispatch({ method, path, headers: headers as string[], body, ...upgrade }, handler);
  };
  // What one turn decided leaves together, so that it does not wake the server once for each.
  const waiting: Parameters<typeof send>[] = [];
  const sendAll = (): void => {
    for (const one of waiting.splice(0)) send(...one);
  };
  return {
    dispatch: (...one) => {
      if (waiting.push(one) === 1) setImmediate(sendAll);
    },
    retire: () => {
      sendAll();
      void pool.close();
    },
    destroy: async () => {
      sendAll();
      await pool.destroy();
    },
  };
}
