import type { Writable } from 'node:stream';
import type { Clock, Json } from '#base';

/** Tells what an agent does: one line per event, for a journal or for a program. */
export type Log = (event: string, message: string, fields?: { readonly [key: string]: Json }) => void;

/** Writes events to a stream: `time message`, or with `json` one object per line. */
export function logTo(stream: Writable, o: { json: boolean; clock: Clock }): Log {
  return (event, message, fields = {}) => {
    const time = new Date(o.clock.now()).toISOString();
    // Messages may quote a server or a command; control characters in them must not reach a terminal.
    const plain = message.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
    stream.write(o.json ? `${JSON.stringify({ time, event, message, ...fields })}\n` : `${time} ${event}: ${plain}\n`);
  };
}
