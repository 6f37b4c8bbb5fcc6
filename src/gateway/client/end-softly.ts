import type { Duplex } from 'node:stream';

/** How long the other end may take to read what was sent before it is let go, milliseconds. */
const FLUSH_MS = 1000;

/** Ends a stream; if the other end does not take it in time, breaks it off. */
export function endSoftly(stream: Duplex): void {
  if (stream.destroyed) return;
  if (!stream.writableEnded) stream.end();
  setTimeout(() => stream.destroy(), FLUSH_MS).unref();
}
