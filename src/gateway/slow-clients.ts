import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** How slow a client may be. */
export interface SlowClientLimits {
  readonly bytesPerSecond: number;
  /** For how long it may be slower than that, while there is something to be read, milliseconds. */
  readonly ms: number;
}

/** What a client had taken when it was last looked at. */
interface Progress {
  readonly at: number;
  readonly taken: number;
}

/**
 * Ends connections over HTTP/1.1 whose client takes less than it should while data waits for it (attack: to read a byte now and then, so
 * that nothing stands still and everything is held). What the kernel buffers counts as taken. Costs nothing per request.
 */
export function endSlowClients(server: Server | TlsServer, { bytesPerSecond, ms }: SlowClientLimits): void {
  const sockets = new Map<Socket, Progress | undefined>();
  const isTls = 'setSecureContext' in server;
  server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.set(socket, undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [socket, before] of sockets) {
      const { writableLength } = socket;
      if (writableLength === 0) {
        if (before !== undefined) sockets.set(socket, undefined);
        continue;
      }
      const taken = socket.bytesWritten - writableLength;
      if (before === undefined) sockets.set(socket, { at: now, taken });
      else if (now - before.at >= ms) {
        const least = (bytesPerSecond * (now - before.at)) / 1000;
        if (taken - before.taken < least) socket.destroy();
        else sockets.set(socket, { at: now, taken });
      }
    }
  }, ms / 4).unref();
  server.once('close', () => {
    clearInterval(timer);
  });
}
