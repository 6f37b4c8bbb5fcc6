import type { Socket } from 'node:net';

/** Less is not worth a call. */
const LEAST_BYTES = 4096;

/** The callback for a write that gives its bytes away; undefined for a few bytes. */
export function onceLeft(
  chunk: Buffer,
  to: { readonly destroyed: boolean },
): ((error?: Error | null) => void) | undefined {
  if (chunk.length < LEAST_BYTES) return undefined;
  return (error) => {
    // What was broken off may still be read below.
    if (!error && !to.destroyed) giveBack(chunk);
  };
}

/** Makes a socket give back what is written to it, once it has left: whoever writes bytes gives them away. */
export function giveBackWritten(socket: Socket): void {
  const write = socket.write.bind(socket) as (...all: unknown[]) => boolean;
  socket.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean =>
    Buffer.isBuffer(chunk) && rest.length === 0 ? write(chunk, onceLeft(chunk, socket)) : write(chunk, ...rest);
}

/**
 * Gives back the memory of bytes that have left, at once; nobody may read them any more. Left to the engine, every few dozen MiB of bodies
 * make it look through all that the process holds, which takes the longer the more people and apps there are. What is only a part of some
 * memory stays, as others may hold the rest.
 */
function giveBack({ buffer, length }: Buffer): void {
  // Given back before when they were written to two places: to do it again is an error, and nobody is there to catch it.
  if (length === buffer.byteLength && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
