import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Ends an answer and its connection at once. One that waits for an earlier answer of its connection has no socket yet, and Node would
 * still send all that is held of it when its turn comes, whatever has ended it (attack: a pipelined request, to get a byte after the cut).
 */
export function breakOff(response: ServerResponse): void {
  if (response.socket === null) response.once('socket', (socket: Socket) => socket.destroy());
  response.destroy();
}
