import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** How slow a client may be. */
export interface SlowClientLimits {
  readonly bytesPerSecond: number;
  /** For how long it may be slower than that, while there is something to be read, milliseconds. */
  readonly ms: number;
}

/** One connection, as far as slowness goes. */
export interface Watched {
  /** True while data waits for the client. */
  readonly isWaitedFor: () => boolean;
  /** Bytes that the client has taken so far. What the kernel buffers counts as taken. */
  readonly taken: () => number;
  readonly end: () => void;
}

/** Looks after connections, a few times per deadline; costs nothing per request. */
export interface SlowWatch {
  /** Returns the function that ends looking after it. */
  add(watched: Watched): () => void;
  close(): void;
}

/** What a client had taken when it was last looked at. */
interface Progress {
  readonly at: number;
  readonly taken: number;
}

/**
 * Ends connections whose client takes less than it should while data waits for it (attack: to read a byte now and then, so that nothing
 * stands still and everything is held). One deadline per connection, however many answers wait on it.
 */
export function watchSlowClients({ bytesPerSecond, ms }: SlowClientLimits): SlowWatch {
  const all = new Map<Watched, Progress | undefined>();
  const look = (watched: Watched, before: Progress | undefined, now: number): void => {
    if (!watched.isWaitedFor()) {
      if (before !== undefined) all.set(watched, undefined);
      return;
    }
    const taken = watched.taken();
    if (before === undefined) all.set(watched, { at: now, taken });
    else if (now - before.at >= ms) {
      const least = (bytesPerSecond * (now - before.at)) / 1000;
      if (taken - before.taken < least) watched.end();
      else all.set(watched, { at: now, taken });
    }
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [watched, before] of all) look(watched, before, now);
  }, ms / 4).unref();
  return {
    add: (watched) => {
      all.set(watched, undefined);
      return () => all.delete(watched);
    },
    close: () => {
      clearInterval(timer);
    },
  };
}

const slow = new WeakSet<Socket>();

/** Takes note that a connection is ended for being slow. */
export function noteSlow(socket: Socket): void {
  slow.add(socket);
}

/** True for a connection that was ended for being slow. */
export function wasSlow(socket: Socket): boolean {
  return slow.has(socket);
}

/** Looks after the connections of a server over HTTP/1.1. */
export function endSlowClients(server: Server | TlsServer, limits: SlowClientLimits): void {
  const watch = watchSlowClients(limits);
  const isTls = 'setSecureContext' in server;
  server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    const unwatch = watch.add({
      isWaitedFor: () => socket.writableLength > 0,
      taken: () => socket.bytesWritten - socket.writableLength,
      end: () => {
        noteSlow(socket);
        socket.destroy();
      },
    });
    socket.once('close', unwatch);
  });
  server.once('close', watch.close);
}
